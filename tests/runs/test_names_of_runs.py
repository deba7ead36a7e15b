"""A run is found again under its name, or its name is refused where it is given."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from tests.service.served import Served, request, serving

pytestmark = pytest.mark.anyio
NAMES = [
    "a/b", "a//b", "/a", "a/", "a/alarms", "alarms", "a/../b", "a/.", "...", ".a", "a b", " a ", "a%", "100%2F", "a?b",
    "a#b", "a\\b", "a:b;c", "\u00e9", "\u65e5\u672c", "\U0001f600", "\u2028", "x" * 128,
]  # fmt: skip
REFUSED = [".", "..", "a\nb", "\n", "a\r", "\t", "\x00", "a\x1f", "\x7f", "a\x85"]


async def paths(served: Served, name: str) -> tuple[str, str]:
    place = f"{served.url}/v1/runs/{quote(name, safe='')}"
    return place, f"{place}/alarms"


@pytest.mark.parametrize("name", NAMES)
async def test_a_run_is_told_of_under_every_name_that_is_taken(name: str) -> None:
    async with serving() as served:
        answer = await served.post(request(run={"id": name, "step": 1}))
        assert answer.status_code == 200, answer.text
        run, alarms = await paths(served, name)
        told = await served.http.get(run)
        assert (told.status_code, told.json().get("id")) == (200, name)
        assert (await served.http.put(alarms, json={"unscored_share": 0.5})).status_code == 200
        assert (await served.http.get(run)).json()["thresholds"]["unscored_share"] == 0.5


@pytest.mark.parametrize("name", REFUSED)
async def test_a_name_that_no_path_carries_is_refused_by_its_field(name: str) -> None:
    async with serving() as served:
        found: list[dict[str, Any]] = [(await served.post(request(run={"id": name}))).json()]
        body = {"prompt": "What is 2+2?", "response": "4", "label": "4"}
        found.append((await served.http.post("/compat/slime", json=body, params={"run": name})).json())
        assert [(one["status"], one["field"]) for one in found] == [(422, "run.id"), (422, "run")]
        assert all("control character" in one["detail"] for one in found)
        assert not served.model.requests


@pytest.mark.parametrize("name", [one for one in REFUSED if one not in (".", "..") and "\n" not in one])
async def test_a_run_of_such_a_name_gets_no_alarms(name: str) -> None:
    async with serving() as served:
        _, alarms = await paths(served, name)
        refused = await served.http.put(alarms, json={})
        assert (refused.status_code, refused.json()["field"]) == (422, "run_id")
