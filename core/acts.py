"""Who may do what: the one table of acts and roles (details.md 3), and what a scope covers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from uuid import UUID, uuid5

from core.errors import N_, Forbidden
from core.ids import NIL

Role = Literal[
    "resident",
    "staff",
    "lead",
    "keeper",
    "helper",
    "grid_worker",
    "building_lead",
    "subdistrict_reader",
    "district_admin",
    "auditor",
    "feeder",
    "system",
]
ScopeKind = Literal[
    "person", "district", "subdistrict", "community", "grid", "building", "station", "session"
]
Act = Literal[
    "desk.read",
    "activity.publish",
    "attendance.enter",
    "attendance.confirm",
    "resident.enter",
    "resident.confirm",
    "order.approve",
    "order.approve_large",
    "order.hand_over",
    "counter.redeem",
    "stock.receive",
    "item.change",
    "points.adjust",
    "act.record",
    "rule.change",
    "grant.local",
    "points.adjust_large",
    "statement.issue",
    "setting.community",
    "console.read",
    "rate.change",
    "setting.district",
    "grant.change",
    "job.run",
    "hours.import",
    "feed.record",
    "feeder.change",
]

ACTS: dict[Act, frozenset[Role]] = {
    "desk.read": frozenset({"staff", "lead", "keeper"}),
    "activity.publish": frozenset({"staff", "lead"}),
    "attendance.enter": frozenset({"staff", "lead"}),
    "attendance.confirm": frozenset({"staff", "lead"}),
    "resident.enter": frozenset({"staff", "lead"}),
    "resident.confirm": frozenset({"staff", "lead", "keeper"}),
    "order.approve": frozenset({"staff", "lead"}),
    "order.approve_large": frozenset({"lead"}),
    "order.hand_over": frozenset({"staff", "lead", "keeper"}),
    "counter.redeem": frozenset({"staff", "lead"}),
    "stock.receive": frozenset({"staff", "lead"}),
    "item.change": frozenset({"staff", "lead"}),
    "points.adjust": frozenset({"staff", "lead"}),
    "act.record": frozenset({"staff", "lead", "grid_worker", "building_lead"}),
    "rule.change": frozenset({"lead"}),
    "grant.local": frozenset({"lead"}),
    "points.adjust_large": frozenset({"lead"}),
    "statement.issue": frozenset({"staff", "lead"}),
    "setting.community": frozenset({"lead"}),
    "console.read": frozenset({"district_admin", "auditor", "subdistrict_reader"}),
    "rate.change": frozenset({"district_admin"}),
    "setting.district": frozenset({"district_admin"}),
    "grant.change": frozenset({"district_admin"}),
    "job.run": frozenset({"district_admin"}),
    "hours.import": frozenset({"staff", "lead"}),
    "feed.record": frozenset({"feeder"}),
    "feeder.change": frozenset({"district_admin"}),
}


class NotInYourScope(Forbidden):
    """The actor holds the role, but for another place."""

    text = N_("这不在您管的范围里。请联系当地社区的工作人员。")


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acts: a person, in one role, at one scope; made once per request from the sign-in row.

    Place codes nest: a community's first nine digits are its subdistrict, so what a scope covers
    is arithmetic and needs no query.
    """

    person: UUID
    role: Role
    scope_kind: ScopeKind = "person"
    #: Code of the district, subdistrict or community of the scope; 0 for a person or the system.
    place: int = 0
    #: The station, session, grid or building of a narrower scope.
    scope_id: UUID | None = None
    #: The resident acted as, by a resident's sign-in.
    resident: UUID | None = None
    household: UUID | None = None
    sign_in: UUID | None = None
    name: str = ""

    @property
    def scope(self) -> str:
        """The scope as the audit row has it."""
        if self.scope_id is not None:
            return f"{self.scope_kind}:{self.scope_id}"
        return f"{self.scope_kind}:{self.place}" if self.place else self.scope_kind

    @property
    def is_staff(self) -> bool:
        """Whether this is anybody but a resident acting as such."""
        return self.role != "resident"

    def same_id(self, key: str) -> UUID:
        """Make the id that a key of this person always makes: a repeat finds what it made."""
        return uuid5(self.person, key)

    def covers(self, community: int) -> bool:
        """Whether a community lies in the actor's scope."""
        if self.role == "system" or self.scope_kind == "district":
            return True
        if self.scope_kind == "subdistrict":
            return community // 1000 * 1000 == self.place
        inside = {"community", "station", "grid", "building"}
        return self.scope_kind in inside and community == self.place

    def may(self, act: Act, community: int | None = None) -> bool:
        """Whether the actor may do this, at this community if one is named."""
        if self.role == "system":
            return True
        return self.role in ACTS[act] and (community is None or self.covers(community))

    def require(self, act: Act, community: int | None = None) -> None:
        """Let pass or raise Forbidden (role) or NotInYourScope (place)."""
        if self.may(act, community):
            return
        if self.role in ACTS[act]:
            raise NotInYourScope
        raise Forbidden


SYSTEM = Actor(person=NIL, role="system", scope_kind="district", name=N_("系统"))
