"""All tables of the first version."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261124_1"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("holder_kind", sa.Text(), nullable=False),
        sa.Column("holder_id", sa.Uuid(), nullable=False),
        sa.Column("community", sa.BigInteger(), nullable=False),
        sa.Column("counterpart", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("points_kind", sa.Text(), nullable=False),
        sa.Column("credited", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("debited", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("held", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint("(purpose = 'holder') = (id > 0)", name=op.f("ck_accounts_sign")),
        sa.CheckConstraint(
            "holder_kind <> 'household' OR points_kind = 'basic'",
            name=op.f("ck_accounts_household_basic"),
        ),
        sa.CheckConstraint(
            "holder_kind IN ('resident', 'household', 'community', 'subdistrict')",
            name=op.f("ck_accounts_holder_kind"),
        ),
        sa.CheckConstraint(
            "points_kind = 'service' OR held = 0", name=op.f("ck_accounts_basic_never_held")
        ),
        sa.CheckConstraint(
            "points_kind = 'service' OR purpose IN ('holder', 'issued', 'adjusted')",
            name=op.f("ck_accounts_basic_purpose"),
        ),
        sa.CheckConstraint(
            "points_kind IN ('basic', 'service')", name=op.f("ck_accounts_points_kind")
        ),
        sa.CheckConstraint(
            "purpose = 'holder' OR (credited = 0 AND debited = 0 AND held = 0)",
            name=op.f("ck_accounts_no_running_balance"),
        ),
        sa.CheckConstraint(
            "purpose IN ('holder', 'issued', 'redeemed', 'expired', 'adjusted', 'clearing', 'retired', 'rounding', 'fund')",
            name=op.f("ck_accounts_purpose"),
        ),
        sa.CheckConstraint("credited - debited - held >= 0", name=op.f("ck_accounts_covered")),
        sa.CheckConstraint(
            "credited >= 0 AND debited >= 0 AND held >= 0", name=op.f("ck_accounts_counters")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
        sa.UniqueConstraint(
            "holder_id",
            "holder_kind",
            "purpose",
            "community",
            "counterpart",
            "points_kind",
            name="uq_accounts_identity",
        ),
        sa.UniqueConstraint("id", "community", "points_kind", name="uq_accounts_book"),
        sa.UniqueConstraint("id", "points_kind", name="uq_accounts_kind"),
    )
    with op.batch_alter_table("accounts", schema=None) as batch_op:
        batch_op.create_index("ix_accounts_community", ["community", "purpose"], unique=False)

    op.create_table(
        "activity_templates",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("scene", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("take_part_rule", sa.Text(), nullable=True),
        sa.Column("take_part_places", sa.Integer(), nullable=True),
        sa.Column("serve_rule", sa.Text(), nullable=True),
        sa.Column("serve_places", sa.Integer(), nullable=True),
        sa.Column("duration_minutes", sa.Integer(), nullable=False),
        sa.Column("place_hint", sa.Text(), nullable=False),
        sa.Column("season", sa.Text(), nullable=False),
        sa.Column("bring", sa.Text(), nullable=False),
        sa.Column("open_to", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_activity_templates")),
    )
    op.create_table(
        "audit_events",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("use_case", sa.Text(), nullable=False),
        sa.Column("actor", sa.Uuid(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_events")),
        sa.UniqueConstraint(
            "use_case", "actor", "key", name=op.f("uq_audit_events_use_case_actor_key")
        ),
    )
    with op.batch_alter_table("audit_events", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_audit_events_at"), ["at"], unique=False)

    op.create_table(
        "business_days",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_business_days")),
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
    op.create_table(
        "discount_rates",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("home", sa.BigInteger(), nullable=False),
        sa.Column("host", sa.BigInteger(), nullable=False),
        sa.Column("rate", sa.Integer(), nullable=True),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=False),
        sa.Column("confirmed_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "scope IN ('pair', 'home', 'host', 'subdistricts', 'same_subdistrict', 'group', 'district')",
            name=op.f("ck_discount_rates_scope"),
        ),
        sa.CheckConstraint(
            "confirmed_by IS NULL OR confirmed_by <> proposed_by",
            name=op.f("ck_discount_rates_two_people"),
        ),
        sa.CheckConstraint(
            "rate IS NULL OR rate BETWEEN 1 AND 10000", name=op.f("ck_discount_rates_rate")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_discount_rates")),
        sa.UniqueConstraint(
            "scope",
            "home",
            "host",
            "valid_from",
            name=op.f("uq_discount_rates_scope_home_host_valid_from"),
        ),
    )
    op.create_table(
        "districts",
        sa.Column(
            "code",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_districts")),
    )
    op.create_table(
        "groups",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_groups")),
    )
    op.create_table(
        "item_templates",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=False),
        sa.Column("stock_default", sa.Integer(), nullable=True),
        sa.Column("shelf_life_days", sa.Integer(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("limit_per_household_month", sa.Integer(), nullable=True),
        sa.Column("home_first_days", sa.Integer(), nullable=False),
        sa.Column("foreign_share_percent", sa.Integer(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_item_templates")),
    )
    op.create_table(
        "job_runs",
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("slot", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("claim", sa.Uuid(), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("report", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "state IN ('running', 'done', 'failed')", name=op.f("ck_job_runs_state")
        ),
        sa.PrimaryKeyConstraint("job", "slot", name=op.f("pk_job_runs")),
    )
    op.create_table(
        "login_codes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("phone_index", sa.Text(), nullable=False),
        sa.Column("phone_cipher", sa.Text(), nullable=False),
        sa.Column("code_hash", sa.Text(), nullable=False),
        sa.Column("browser_hash", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("tries >= 0", name=op.f("ck_login_codes_tries")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_codes")),
    )
    with op.batch_alter_table("login_codes", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_login_codes_phone_index_created_at"),
            ["phone_index", "created_at"],
            unique=False,
        )

    op.create_table(
        "outbox",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("person", sa.Uuid(), nullable=True),
        sa.Column("phone_cipher", sa.Text(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("params", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("send_after", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), server_default="waiting", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('waiting', 'sent', 'failed', 'cancelled')", name=op.f("ck_outbox_state")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("key", name=op.f("uq_outbox_key")),
    )
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.create_index(
            "ix_outbox_due",
            ["send_after"],
            unique=False,
            sqlite_where=sa.text("state = 'waiting'"),
            postgresql_where=sa.text("state = 'waiting'"),
        )
        batch_op.create_index(
            batch_op.f("ix_outbox_person_created_at"), ["person", "created_at"], unique=False
        )

    op.create_table(
        "people",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("phone_cipher", sa.Text(), nullable=True),
        sa.Column("phone_index", sa.Text(), nullable=True),
        sa.Column("phone_tail", sa.Text(), nullable=True),
        sa.Column("birth_year", sa.Integer(), nullable=True),
        sa.Column("mode", sa.Text(), server_default="standard", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_people")),
        sa.UniqueConstraint("phone_index", "name", name=op.f("uq_people_phone_index_name")),
    )
    with op.batch_alter_table("people", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_people_name"), ["name"], unique=False)
        batch_op.create_index(batch_op.f("ix_people_phone_tail"), ["phone_tail"], unique=False)

    op.create_table(
        "quota_usage",
        sa.Column("quota", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("used >= 0", name=op.f("ck_quota_usage_used")),
        sa.PrimaryKeyConstraint("quota", "subject", "period", name=op.f("pk_quota_usage")),
    )
    op.create_table(
        "rate_limits",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("window_end", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_rate_limits")),
    )
    op.create_table(
        "refused_scans",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("session", sa.Uuid(), nullable=True),
        sa.Column("resident", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refused_scans")),
    )
    with op.batch_alter_table("refused_scans", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_refused_scans_session_at"), ["session", "at"], unique=False
        )

    op.create_table(
        "reversals",
        sa.Column("original", sa.Uuid(), nullable=False),
        sa.Column("reversal", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("original", name=op.f("pk_reversals")),
    )
    op.create_table(
        "rule_usage",
        sa.Column("holder_id", sa.Uuid(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("holder_id", "rule", "period", name=op.f("pk_rule_usage")),
    )
    op.create_table(
        "setting_values",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("place", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("set_by", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("key", "place", "valid_from", name=op.f("pk_setting_values")),
    )
    op.create_table(
        "account_deltas",
        sa.Column("cause", sa.Uuid(), nullable=False),
        sa.Column("account", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("credited", sa.BigInteger(), nullable=False),
        sa.Column("debited", sa.BigInteger(), nullable=False),
        sa.Column("standard", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(
            ["account"], ["accounts.id"], name=op.f("fk_account_deltas_account")
        ),
        sa.PrimaryKeyConstraint("cause", "account", "day", name=op.f("pk_account_deltas")),
    )
    with op.batch_alter_table("account_deltas", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_account_deltas_account"), ["account"], unique=False)

    op.create_table(
        "account_folds",
        sa.Column("account", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("credited", sa.BigInteger(), nullable=False),
        sa.Column("debited", sa.BigInteger(), nullable=False),
        sa.Column("standard", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(
            ["account"], ["accounts.id"], name=op.f("fk_account_folds_account")
        ),
        sa.PrimaryKeyConstraint("account", "day", name=op.f("pk_account_folds")),
    )
    op.create_table(
        "awards",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("account", sa.BigInteger(), nullable=False),
        sa.Column("holder_id", sa.Uuid(), nullable=False),
        sa.Column("points_kind", sa.Text(), nullable=False),
        sa.Column("community", sa.BigInteger(), nullable=False),
        sa.Column("bearing", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("host_transfer", sa.Uuid(), nullable=True),
        sa.Column("host_amount", sa.BigInteger(), nullable=True),
        sa.Column("standard", sa.BigInteger(), nullable=True),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("provenance", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("source_kind", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.Column("event_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_by", sa.Uuid(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("batch", sa.Uuid(), nullable=True),
        sa.CheckConstraint("(state = 'done') = (done_at IS NOT NULL)", name=op.f("ck_awards_done")),
        sa.CheckConstraint(
            "points_kind = 'service' OR bearing = community", name=op.f("ck_awards_basic_at_home")
        ),
        sa.CheckConstraint(
            "provenance IN ('verified', 'recorded', 'back_filled')",
            name=op.f("ck_awards_provenance"),
        ),
        sa.CheckConstraint("state IN ('pending', 'done', 'void')", name=op.f("ck_awards_state")),
        sa.CheckConstraint("amount > 0", name=op.f("ck_awards_amount")),
        sa.CheckConstraint(
            "host_amount IS NULL OR host_amount > 0", name=op.f("ck_awards_host_amount")
        ),
        sa.ForeignKeyConstraint(
            ["account", "community", "points_kind"],
            ["accounts.id", "accounts.community", "accounts.points_kind"],
            name="fk_awards_account",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_awards")),
        sa.UniqueConstraint("cause", name=op.f("uq_awards_cause")),
    )
    with op.batch_alter_table("awards", schema=None) as batch_op:
        batch_op.create_index("ix_awards_account", ["account", "event_at"], unique=False)
        batch_op.create_index(
            "ix_awards_batch",
            ["batch"],
            unique=False,
            sqlite_where=sa.text("batch IS NOT NULL"),
            postgresql_where=sa.text("batch IS NOT NULL"),
        )
        batch_op.create_index("ix_awards_bearing", ["bearing", "event_at"], unique=False)
        batch_op.create_index(
            "ix_awards_due",
            ["due", "account"],
            unique=False,
            sqlite_where=sa.text("state = 'pending'"),
            postgresql_where=sa.text("state = 'pending'"),
        )

    op.create_table(
        "consents",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["person"], ["people.id"], name=op.f("fk_consents_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consents")),
    )
    with op.batch_alter_table("consents", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_consents_person"), ["person"], unique=False)

    op.create_table(
        "expiry_marks",
        sa.Column("account", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("credited", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.id"], name=op.f("fk_expiry_marks_account")),
        sa.PrimaryKeyConstraint("account", "year", name=op.f("pk_expiry_marks")),
    )
    op.create_table(
        "grants",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("scope_kind", sa.Text(), nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("scope_id", sa.Uuid(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("granted_by", sa.Uuid(), nullable=False),
        sa.Column("confirmed_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "confirmed_by IS NULL OR confirmed_by <> granted_by", name=op.f("ck_grants_two_people")
        ),
        sa.ForeignKeyConstraint(["person"], ["people.id"], name=op.f("fk_grants_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grants")),
        sa.UniqueConstraint(
            "person",
            "role",
            "scope_kind",
            "place",
            "scope_id",
            "valid_from",
            name=op.f("uq_grants_person_role_scope_kind_place_scope_id_valid_from"),
        ),
    )
    with op.batch_alter_table("grants", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_grants_place_role"), ["place", "role"], unique=False)

    op.create_table(
        "holds",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account", sa.BigInteger(), nullable=False),
        sa.Column("points_kind", sa.Text(), server_default="service", nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("captured", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("source_kind", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lapse_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("points_kind = 'service'", name=op.f("ck_holds_service_only")),
        sa.CheckConstraint(
            "state IN ('open', 'captured', 'released', 'lapsed')", name=op.f("ck_holds_state")
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_holds_amount")),
        sa.CheckConstraint("captured >= 0 AND captured <= amount", name=op.f("ck_holds_captured")),
        sa.ForeignKeyConstraint(
            ["account", "points_kind"],
            ["accounts.id", "accounts.points_kind"],
            name="fk_holds_account",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_holds")),
    )
    with op.batch_alter_table("holds", schema=None) as batch_op:
        batch_op.create_index(
            "ix_holds_lapse",
            ["lapse_at"],
            unique=False,
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        )
        batch_op.create_index(
            "ix_holds_open",
            ["account"],
            unique=False,
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        )

    op.create_table(
        "rate_proposals",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("home", sa.BigInteger(), nullable=False),
        sa.Column("host", sa.BigInteger(), nullable=False),
        sa.Column("rate", sa.Integer(), nullable=True),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "decided_by IS NULL OR state = 'withdrawn' OR decided_by <> proposed_by",
            name=op.f("ck_rate_proposals_two_people"),
        ),
        sa.CheckConstraint(
            "state IN ('proposed', 'confirmed', 'withdrawn')", name=op.f("ck_rate_proposals_state")
        ),
        sa.CheckConstraint(
            "rate IS NULL OR rate BETWEEN 1 AND 10000", name=op.f("ck_rate_proposals_rate")
        ),
        sa.ForeignKeyConstraint(
            ["decided_by"], ["people.id"], name=op.f("fk_rate_proposals_decided_by")
        ),
        sa.ForeignKeyConstraint(
            ["proposed_by"], ["people.id"], name=op.f("fk_rate_proposals_proposed_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rate_proposals")),
        sa.UniqueConstraint("key", name=op.f("uq_rate_proposals_key")),
    )
    with op.batch_alter_table("rate_proposals", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_rate_proposals_state"), ["state"], unique=False)

    op.create_table(
        "subdistricts",
        sa.Column(
            "code",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("district", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["district"], ["districts.code"], name=op.f("fk_subdistricts_district")
        ),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_subdistricts")),
    )
    op.create_table(
        "transfers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("points_kind", sa.Text(), nullable=False),
        sa.Column("community", sa.BigInteger(), nullable=False),
        sa.Column("debit", sa.BigInteger(), nullable=False),
        sa.Column("credit", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("debit_balance", sa.BigInteger(), nullable=True),
        sa.Column("debit_version", sa.BigInteger(), nullable=True),
        sa.Column("credit_balance", sa.BigInteger(), nullable=True),
        sa.Column("credit_version", sa.BigInteger(), nullable=True),
        sa.Column("standard", sa.BigInteger(), nullable=True),
        sa.Column("event_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("posted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("journal", sa.Uuid(), nullable=True),
        sa.Column("source_kind", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("actor", sa.Uuid(), nullable=False),
        sa.Column("rate", sa.Uuid(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "act IN ('award', 'redemption', 'discount', 'rounding', 'adjustment', 'reversal', 'moving', 'expiry', 'donation', 'discharge')",
            name=op.f("ck_transfers_act"),
        ),
        sa.CheckConstraint(
            "points_kind = 'service' OR act IN ('award', 'adjustment', 'reversal', 'moving')",
            name=op.f("ck_transfers_basic_fence"),
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_transfers_amount")),
        sa.CheckConstraint("debit <> credit", name=op.f("ck_transfers_two_sides")),
        sa.CheckConstraint("standard IS NULL OR standard > 0", name=op.f("ck_transfers_standard")),
        sa.ForeignKeyConstraint(
            ["credit", "community", "points_kind"],
            ["accounts.id", "accounts.community", "accounts.points_kind"],
            name="fk_transfers_credit",
        ),
        sa.ForeignKeyConstraint(
            ["debit", "community", "points_kind"],
            ["accounts.id", "accounts.community", "accounts.points_kind"],
            name="fk_transfers_debit",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transfers")),
    )
    with op.batch_alter_table("transfers", schema=None) as batch_op:
        batch_op.create_index(
            "ix_transfers_credit",
            ["credit", "credit_version"],
            unique=False,
            sqlite_where=sa.text("credit > 0"),
            postgresql_where=sa.text("credit > 0"),
        )
        batch_op.create_index("ix_transfers_day", ["day", "community"], unique=False)
        batch_op.create_index(
            "ix_transfers_debit",
            ["debit", "debit_version"],
            unique=False,
            sqlite_where=sa.text("debit > 0"),
            postgresql_where=sa.text("debit > 0"),
        )
        batch_op.create_index(
            "ix_transfers_journal",
            ["journal"],
            unique=False,
            sqlite_where=sa.text("journal IS NOT NULL"),
            postgresql_where=sa.text("journal IS NOT NULL"),
        )

    op.create_table(
        "communities",
        sa.Column(
            "code",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("subdistrict", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("short_name", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('neighbourhood', 'village')", name=op.f("ck_communities_kind")
        ),
        sa.ForeignKeyConstraint(
            ["subdistrict"], ["subdistricts.code"], name=op.f("fk_communities_subdistrict")
        ),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_communities")),
    )
    with op.batch_alter_table("communities", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_communities_subdistrict"), ["subdistrict"], unique=False
        )

    op.create_table(
        "representations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("principal", sa.Uuid(), nullable=False),
        sa.Column("agent", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("consent", sa.Uuid(), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('family', 'carer', 'guardian')", name=op.f("ck_representations_kind")
        ),
        sa.CheckConstraint("principal <> agent", name=op.f("ck_representations_two_people")),
        sa.ForeignKeyConstraint(["agent"], ["people.id"], name=op.f("fk_representations_agent")),
        sa.ForeignKeyConstraint(
            ["consent"], ["consents.id"], name=op.f("fk_representations_consent")
        ),
        sa.ForeignKeyConstraint(
            ["principal"], ["people.id"], name=op.f("fk_representations_principal")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_representations")),
        sa.UniqueConstraint(
            "principal",
            "agent",
            "valid_from",
            name=op.f("uq_representations_principal_agent_valid_from"),
        ),
    )
    with op.batch_alter_table("representations", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_representations_agent"), ["agent"], unique=False)

    op.create_table(
        "activities",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("community", sa.BigInteger(), nullable=False),
        sa.Column("template", sa.Text(), nullable=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("scene", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("bring", sa.Text(), nullable=False),
        sa.Column("open_to", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "open_to IN ('community', 'district')", name=op.f("ck_activities_open_to")
        ),
        sa.CheckConstraint("state IN ('published', 'cancelled')", name=op.f("ck_activities_state")),
        sa.ForeignKeyConstraint(
            ["community"], ["communities.code"], name=op.f("fk_activities_community")
        ),
        sa.ForeignKeyConstraint(
            ["template"], ["activity_templates.key"], name=op.f("fk_activities_template")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_activities")),
    )
    with op.batch_alter_table("activities", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_activities_community"), ["community"], unique=False)

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
    op.create_table(
        "estates",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("community", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["community"], ["communities.code"], name=op.f("fk_estates_community")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_estates")),
        sa.UniqueConstraint("community", "name", name=op.f("uq_estates_community_name")),
    )
    op.create_table(
        "face_values",
        sa.Column("community", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("value", sa.Integer(), nullable=False),
        sa.Column("set_by", sa.Uuid(), nullable=False),
        sa.CheckConstraint("value > 0", name=op.f("ck_face_values_value")),
        sa.ForeignKeyConstraint(
            ["community"], ["communities.code"], name=op.f("fk_face_values_community")
        ),
        sa.PrimaryKeyConstraint("community", "valid_from", name=op.f("pk_face_values")),
    )
    op.create_table(
        "grids",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("community", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["community"], ["communities.code"], name=op.f("fk_grids_community")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grids")),
        sa.UniqueConstraint("community", "name", name=op.f("uq_grids_community_name")),
    )
    op.create_table(
        "group_members",
        sa.Column("community", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("group", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["community"], ["communities.code"], name=op.f("fk_group_members_community")
        ),
        sa.ForeignKeyConstraint(["group"], ["groups.id"], name=op.f("fk_group_members_group")),
        sa.PrimaryKeyConstraint("community", name=op.f("pk_group_members")),
    )
    op.create_table(
        "stations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("community", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("hours", sa.Text(), nullable=False),
        sa.Column("opened_on", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(
            ["community"], ["communities.code"], name=op.f("fk_stations_community")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stations")),
        sa.UniqueConstraint("community", name=op.f("uq_stations_community")),
    )
    op.create_table(
        "buildings",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("community", sa.BigInteger(), nullable=False),
        sa.Column("estate", sa.Uuid(), nullable=False),
        sa.Column("grid", sa.Uuid(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["community"], ["communities.code"], name=op.f("fk_buildings_community")
        ),
        sa.ForeignKeyConstraint(["estate"], ["estates.id"], name=op.f("fk_buildings_estate")),
        sa.ForeignKeyConstraint(["grid"], ["grids.id"], name=op.f("fk_buildings_grid")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_buildings")),
        sa.UniqueConstraint("estate", "name", name=op.f("uq_buildings_estate_name")),
    )
    op.create_table(
        "items",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("station", sa.Uuid(), nullable=False),
        sa.Column("community", sa.BigInteger(), nullable=False),
        sa.Column("template", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("limit_per_household_month", sa.Integer(), nullable=True),
        sa.Column("home_first_days", sa.Integer(), nullable=False),
        sa.Column("foreign_share_percent", sa.Integer(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.CheckConstraint("state IN ('listed', 'unlisted')", name=op.f("ck_items_state")),
        sa.CheckConstraint("price > 0", name=op.f("ck_items_price")),
        sa.ForeignKeyConstraint(
            ["community"], ["communities.code"], name=op.f("fk_items_community")
        ),
        sa.ForeignKeyConstraint(["station"], ["stations.id"], name=op.f("fk_items_station")),
        sa.ForeignKeyConstraint(
            ["template"], ["item_templates.key"], name=op.f("fk_items_template")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_items")),
        sa.UniqueConstraint("station", "name", name=op.f("uq_items_station_name")),
    )
    with op.batch_alter_table("items", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_items_community"), ["community"], unique=False)

    op.create_table(
        "sessions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("activity", sa.Uuid(), nullable=False),
        sa.Column("community", sa.BigInteger(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("short_code", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("exit_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "state IN ('open', 'closed', 'cancelled')", name=op.f("ck_sessions_state")
        ),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_sessions_window")),
        sa.ForeignKeyConstraint(["activity"], ["activities.id"], name=op.f("fk_sessions_activity")),
        sa.ForeignKeyConstraint(
            ["community"], ["communities.code"], name=op.f("fk_sessions_community")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
        sa.UniqueConstraint("short_code", name=op.f("uq_sessions_short_code")),
    )
    with op.batch_alter_table("sessions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sessions_activity"), ["activity"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_sessions_community_starts_at"), ["community", "starts_at"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_sessions_starts_at"), ["starts_at"], unique=False)

    op.create_table(
        "dwellings",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("community", sa.BigInteger(), nullable=False),
        sa.Column("building", sa.Uuid(), nullable=True),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("room", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["building"], ["buildings.id"], name=op.f("fk_dwellings_building")),
        sa.ForeignKeyConstraint(
            ["community"], ["communities.code"], name=op.f("fk_dwellings_community")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dwellings")),
        sa.UniqueConstraint("community", "address", name=op.f("uq_dwellings_community_address")),
    )
    op.create_table(
        "session_parts",
        sa.Column("session", sa.Uuid(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("places", sa.Integer(), nullable=True),
        sa.Column("taken", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("rule", sa.Text(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("part IN ('take_part', 'serve')", name=op.f("ck_session_parts_part")),
        sa.CheckConstraint(
            "(rule IS NULL) = (amount IS NULL)", name=op.f("ck_session_parts_rule_amount")
        ),
        sa.CheckConstraint("places IS NULL OR places > 0", name=op.f("ck_session_parts_places")),
        sa.CheckConstraint(
            "places IS NULL OR taken <= places", name=op.f("ck_session_parts_not_overbooked")
        ),
        sa.CheckConstraint("taken >= 0", name=op.f("ck_session_parts_taken")),
        sa.ForeignKeyConstraint(
            ["rule"], ["catalogue_rules.key"], name=op.f("fk_session_parts_rule")
        ),
        sa.ForeignKeyConstraint(
            ["session"], ["sessions.id"], name=op.f("fk_session_parts_session")
        ),
        sa.PrimaryKeyConstraint("session", "part", name=op.f("pk_session_parts")),
    )
    op.create_table(
        "stock",
        sa.Column("item", sa.Uuid(), nullable=False),
        sa.Column("on_hand", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("reserved", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("foreign_left", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("full", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=True),
        sa.CheckConstraint("foreign_left >= 0", name=op.f("ck_stock_foreign_share")),
        sa.CheckConstraint(
            "reserved >= 0 AND on_hand >= reserved", name=op.f("ck_stock_not_oversold")
        ),
        sa.ForeignKeyConstraint(["item"], ["items.id"], name=op.f("fk_stock_item")),
        sa.PrimaryKeyConstraint("item", name=op.f("pk_stock")),
    )
    op.create_table(
        "stock_moves",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("item", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.Uuid(), nullable=False),
        sa.Column("order", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('receipt', 'given', 'returned', 'count')", name=op.f("ck_stock_moves_kind")
        ),
        sa.CheckConstraint("quantity <> 0", name=op.f("ck_stock_moves_quantity")),
        sa.ForeignKeyConstraint(["item"], ["items.id"], name=op.f("fk_stock_moves_item")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_moves")),
        sa.UniqueConstraint("key", name=op.f("uq_stock_moves_key")),
    )
    with op.batch_alter_table("stock_moves", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_stock_moves_item_at"), ["item", "at"], unique=False)

    op.create_table(
        "households",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("community", sa.BigInteger(), nullable=False),
        sa.Column("dwelling", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["community"], ["communities.code"], name=op.f("fk_households_community")
        ),
        sa.ForeignKeyConstraint(
            ["dwelling"], ["dwellings.id"], name=op.f("fk_households_dwelling")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_households")),
    )
    with op.batch_alter_table("households", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_households_community"), ["community"], unique=False)
        batch_op.create_index(batch_op.f("ix_households_dwelling"), ["dwelling"], unique=False)

    op.create_table(
        "residents",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("household", sa.Uuid(), nullable=False),
        sa.Column("community", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("confirmed_by", sa.Uuid(), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('unconfirmed', 'confirmed')", name=op.f("ck_residents_state")
        ),
        sa.ForeignKeyConstraint(
            ["community"], ["communities.code"], name=op.f("fk_residents_community")
        ),
        sa.ForeignKeyConstraint(
            ["confirmed_by"], ["people.id"], name=op.f("fk_residents_confirmed_by")
        ),
        sa.ForeignKeyConstraint(
            ["household"], ["households.id"], name=op.f("fk_residents_household")
        ),
        sa.ForeignKeyConstraint(["person"], ["people.id"], name=op.f("fk_residents_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_residents")),
    )
    with op.batch_alter_table("residents", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_residents_community_state"), ["community", "state"], unique=False
        )
        batch_op.create_index(
            "ix_residents_current",
            ["person"],
            unique=True,
            sqlite_where=sa.text("valid_to IS NULL"),
            postgresql_where=sa.text("valid_to IS NULL"),
        )
        batch_op.create_index(batch_op.f("ix_residents_household"), ["household"], unique=False)

    op.create_table(
        "attendances",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("session", sa.Uuid(), nullable=False),
        sa.Column("resident", sa.Uuid(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("phase", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("provenance", sa.Text(), nullable=False),
        sa.Column("event_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.Column("nonce", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("confirmed_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "method IN ('venue', 'hand', 'sheet', 'automatic')", name=op.f("ck_attendances_method")
        ),
        sa.CheckConstraint("part IN ('take_part', 'serve')", name=op.f("ck_attendances_part")),
        sa.CheckConstraint("phase IN ('entry', 'exit')", name=op.f("ck_attendances_phase")),
        sa.CheckConstraint(
            "provenance IN ('verified', 'recorded', 'back_filled')",
            name=op.f("ck_attendances_provenance"),
        ),
        sa.ForeignKeyConstraint(
            ["resident"], ["residents.id"], name=op.f("fk_attendances_resident")
        ),
        sa.ForeignKeyConstraint(["session"], ["sessions.id"], name=op.f("fk_attendances_session")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attendances")),
        sa.UniqueConstraint("nonce", name=op.f("uq_attendances_nonce")),
        sa.UniqueConstraint("session", "resident", "part", "phase", name="uq_attendances_once"),
    )
    with op.batch_alter_table("attendances", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_attendances_resident_event_at"), ["resident", "event_at"], unique=False
        )

    op.create_table(
        "orders",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("station", sa.Uuid(), nullable=False),
        sa.Column("host", sa.BigInteger(), nullable=False),
        sa.Column("home", sa.BigInteger(), nullable=False),
        sa.Column("resident", sa.Uuid(), nullable=False),
        sa.Column("ordered_by", sa.Uuid(), nullable=False),
        sa.Column("entered_by", sa.Uuid(), nullable=True),
        sa.Column("handed_by", sa.Uuid(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("confirmation", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=False),
        sa.Column("par", sa.BigInteger(), nullable=False),
        sa.Column("exact", sa.BigInteger(), nullable=False),
        sa.Column("cost", sa.BigInteger(), nullable=False),
        sa.Column("rate", sa.Integer(), nullable=False),
        sa.Column("rate_row", sa.Uuid(), nullable=True),
        sa.Column("face_home", sa.Integer(), nullable=False),
        sa.Column("face_host", sa.Integer(), nullable=False),
        sa.Column("difference", sa.Text(), nullable=False),
        sa.Column("standard", sa.BigInteger(), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("refusal", sa.Text(), nullable=True),
        sa.Column("pickup_code", sa.Text(), nullable=True),
        sa.Column("pickup_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("channel IN ('phone', 'counter')", name=op.f("ck_orders_channel")),
        sa.CheckConstraint(
            "confirmation IS NULL OR confirmation IN ('device', 'pin', 'known')",
            name=op.f("ck_orders_confirmation"),
        ),
        sa.CheckConstraint(
            "state IN ('asked', 'submitted', 'ready', 'refused', 'cancelled', 'lapsed', 'collected', 'returned')",
            name=op.f("ck_orders_state"),
        ),
        sa.CheckConstraint("cost >= par AND par > 0 AND price > 0", name=op.f("ck_orders_amounts")),
        sa.CheckConstraint("rate BETWEEN 1 AND 10000", name=op.f("ck_orders_rate")),
        sa.ForeignKeyConstraint(["decided_by"], ["people.id"], name=op.f("fk_orders_decided_by")),
        sa.ForeignKeyConstraint(["entered_by"], ["people.id"], name=op.f("fk_orders_entered_by")),
        sa.ForeignKeyConstraint(["handed_by"], ["people.id"], name=op.f("fk_orders_handed_by")),
        sa.ForeignKeyConstraint(["home"], ["communities.code"], name=op.f("fk_orders_home")),
        sa.ForeignKeyConstraint(["host"], ["communities.code"], name=op.f("fk_orders_host")),
        sa.ForeignKeyConstraint(["ordered_by"], ["people.id"], name=op.f("fk_orders_ordered_by")),
        sa.ForeignKeyConstraint(
            ["rate_row"], ["discount_rates.id"], name=op.f("fk_orders_rate_row")
        ),
        sa.ForeignKeyConstraint(["resident"], ["residents.id"], name=op.f("fk_orders_resident")),
        sa.ForeignKeyConstraint(["station"], ["stations.id"], name=op.f("fk_orders_station")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders")),
        sa.UniqueConstraint("key", name=op.f("uq_orders_key")),
    )
    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_orders_home_submitted_at"), ["home", "submitted_at"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_orders_host_state_submitted_at"),
            ["host", "state", "submitted_at"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_orders_resident_submitted_at"),
            ["resident", "submitted_at"],
            unique=False,
        )
        batch_op.create_index(
            "uq_orders_pickup_code",
            ["station", "pickup_code"],
            unique=True,
            sqlite_where=sa.text("state = 'ready'"),
            postgresql_where=sa.text("state = 'ready'"),
        )

    op.create_table(
        "sign_ins",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("grant", sa.Uuid(), nullable=True),
        sa.Column("resident", sa.Uuid(), nullable=True),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["grant"], ["grants.id"], name=op.f("fk_sign_ins_grant")),
        sa.ForeignKeyConstraint(["person"], ["people.id"], name=op.f("fk_sign_ins_person")),
        sa.ForeignKeyConstraint(["resident"], ["residents.id"], name=op.f("fk_sign_ins_resident")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_ins")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_sign_ins_token_hash")),
    )
    with op.batch_alter_table("sign_ins", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sign_ins_person"), ["person"], unique=False)

    op.create_table(
        "sign_ups",
        sa.Column("session", sa.Uuid(), nullable=False),
        sa.Column("resident", sa.Uuid(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.CheckConstraint("part IN ('take_part', 'serve')", name=op.f("ck_sign_ups_part")),
        sa.CheckConstraint(
            "state IN ('signed_up', 'waiting', 'cancelled')", name=op.f("ck_sign_ups_state")
        ),
        sa.ForeignKeyConstraint(["resident"], ["residents.id"], name=op.f("fk_sign_ups_resident")),
        sa.ForeignKeyConstraint(["session"], ["sessions.id"], name=op.f("fk_sign_ups_session")),
        sa.PrimaryKeyConstraint("session", "resident", "part", name=op.f("pk_sign_ups")),
    )
    with op.batch_alter_table("sign_ups", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sign_ups_resident"), ["resident"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_sign_ups_session_part_state_queued_at"),
            ["session", "part", "state", "queued_at"],
            unique=False,
        )

    op.create_table(
        "order_lines",
        sa.Column("order", sa.Uuid(), nullable=False),
        sa.Column("item", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("quantity > 0 AND price > 0", name=op.f("ck_order_lines_amounts")),
        sa.ForeignKeyConstraint(["item"], ["items.id"], name=op.f("fk_order_lines_item")),
        sa.ForeignKeyConstraint(["order"], ["orders.id"], name=op.f("fk_order_lines_order")),
        sa.PrimaryKeyConstraint("order", "item", name=op.f("pk_order_lines")),
    )
    op.create_table(
        "order_payments",
        sa.Column("order", sa.Uuid(), nullable=False),
        sa.Column("account", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("points_kind", sa.Text(), server_default="service", nullable=False),
        sa.Column("hold", sa.Uuid(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("payer", sa.Uuid(), nullable=False),
        sa.Column("payer_household", sa.Uuid(), nullable=False),
        sa.Column("approver", sa.Uuid(), nullable=True),
        sa.Column("approver_household", sa.Uuid(), nullable=True),
        sa.CheckConstraint("points_kind = 'service'", name=op.f("ck_order_payments_service_only")),
        sa.CheckConstraint("amount > 0", name=op.f("ck_order_payments_amount")),
        sa.CheckConstraint(
            "approver IS NULL OR approver <> payer", name=op.f("ck_order_payments_not_own")
        ),
        sa.CheckConstraint(
            "approver_household IS NULL OR approver_household <> payer_household",
            name=op.f("ck_order_payments_not_own_household"),
        ),
        sa.ForeignKeyConstraint(
            ["account", "points_kind"],
            ["accounts.id", "accounts.points_kind"],
            name="fk_order_payments_account",
        ),
        sa.ForeignKeyConstraint(
            ["approver"], ["people.id"], name=op.f("fk_order_payments_approver")
        ),
        sa.ForeignKeyConstraint(
            ["approver_household"],
            ["households.id"],
            name=op.f("fk_order_payments_approver_household"),
        ),
        sa.ForeignKeyConstraint(["hold"], ["holds.id"], name=op.f("fk_order_payments_hold")),
        sa.ForeignKeyConstraint(["order"], ["orders.id"], name=op.f("fk_order_payments_order")),
        sa.ForeignKeyConstraint(["payer"], ["people.id"], name=op.f("fk_order_payments_payer")),
        sa.ForeignKeyConstraint(
            ["payer_household"], ["households.id"], name=op.f("fk_order_payments_payer_household")
        ),
        sa.PrimaryKeyConstraint("order", "account", name=op.f("pk_order_payments")),
    )
    with op.batch_alter_table("order_payments", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_order_payments_hold"), ["hold"], unique=False)

    if op.get_bind().dialect.name == "postgresql":
        # Room on each page keeps updates of the counters on it (HOT), away from the indexes.
        op.execute("ALTER TABLE accounts SET (fillfactor = 70)")


def downgrade() -> None:
    with op.batch_alter_table("order_payments", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_order_payments_hold"))

    op.drop_table("order_payments")
    op.drop_table("order_lines")
    with op.batch_alter_table("sign_ups", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sign_ups_session_part_state_queued_at"))
        batch_op.drop_index(batch_op.f("ix_sign_ups_resident"))

    op.drop_table("sign_ups")
    with op.batch_alter_table("sign_ins", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sign_ins_person"))

    op.drop_table("sign_ins")
    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_orders_pickup_code",
            sqlite_where=sa.text("state = 'ready'"),
            postgresql_where=sa.text("state = 'ready'"),
        )
        batch_op.drop_index(batch_op.f("ix_orders_resident_submitted_at"))
        batch_op.drop_index(batch_op.f("ix_orders_host_state_submitted_at"))
        batch_op.drop_index(batch_op.f("ix_orders_home_submitted_at"))

    op.drop_table("orders")
    with op.batch_alter_table("attendances", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_attendances_resident_event_at"))

    op.drop_table("attendances")
    with op.batch_alter_table("residents", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_residents_household"))
        batch_op.drop_index(
            "ix_residents_current",
            sqlite_where=sa.text("valid_to IS NULL"),
            postgresql_where=sa.text("valid_to IS NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_residents_community_state"))

    op.drop_table("residents")
    with op.batch_alter_table("households", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_households_dwelling"))
        batch_op.drop_index(batch_op.f("ix_households_community"))

    op.drop_table("households")
    with op.batch_alter_table("stock_moves", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_stock_moves_item_at"))

    op.drop_table("stock_moves")
    op.drop_table("stock")
    op.drop_table("session_parts")
    op.drop_table("dwellings")
    with op.batch_alter_table("sessions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sessions_starts_at"))
        batch_op.drop_index(batch_op.f("ix_sessions_community_starts_at"))
        batch_op.drop_index(batch_op.f("ix_sessions_activity"))

    op.drop_table("sessions")
    with op.batch_alter_table("items", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_items_community"))

    op.drop_table("items")
    op.drop_table("buildings")
    op.drop_table("stations")
    op.drop_table("group_members")
    op.drop_table("grids")
    op.drop_table("face_values")
    op.drop_table("estates")
    op.drop_table("community_rules")
    with op.batch_alter_table("activities", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_activities_community"))

    op.drop_table("activities")
    with op.batch_alter_table("representations", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_representations_agent"))

    op.drop_table("representations")
    with op.batch_alter_table("communities", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_communities_subdistrict"))

    op.drop_table("communities")
    with op.batch_alter_table("transfers", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_transfers_journal",
            sqlite_where=sa.text("journal IS NOT NULL"),
            postgresql_where=sa.text("journal IS NOT NULL"),
        )
        batch_op.drop_index(
            "ix_transfers_debit",
            sqlite_where=sa.text("debit > 0"),
            postgresql_where=sa.text("debit > 0"),
        )
        batch_op.drop_index("ix_transfers_day")
        batch_op.drop_index(
            "ix_transfers_credit",
            sqlite_where=sa.text("credit > 0"),
            postgresql_where=sa.text("credit > 0"),
        )

    op.drop_table("transfers")
    op.drop_table("subdistricts")
    with op.batch_alter_table("rate_proposals", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_rate_proposals_state"))

    op.drop_table("rate_proposals")
    with op.batch_alter_table("holds", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_holds_open",
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        )
        batch_op.drop_index(
            "ix_holds_lapse",
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        )

    op.drop_table("holds")
    with op.batch_alter_table("grants", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_grants_place_role"))

    op.drop_table("grants")
    op.drop_table("expiry_marks")
    with op.batch_alter_table("consents", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_consents_person"))

    op.drop_table("consents")
    with op.batch_alter_table("awards", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_awards_due",
            sqlite_where=sa.text("state = 'pending'"),
            postgresql_where=sa.text("state = 'pending'"),
        )
        batch_op.drop_index("ix_awards_bearing")
        batch_op.drop_index(
            "ix_awards_batch",
            sqlite_where=sa.text("batch IS NOT NULL"),
            postgresql_where=sa.text("batch IS NOT NULL"),
        )
        batch_op.drop_index("ix_awards_account")

    op.drop_table("awards")
    op.drop_table("account_folds")
    with op.batch_alter_table("account_deltas", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_account_deltas_account"))

    op.drop_table("account_deltas")
    op.drop_table("setting_values")
    op.drop_table("rule_usage")
    op.drop_table("reversals")
    with op.batch_alter_table("refused_scans", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_refused_scans_session_at"))

    op.drop_table("refused_scans")
    op.drop_table("rate_limits")
    op.drop_table("quota_usage")
    with op.batch_alter_table("people", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_people_phone_tail"))
        batch_op.drop_index(batch_op.f("ix_people_name"))

    op.drop_table("people")
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_outbox_person_created_at"))
        batch_op.drop_index(
            "ix_outbox_due",
            sqlite_where=sa.text("state = 'waiting'"),
            postgresql_where=sa.text("state = 'waiting'"),
        )

    op.drop_table("outbox")
    with op.batch_alter_table("login_codes", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_login_codes_phone_index_created_at"))

    op.drop_table("login_codes")
    op.drop_table("job_runs")
    op.drop_table("item_templates")
    op.drop_table("groups")
    op.drop_table("districts")
    op.drop_table("discount_rates")
    op.drop_table("catalogue_rules")
    op.drop_table("business_days")
    with op.batch_alter_table("audit_events", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_audit_events_at"))

    op.drop_table("audit_events")
    op.drop_table("activity_templates")
    with op.batch_alter_table("accounts", schema=None) as batch_op:
        batch_op.drop_index("ix_accounts_community")

    op.drop_table("accounts")
