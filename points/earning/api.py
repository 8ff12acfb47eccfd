"""API of earning rules and of what is recorded by them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask_smorest import Blueprint

from core.http_keys import idempotency_key
from core.identity import current_actor, signed_in_only
from core.work import business_day, present, reader, transact
from points.earning import deductions, helping, own_rules, rule_table, schemas
from points.earning.act_sheets import RecordRows, RowsRecorded, look_at, record_rows
from points.earning.community_rules import Caps, RuleSet, SetRule, set_rule
from points.earning.recorders import Looker
from points.earning.simulation import Proposal, Simulation, simulate

bp = Blueprint("points_rules_api", __name__, description="earning rules and acts")
bp.before_request(signed_in_only)


@bp.get("/staff/rules")
@bp.response(200, schemas.RuleSchema(many=True))
def rules() -> list[rule_table.RuleLine]:
    """List the rules of the actor's community beside the district's base and band."""
    actor = current_actor()
    actor.require("act.record")
    return rule_table.rule_table(reader(), actor.place, business_day(present()))


@bp.post("/staff/rules")
@bp.arguments(schemas.AddRuleSchema)
@bp.response(201, schemas.RuleSetSchema)
def add(data: dict[str, Any]) -> RuleSet:
    """Make a rule of one's own; the same name is the same rule."""
    actor = current_actor()
    recorded_by = tuple(data.pop("recorded_by"))
    command = own_rules.AddRule(**data, recorded_by=recorded_by, community=actor.place)
    return transact(own_rules.add_rule, command, actor)


@bp.get("/staff/rules/elsewhere")
@bp.response(200, schemas.ElsewhereRuleSchema(many=True))
def elsewhere() -> list[rule_table.ElsewhereRule]:
    """List what other communities made themselves, or set otherwise than the catalogue."""
    actor = current_actor()
    actor.require("act.record")
    return rule_table.elsewhere(reader(), actor.place, business_day(present()))


@bp.post("/staff/rules/<string:key>")
@bp.arguments(schemas.SetRuleSchema)
@bp.response(200, schemas.RuleSetSchema)
def change(data: dict[str, Any], key: str) -> RuleSet:
    """Adopt, adapt or switch off a rule from a day on; the past is never edited."""
    actor = current_actor()
    recorded_by = tuple(data.pop("recorded_by"))
    command = SetRule(**data, recorded_by=recorded_by, community=actor.place, rule=key)
    return transact(set_rule, command, actor)


@bp.post("/staff/rules/<string:key>/take-over")
@bp.arguments(schemas.TakeOverSchema)
@bp.response(200, schemas.RuleSetSchema)
def take_over(data: dict[str, Any], key: str) -> RuleSet:
    """Take over another community's rule as it is there today."""
    actor = current_actor()
    command = own_rules.TakeOver(**data, community=actor.place, rule=key)
    return transact(own_rules.take_over, command, actor)


@bp.get("/staff/rules/<string:key>/simulation")
@bp.arguments(schemas.ProposalSchema, location="query")
@bp.response(200, schemas.SimulationSchema)
def simulation(query: dict[str, Any], key: str) -> Simulation:
    """Reckon last month with a rule as it might be; nothing is written."""
    actor, today = current_actor(), business_day(present())
    actor.require("act.record")
    rule_table.rule_line(reader(), actor.place, key, today)
    points = query.pop("points")
    proposal = Proposal(community=actor.place, rule=key, points=points, caps=Caps(**query))
    return simulate(reader(), proposal, today)


@bp.get("/district/rules-outside-band")
@bp.response(200, schemas.ElsewhereRuleSchema(many=True))
def outside_band() -> list[rule_table.ElsewhereRule]:
    """List the rules that lie outside the district's band."""
    current_actor().require("console.read")
    return rule_table.outside_band(reader(), business_day(present()))


@bp.post("/staff/acts")
@bp.arguments(schemas.ActListSchema)
@bp.response(200, schemas.RowsRecordedSchema)
def record(data: dict[str, Any]) -> RowsRecorded:
    """Record acts, each by what it says: the same list again records nothing twice."""
    actor, today = current_actor(), business_day(present())
    actor.require("act.record")
    rows, again = schemas.numbered(data["acts"], today), data["undone_before"]
    if data["dry_run"]:
        looker = Looker(connection=reader(), actor=actor, day=today)
        return look_at(looker, actor.place, rows, again=again)
    command = RecordRows(community=actor.place, rows=rows, again=again)
    return transact(record_rows, command, actor)


@bp.get("/helps")
@bp.response(200, schemas.HelpSchema(many=True))
def helps() -> list[helping.HelpAsked]:
    """List what the resident is asked to say a word about."""
    actor = current_actor()
    if actor.resident is None:
        actor.require("attendance.enter")
        return helping.asked_at(reader(), actor.place, present())
    return helping.asked_of(reader(), actor.resident, present())


@bp.post("/helps/<uuid:help_id>")
@bp.arguments(schemas.AnswerHelpSchema)
@bp.response(200, schemas.HelpSaidSchema)
def answer(data: dict[str, Any], help_id: UUID) -> helping.HelpSaid:
    """Say whether a neighbour helped; staff say what the helped one told them."""
    command = helping.AnswerHelp(help=help_id, helped=data["helped"])
    return transact(helping.answer_help, command, current_actor())


@bp.post("/staff/reminders")
@bp.arguments(schemas.ReminderSchema)
@bp.response(201, schemas.RemindedSchema)
def remind(data: dict[str, Any]) -> deductions.ReminderNoted:
    """Note that a household was reminded; once per day."""
    actor = current_actor()
    command = deductions.NoteReminder(**data, community=actor.place)
    return transact(deductions.note_reminder, command, actor)


@bp.post("/staff/deductions")
@bp.arguments(schemas.DeductSchema)
@bp.response(201, schemas.DeductedSchema)
def deduct(data: dict[str, Any]) -> deductions.Deducted:
    """Take basic points from a household; needs an Idempotency-Key."""
    actor = current_actor()
    command = deductions.Deduct(**data, key=idempotency_key(), community=actor.place)
    return transact(deductions.deduct, command, actor)
