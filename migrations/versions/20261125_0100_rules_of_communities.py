"""Rules of communities: topics, dated values, words of neighbours, sheets, deductions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261125_rules"
down_revision = "20261125_corrections"
branch_labels = None
depends_on = None

TOPICS = (
    ("serve", "志愿服务", "service", False, 0, 3000),
    ("neighbour", "邻里互助", "service", False, 200, 500),
    ("join", "参加活动和议事", "basic", False, 100, 300),
    ("report", "反映和建议", "basic", False, 100, 800),
    ("give", "捐赠", "basic", False, 100, 300),
    ("person", "信息核实", "basic", False, 100, 500),
    ("waste", "垃圾分类", "basic", True, 100, 1500),
    ("covenant", "居民公约", "basic", True, 100, 800),
    ("safety", "家庭安全", "basic", True, 100, 500),
)
"""As data/defaults/topics.csv has them; loading the places again brings the rest up to date."""

NAMED = {
    "serve.neighbour": "neighbour",
    "resident.verified": "person",
    "survey.answer": "join",
    "deduct.corridor": "covenant",
    "deduct.waste": "waste",
}
CAPS = ("cap_per_act", "cap_per_day", "cap_per_month", "cap_per_year")
OLD = (
    "key",
    "name",
    "points_kind",
    "unit",
    "points_base",
    "points_min",
    "points_max",
    "cap_per_day",
    "cap_per_month",
    "cap_per_year",
    "holder",
    "recorded_by",
    "provenance",
    "on_by_default",
    "note",
)


def upgrade() -> None:
    op.create_table(
        "rule_topics",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("points_kind", sa.Text(), nullable=False),
        sa.Column("duty", sa.Boolean(), nullable=False),
        sa.Column("points_min", sa.BigInteger(), nullable=False),
        sa.Column("points_max", sa.BigInteger(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "points_kind IN ('basic', 'service')", name=op.f("ck_rule_topics_points_kind")
        ),
        sa.CheckConstraint(
            "NOT duty OR points_kind = 'basic'", name=op.f("ck_rule_topics_duty_is_basic")
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_rule_topics")),
        sa.UniqueConstraint("key", "points_kind", name=op.f("uq_rule_topics_key_points_kind")),
    )
    names = ("key", "name", "points_kind", "duty", "points_min", "points_max")
    table = sa.table("rule_topics", *(sa.column(name) for name in (*names, "words")))
    op.bulk_insert(table, [dict(zip(names, row, strict=True), words="") for row in TOPICS])
    _catalogue(with_topics=True)
    _community_rules()
    op.add_column("awards", sa.Column("counted_for", sa.Uuid(), nullable=True))
    for cap in CAPS:
        op.add_column("session_parts", sa.Column(cap, sa.Integer(), nullable=True))
    op.add_column("session_parts", _household_caps())
    for cap in CAPS[1:]:
        op.execute(
            f"UPDATE session_parts SET {cap} = (SELECT {cap} FROM catalogue_rules"
            " WHERE catalogue_rules.key = session_parts.rule)"
        )
    _recording()


def _household_caps() -> sa.Column[bool]:
    return sa.Column(
        "household_caps", sa.Boolean(), server_default=sa.text("false"), nullable=False
    )


def _catalogue(*, with_topics: bool) -> None:
    """Make the catalogue anew with its rows: other tables point at it.

    SQLite cannot add these constraints, and dropping a table that is pointed at would fail at
    once. Deferred, what is missing is there again when the rows are.
    """
    sqlite = op.get_bind().dialect.name == "sqlite"
    if not sqlite:
        (_add_topics if with_topics else _drop_topics)()
        return
    op.execute("PRAGMA defer_foreign_keys=ON")
    op.execute("CREATE TABLE catalogue_kept AS SELECT * FROM catalogue_rules")
    op.drop_table("catalogue_rules")
    new = (
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("community", sa.BigInteger(), nullable=True),
        sa.Column("from_community", sa.BigInteger(), nullable=True),
        sa.Column("from_rule", sa.Text(), nullable=True),
        sa.Column("cap_per_act", sa.Integer(), nullable=True),
        _household_caps(),
        sa.CheckConstraint(
            "community IS NULL OR points_min > 0", name=op.f("ck_catalogue_rules_own_gives")
        ),
        sa.ForeignKeyConstraint(
            ["topic", "points_kind"],
            ["rule_topics.key", "rule_topics.points_kind"],
            name="fk_catalogue_rules_topic",
        ),
        sa.ForeignKeyConstraint(
            ["community"], ["communities.code"], name=op.f("fk_catalogue_rules_community")
        ),
        sa.UniqueConstraint("community", "name", name="uq_catalogue_rules_own_name"),
    )
    op.create_table(
        "catalogue_rules",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("points_kind", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("points_base", sa.BigInteger(), nullable=False),
        sa.Column("points_min", sa.BigInteger(), nullable=False),
        sa.Column("points_max", sa.BigInteger(), nullable=False),
        sa.Column("cap_per_day", sa.Integer(), nullable=True),
        sa.Column("cap_per_month", sa.Integer(), nullable=True),
        sa.Column("cap_per_year", sa.Integer(), nullable=True),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.Column("provenance", sa.Text(), nullable=False),
        sa.Column("on_by_default", sa.Boolean(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        *(new if with_topics else ()),
        sa.CheckConstraint(
            "holder <> 'household' OR points_kind = 'basic'",
            name=op.f("ck_catalogue_rules_household_basic"),
        ),
        sa.CheckConstraint(
            "holder IN ('resident', 'household')", name=op.f("ck_catalogue_rules_holder")
        ),
        sa.CheckConstraint(
            "points_kind IN ('basic', 'service')", name=op.f("ck_catalogue_rules_points_kind")
        ),
        sa.CheckConstraint(
            "points_min <= points_base AND points_base <= points_max",
            name=op.f("ck_catalogue_rules_band"),
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_catalogue_rules")),
    )
    kept = ", ".join(OLD)
    if with_topics:
        op.execute(
            f"INSERT INTO catalogue_rules ({kept}, topic) SELECT {kept}, {_topic_of()}"
            " FROM catalogue_kept"
        )
    else:
        op.execute(f"INSERT INTO catalogue_rules ({kept}) SELECT {kept} FROM catalogue_kept")
    op.drop_table("catalogue_kept")


def _topic_of() -> str:
    """Say in SQL which topic a rule of the first catalogue has: mostly its key's first word."""
    named = " ".join(f"WHEN key = '{key}' THEN '{topic}'" for key, topic in NAMED.items())
    firsts = " ".join(f"WHEN key LIKE '{row[0]}.%' THEN '{row[0]}'" for row in TOPICS)
    return f"CASE {named} {firsts} WHEN points_kind = 'service' THEN 'serve' ELSE 'join' END"


def _add_topics() -> None:
    for column in (
        sa.Column("topic", sa.Text(), nullable=True),
        sa.Column("community", sa.BigInteger(), nullable=True),
        sa.Column("from_community", sa.BigInteger(), nullable=True),
        sa.Column("from_rule", sa.Text(), nullable=True),
        sa.Column("cap_per_act", sa.Integer(), nullable=True),
        _household_caps(),
    ):
        op.add_column("catalogue_rules", column)
    op.execute(f"UPDATE catalogue_rules SET topic = {_topic_of()}")
    op.alter_column("catalogue_rules", "topic", nullable=False)
    op.create_check_constraint(
        op.f("ck_catalogue_rules_own_gives"),
        "catalogue_rules",
        "community IS NULL OR points_min > 0",
    )
    op.create_foreign_key(
        "fk_catalogue_rules_topic",
        "catalogue_rules",
        "rule_topics",
        ["topic", "points_kind"],
        ["key", "points_kind"],
    )
    op.create_foreign_key(
        op.f("fk_catalogue_rules_community"),
        "catalogue_rules",
        "communities",
        ["community"],
        ["code"],
    )
    op.create_unique_constraint(
        "uq_catalogue_rules_own_name", "catalogue_rules", ["community", "name"]
    )


def _drop_topics() -> None:
    for name in ("topic", "community", "from_community", "from_rule"):
        op.execute(f"ALTER TABLE catalogue_rules DROP COLUMN {name} CASCADE")
    op.drop_column("catalogue_rules", "cap_per_act")
    op.drop_column("catalogue_rules", "household_caps")


def _community_rules() -> None:
    """Make the table anew: no version of the code has written a row of it."""
    op.drop_table("community_rules")
    op.create_table(
        "community_rules",
        sa.Column("community", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("revision", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=True),
        *(sa.Column(cap, sa.Integer(), nullable=True) for cap in CAPS),
        sa.Column("household_caps", sa.Boolean(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.Column("outside_band", sa.Boolean(), nullable=False),
        sa.Column("from_community", sa.BigInteger(), nullable=True),
        sa.Column("set_by", sa.Uuid(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("points <> 0", name=op.f("ck_community_rules_points")),
        sa.CheckConstraint("revision > 0", name=op.f("ck_community_rules_revision")),
        sa.ForeignKeyConstraint(
            ["community"], ["communities.code"], name=op.f("fk_community_rules_community")
        ),
        sa.ForeignKeyConstraint(
            ["rule"], ["catalogue_rules.key"], name=op.f("fk_community_rules_rule")
        ),
        sa.PrimaryKeyConstraint(
            "community", "rule", "valid_from", "revision", name=op.f("pk_community_rules")
        ),
    )


def _recording() -> None:
    op.create_table(
        "neighbour_helps",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("community", sa.BigInteger(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("helper", sa.Uuid(), nullable=False),
        sa.Column("helper_household", sa.Uuid(), nullable=False),
        sa.Column("helped", sa.Uuid(), nullable=False),
        sa.Column("helped_household", sa.Uuid(), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("word", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_by", sa.Uuid(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("needs_second", sa.Boolean(), nullable=False),
        sa.CheckConstraint("helper <> helped", name=op.f("ck_neighbour_helps_two_people")),
        sa.CheckConstraint(
            "helper_household <> helped_household", name=op.f("ck_neighbour_helps_two_households")
        ),
        sa.CheckConstraint(
            "state IN ('asked', 'confirmed', 'declined')", name=op.f("ck_neighbour_helps_state")
        ),
        sa.CheckConstraint("word IN ('device', 'told')", name=op.f("ck_neighbour_helps_word")),
        sa.CheckConstraint(
            "(state = 'confirmed') = (confirmed_by IS NOT NULL)",
            name=op.f("ck_neighbour_helps_confirmed"),
        ),
        sa.ForeignKeyConstraint(
            ["rule"], ["catalogue_rules.key"], name=op.f("fk_neighbour_helps_rule")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_neighbour_helps")),
    )
    op.create_index("ix_neighbour_helps_helped_state", "neighbour_helps", ["helped", "state"])
    op.create_index(
        "ix_neighbour_helps_community_state", "neighbour_helps", ["community", "state"]
    )
    op.create_table(
        "act_sheets",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("community", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["community"], ["communities.code"], name=op.f("fk_act_sheets_community")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_act_sheets")),
    )
    op.create_index("ix_act_sheets_community_created_at", "act_sheets", ["community", "created_at"])
    op.create_table(
        "act_sheet_rows",
        sa.Column("sheet", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("award", sa.Uuid(), nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "outcome IN ('recorded', 'existed', 'capped', 'refused')",
            name=op.f("ck_act_sheet_rows_outcome"),
        ),
        sa.ForeignKeyConstraint(
            ["sheet"], ["act_sheets.id"], name=op.f("fk_act_sheet_rows_sheet")
        ),
        sa.PrimaryKeyConstraint("sheet", "number", name=op.f("pk_act_sheet_rows")),
    )
    op.create_table(
        "reminders",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("community", sa.BigInteger(), nullable=False),
        sa.Column("household", sa.Uuid(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("noted_by", sa.Uuid(), nullable=False),
        sa.Column("noted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deduction", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["rule"], ["catalogue_rules.key"], name=op.f("fk_reminders_rule")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reminders")),
        sa.UniqueConstraint(
            "household", "rule", "day", name=op.f("uq_reminders_household_rule_day")
        ),
    )
    op.create_index("ix_reminders_community_day", "reminders", ["community", "day"])
    op.create_table(
        "deductions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("community", sa.BigInteger(), nullable=False),
        sa.Column("household", sa.Uuid(), nullable=False),
        sa.Column("account", sa.BigInteger(), nullable=False),
        sa.Column("points_kind", sa.Text(), nullable=False),
        sa.Column("holder_kind", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_deductions_amount")),
        sa.CheckConstraint("points_kind = 'basic'", name=op.f("ck_deductions_only_basic")),
        sa.CheckConstraint("holder_kind = 'household'", name=op.f("ck_deductions_only_households")),
        sa.ForeignKeyConstraint(
            ["account", "community", "points_kind"],
            ["accounts.id", "accounts.community", "accounts.points_kind"],
            name="fk_deductions_account",
        ),
        sa.ForeignKeyConstraint(["rule"], ["catalogue_rules.key"], name=op.f("fk_deductions_rule")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deductions")),
    )
    op.create_index("ix_deductions_community_day", "deductions", ["community", "day"])
    op.create_index("ix_deductions_household", "deductions", ["household"])


def downgrade() -> None:
    for table in ("deductions", "reminders", "act_sheet_rows", "act_sheets", "neighbour_helps"):
        op.drop_table(table)
    for name in (*CAPS, "household_caps"):
        op.drop_column("session_parts", name)
    op.drop_column("awards", "counted_for")
    op.drop_table("community_rules")
    # Rules that communities made do not exist in the older shape.
    op.execute("DELETE FROM catalogue_rules WHERE community IS NOT NULL")
    _catalogue(with_topics=False)
    op.create_table(
        "community_rules",
        sa.Column("community", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=True),
        sa.Column("set_by", sa.Uuid(), nullable=False),
        sa.CheckConstraint("points <> 0", name=op.f("ck_community_rules_points")),
        sa.ForeignKeyConstraint(
            ["community"], ["communities.code"], name=op.f("fk_community_rules_community")
        ),
        sa.ForeignKeyConstraint(
            ["rule"], ["catalogue_rules.key"], name=op.f("fk_community_rules_rule")
        ),
        sa.PrimaryKeyConstraint("community", "rule", "valid_from", name=op.f("pk_community_rules")),
    )
    op.drop_table("rule_topics")
