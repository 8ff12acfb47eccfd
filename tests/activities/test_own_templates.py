"""A community saves what it did as a template of its own; others take it over, its origin stays."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from activities import template_queries
from activities.own_templates import (
    RetireTemplate,
    SaveTemplate,
    TakeOverTemplate,
    TemplateKept,
    retire_template,
    save_template,
    take_over_template,
    template_key,
)
from activities.publish import SessionUnknown, TemplateUnknown
from core.acts import NotInYourScope
from core.errors import Forbidden
from points.earning.community_rules import Caps
from points.earning.own_rules import AddRule, add_rule
from tests.activities.conftest import Call
from tests.activities.scene import JOIN, Scene
from tests.people import HERE, THERE, Someone

KEY = template_key(HERE, "便民集市")


def save(scene: Scene, session: UUID, who: Someone | None = None) -> TemplateKept:
    actor = scene.cast.actor(who or scene.cast.staff)
    kept: TemplateKept = scene.run(save_template, SaveTemplate(session=session), actor)
    return kept


def take_over(scene: Scene, template: str = KEY, who: Someone | None = None) -> TemplateKept:
    command = TakeOverTemplate(community=THERE, template=template)
    actor = scene.cast.actor(who or scene.cast.elsewhere)
    kept: TemplateKept = scene.run(take_over_template, command, actor)
    return kept


def offered(scene: Scene, community: int) -> dict[str, Any]:
    """Return a community's own templates by their key."""
    rows = scene.ask(lambda c: template_queries.offered(c, community))
    assert len(rows) >= 22
    return {row.key: row for row in rows if row.community is not None}


def fair(scene: Scene, **changes: Any) -> UUID:
    """Publish from the district's template, with six helpers at most."""
    draft = scene.from_template("service_fair", title="便民集市")
    return scene.session(
        **{name: getattr(draft, name) for name in ("template", "title", "kind", "summary")},
        parts=scene.places("serve", 6),
        **changes,
    )


def test_a_session_becomes_a_template_with_all_that_was_typed(scene: Scene) -> None:
    kept = save(scene, fair(scene))

    assert kept == TemplateKept(template=KEY, exists=False)
    row = offered(scene, HERE)[KEY]
    assert (row.name, row.kind, row.place_hint) == ("便民集市", "公益集市", "小营公园东门")
    assert (row.duration_minutes, row.open_to) == (120, "district")
    assert (row.take_part_rule, row.take_part_places) == (JOIN, None)
    assert (row.serve_rule, row.serve_places) == ("serve.hour", 6)
    assert (row.from_template, row.from_community) == ("service_fair", None)
    assert scene.publish(scene.from_template(KEY)).exists is False
    assert offered(scene, THERE) == {}


def test_the_same_name_renews_it_and_keeps_its_origin(scene: Scene) -> None:
    first, second = fair(scene), fair(scene, place="二楼")
    save(scene, first)

    assert [save(scene, session).exists for session in (first, second, second)] == [True] * 3

    row = offered(scene, HERE)[KEY]
    assert (row.place_hint, row.from_template) == ("二楼", "service_fair")


def test_another_community_takes_it_over_and_whose_it_was_is_remembered(scene: Scene) -> None:
    save(scene, fair(scene))
    [seen] = scene.ask(lambda c: template_queries.elsewhere(c, THERE))
    assert (seen.key, seen.place) == (KEY, "清波门社区")

    kept, again = take_over(scene), take_over(scene)

    assert (kept.exists, again.exists, kept.rule_left_out) == (False, True, False)
    row = offered(scene, THERE)[kept.template]
    assert (row.name, row.serve_places, row.serve_rule) == ("便民集市", 6, "serve.hour")
    assert (row.from_template, row.from_community, row.from_place) == (KEY, HERE, "清波门社区")
    assert scene.ask(lambda c: template_queries.elsewhere(c, THERE)) == []
    assert scene.publish(scene.from_template(kept.template, community=THERE)).exists is False


def test_what_was_copied_from_elsewhere_says_from_where_when_it_is_saved(scene: Scene) -> None:
    theirs = scene.publish(scene.from_template("service_fair", community=THERE))
    ours = fair(scene, copied_from=theirs.activity)

    save(scene, ours)

    row = offered(scene, HERE)[KEY]
    assert (row.from_template, row.from_community) == ("service_fair", THERE)


def test_a_rule_that_the_other_community_made_itself_is_left_out(scene: Scene) -> None:
    rule = AddRule(
        community=HERE,
        name="磨刀师傅",
        topic="serve",
        points_kind="service",
        unit="半小时",
        holder="resident",
        points=500,
        caps=Caps(),
        recorded_by=("自助扫码", "社工"),
    )
    own = scene.run(add_rule, rule, scene.cast.actor(scene.cast.lead)).rule
    save(scene, scene.session(parts=scene.places("serve", 3, own)))

    kept = take_over(scene)

    assert kept.rule_left_out
    row = offered(scene, THERE)[kept.template]
    assert (row.serve_rule, row.serve_places, row.take_part_rule) == (None, 3, JOIN)


def test_a_template_that_was_retired_is_offered_to_nobody_until_it_is_saved_again(
    scene: Scene,
) -> None:
    session = fair(scene)
    save(scene, session)
    retire = RetireTemplate(template=KEY)
    for _again in "12":
        scene.run(retire_template, retire, scene.cast.actor(scene.cast.lead))

    assert offered(scene, HERE) == {}
    assert scene.ask(lambda c: template_queries.elsewhere(c, THERE)) == []
    with pytest.raises(TemplateUnknown):
        take_over(scene)

    save(scene, session)
    assert list(offered(scene, HERE)) == [KEY]


def test_only_staff_of_the_community_keep_its_templates(scene: Scene) -> None:
    cast, session = scene.cast, fair(scene)
    save(scene, session)

    for who, refusal in ((cast.elsewhere, NotInYourScope), (cast.keeper, Forbidden)):
        with pytest.raises(refusal):
            save(scene, session, who)
        with pytest.raises(refusal):
            scene.run(retire_template, RetireTemplate(template=KEY), cast.actor(who))
    with pytest.raises(NotInYourScope):
        take_over(scene, who=cast.staff)
    with pytest.raises(SessionUnknown):
        save(scene, UUID(int=7))
    for template in ("none", "service_fair"):
        with pytest.raises(TemplateUnknown):
            take_over(scene, template)
        with pytest.raises(TemplateUnknown):
            scene.run(retire_template, RetireTemplate(template=template), cast.actor(cast.staff))


def test_the_api_saves_lists_takes_over_and_retires(scene: Scene, call: Call) -> None:
    cast, session = scene.cast, fair(scene)
    path = "/staff/activity-templates"

    saved = call(cast.staff, f"/staff/sessions/{session}/save-template")
    listed = call(cast.staff, path, method="GET")[1]
    elsewhere = call(cast.elsewhere, f"{path}/elsewhere", method="GET")[1]
    taken = call(cast.elsewhere, f"{path}/{KEY}/take-over")
    retired = call(cast.staff, f"{path}/{KEY}/retire")

    assert saved == (200, {"template": KEY, "exists": False, "rule_left_out": False})
    assert (listed[0]["key"], listed[0]["community"], listed[1]["community"]) == (KEY, HERE, None)
    assert [each["key"] for each in elsewhere] == [KEY]
    assert taken[1]["template"] == template_key(THERE, "便民集市")
    assert retired[0] == 200
    assert call(cast.staff, path, method="GET")[1][0]["community"] is None
    assert call(cast.wang, f"{path}/{KEY}/retire")[1]["code"] == "forbidden"
