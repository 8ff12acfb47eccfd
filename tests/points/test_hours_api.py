"""Hours served elsewhere over the API: the same import as the desk's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask.testing import FlaskClient

from tests.people import People
from tests.points.earning import count

Run = Callable[..., Any]
URL = "/api/v1/staff/hours"
NAMED = {"name": "王秀英", "phone": "13800000001"}
MORNING = {"starts_at": "2026-11-20T09:00:00+08:00", "ends_at": "2026-11-20T11:00:00+08:00"}


def test_each_row_is_answered_by_itself_and_the_same_again_records_nothing(
    cast: People, client: FlaskClient, ask: Run
) -> None:
    staff = cast.headers(cast.staff)
    rows = [
        {"resident": str(cast.there.resident)} | MORNING,
        NAMED | MORNING,
        {"resident": str(cast.chen.resident), "day": "2026-11-21", "minutes": 90},
        NAMED | {"name": "王秀芬"} | MORNING,
    ]

    def send(**more: Any) -> Any:
        return client.post(URL, json={"name": "十一月", "rows": rows} | more, headers=staff).json

    for answer in (send(dry_run=True), send()):
        outcomes = [row["outcome"] for row in answer["rows"]]
        assert outcomes == ["refused", "recorded", "recorded", "refused"]
        assert [row["units"] for row in answer["rows"][1:3]] == [4, 3]
        assert "没有这位居民" in answer["rows"][3]["message"]
    again = [(row["outcome"], row["message"]) for row in send()["rows"][1:3]]
    assert again == [("existed", "")] * 2
    assert ask(count, "awards") == 2
    assert ask(count, "act_sheet_rows") == len(rows), (
        "the desk reads of every row what became of it"
    )


def test_where_nobody_is_known_each_row_says_so(
    cast: People, client: FlaskClient, ask: Run
) -> None:
    rows = [NAMED | {"name": "王秀芬"} | MORNING] * 2
    body = {"name": "十一月", "rows": rows}

    answer = client.post(URL, json=body, headers=cast.headers(cast.staff)).get_json()["rows"]

    assert [(row["number"], row["outcome"]) for row in answer] == [
        (1, "refused"),
        (2, "refused"),
    ]
    assert ask(count, "act_sheets") == 0


def test_who_and_when_are_said_in_one_way_and_by_staff(cast: People, client: FlaskClient) -> None:
    staff = cast.headers(cast.staff)

    def status(headers: dict[str, str], *rows: dict[str, Any]) -> int:
        body = {"name": "十一月", "rows": rows}
        return client.post(URL, json=body, headers=headers).status_code

    for row in (
        NAMED,
        MORNING,
        {"name": "王秀英"} | MORNING,
        NAMED | {"resident": str(cast.wang.resident)} | MORNING,
        NAMED | MORNING | {"minutes": 60},
        NAMED | {"day": "9999-12-31", "minutes": 60},
        NAMED | MORNING | {"starts_at": "0001-01-01T00:00:00+08:00"},
    ):
        assert status(staff, row) == 422, row
    assert status(staff) == 422
    assert status(cast.headers(cast.keeper), NAMED | MORNING) == 403
