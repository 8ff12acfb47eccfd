"""Proofs and seals over the API: what the district reads, and the chain that anybody may follow."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from itertools import pairwise
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from points.proof import proving
from tests.conftest import Stage
from tests.people import HERE, People
from tests.points.sealed import DAYS, kept_week

Run = Callable[..., Any]
V1 = "/api/v1"


@pytest.fixture(autouse=True)
def _week(stage: Stage, cast: People, run: Run) -> None:
    kept_week(stage, run, each=0)


def test_readers_of_the_district_see_each_last_look(
    app: Flask, cast: People, client: FlaskClient
) -> None:
    with app.app_context():
        proving.prove_all(app.extensions["linli.checks"])

    answer = client.get(f"{V1}/proofs", headers=cast.headers(cast.lin))

    assert answer.status_code == 200
    found = {row["check"]: row for row in answer.get_json()}
    assert set(found) == {check.name for check in app.extensions["linli.checks"]}
    assert {row["times"] for row in found.values()} == {0}
    assert found["chain"]["at"] == "2026-12-02T02:00:00+00:00"


def test_nobody_else_sees_them(cast: People, client: FlaskClient) -> None:
    assert client.get(f"{V1}/proofs", headers=cast.headers(cast.wang)).status_code == 403
    assert client.get(f"{V1}/proofs", headers=cast.headers(cast.staff)).status_code == 403
    assert client.get(f"{V1}/proofs").status_code == 401


def test_a_resident_can_follow_the_chain_of_the_community(
    cast: People, client: FlaskClient
) -> None:
    headers = cast.headers(cast.wang)

    rows = client.get(f"{V1}/seals/{HERE}", headers=headers).get_json()

    assert len(rows) == DAYS
    for newer, older in pairwise(rows):
        assert newer["previous"] == older["head"]
        bound = "|".join(str(newer[name]) for name in ("community", "day", "rows", "digest"))
        assert newer["head"] == sha256(f"{bound}|{older['head']}".encode()).hexdigest()
    page = client.get(f"{V1}/seals/{HERE}?before={rows[2]['day']}", headers=headers).get_json()
    assert page == rows[3:]
    assert client.get(f"{V1}/seals/{HERE}").status_code == 401
