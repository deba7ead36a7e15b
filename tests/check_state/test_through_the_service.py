"""Records, effects and end states through the HTTP app, with the recipe that asks no model."""

from __future__ import annotations

import json
import time
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.app import create_app
from api.settings import Settings
from api.wiring import service
from tests.check_state.shop import messages, world

CASES: list[dict[str, Any]] = tomllib.loads((Path(__file__).parent / "wrong_declarations.toml").read_text())[
    "case"
]
CANCEL = {"calls": [{"name": "cancel_order", "arguments": {"id": "O1"}}]}
pytestmark = pytest.mark.anyio


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    root = tmp_path / "root"
    root.mkdir()
    (root / "shop.json").write_text(json.dumps(world()["state"]))
    (root / "list.json").write_text("[1]")
    made = Settings.model_validate({"model": "none", "data_dir": tmp_path / "data", "resources_root": root})
    async with service(made) as parts:
        transport = httpx.ASGITransport(create_app(parts))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost", timeout=60) as client:
            yield client


def body(environment: Any, end: Any, *trajectories: list[dict[str, Any]], **reference: Any) -> dict[str, Any]:
    return {
        "task": {"prompt": "Cancel order O1.", "reference": {"final_state": end, **reference}},
        "resources": {"environment": environment},
        "candidates": [
            {"id": f"c{index}", "trajectory": {"messages": found}} for index, found in enumerate(trajectories)
        ],
        "recipe": "verify",
        "tools": ["check_state", "match_tool_calls"],
    }


async def judged(client: httpx.AsyncClient, sent: dict[str, Any]) -> list[dict[str, Any]]:
    answer = await client.post("/v1/judgments", json=sent)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["candidates"]
    return found


RIGHT = messages(['cancel_order {"id":"O1"}'], "Done.")
WRONG = messages(['pay {"customer":"ann","amount":1}'], "Done.")
UNKNOWN = messages(["wipe_all {}"], "Done.")


async def test_rewards_come_of_the_records_alone(client: httpx.AsyncClient) -> None:
    right, wrong, unknown = await judged(client, body(world(), CANCEL, RIGHT, WRONG, UNKNOWN))
    assert (right["status"], right["reward"], right["passed"]) == ("scored", 1.0, True)
    assert (wrong["status"], wrong["reward"], wrong["passed"]) == ("scored", 0.0, False)
    assert (unknown["status"], unknown["reward"], unknown["failure_kind"]) == (
        "unscored",
        None,
        "no_evidence",
    )
    assert "wipe_all" in unknown["flags"]["state_not_decided"]


@pytest.mark.parametrize("source", ["blob", "root_name"])
async def test_the_records_may_be_a_file(client: httpx.AsyncClient, source: str) -> None:
    environment = world()
    state = environment.pop("state")
    environment["root_name"] = "shop.json"
    if source == "blob":
        sent = await client.post(
            "/v1/blobs", content=json.dumps(state), headers={"Content-Type": "application/octet-stream"}
        )
        environment = {key: value for key, value in environment.items() if key != "root_name"}
        environment["blob"] = sent.json()["sha256"]
    right, wrong = await judged(client, body(environment, CANCEL, RIGHT, WRONG))
    assert (right["reward"], wrong["reward"]) == (1.0, 0.0)


async def test_a_file_that_holds_no_object_gives_no_reward(client: httpx.AsyncClient) -> None:
    environment = {**world(), "state": None, "root_name": "list.json"}
    (found,) = await judged(client, body(environment, CANCEL, RIGHT))
    assert (found["status"], found["reward"], found["failure_kind"]) == ("unscored", None, "tool_unavailable")


async def test_a_reference_that_fails_gives_no_reward(client: httpx.AsyncClient) -> None:
    end = {"calls": [{"name": "cancel_order", "arguments": {"id": "O2"}}]}
    (found,) = await judged(client, body(world(), end, RIGHT))
    assert (found["status"], found["reward"]) == ("unscored", None)


async def test_a_pattern_that_is_none_gives_no_reward(client: httpx.AsyncClient) -> None:
    claim = {"name": "c", "pattern": "(?<=x)y", "check": "true"}
    (found,) = await judged(client, body(world(claims=[claim]), CANCEL, RIGHT))
    assert (found["status"], found["reward"]) == ("unscored", None)
    assert "claims.0.pattern" in json.dumps(found)


async def test_records_and_calls_are_both_asked(client: httpx.AsyncClient) -> None:
    rules = {"exact": True, "free": ["get_order"]}
    sent = body(world(), CANCEL, RIGHT, WRONG, tool_calls=CANCEL["calls"], tool_call_rules=rules)
    right, wrong = await judged(client, sent)
    assert (right["vector"]["correctness"], right["vector"]["tool_use"]) == (1.0, 1.0)
    assert (wrong["vector"]["correctness"], wrong["vector"]["tool_use"]) == (0.0, 0.0)
    assert wrong["steps"][0]["label"] == "bad"


async def test_credit_is_a_share(client: httpx.AsyncClient) -> None:
    expected = [*CANCEL["calls"], {"name": "pay", "arguments": {"customer": "ann", "amount": 1}}]
    sent = body(None, None, RIGHT, tool_calls=expected, tool_call_rules={"score": "credit"})
    (found,) = await judged(client, sent)
    assert found["status"] == "scored"
    assert found["vector"]["tool_use"] == pytest.approx(2 / 3, abs=1e-3)


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
async def test_a_wrong_declaration_is_refused_by_its_field(
    client: httpx.AsyncClient, case: dict[str, Any]
) -> None:
    environment, end = json.loads(case.get("environment", "null")), json.loads(case.get("end", "null"))
    asked = body(environment, end, RIGHT)
    if "databases" in case:
        asked["resources"]["databases"] = json.loads(case["databases"])
    answer = await client.post("/v1/judgments", json=asked)
    assert answer.status_code == 422, answer.text
    fields = [error["field"] for error in answer.json()["errors"]]
    assert any(field.startswith(case["field"]) for field in fields), fields


MANY = 150_000
FLOODS: dict[str, tuple[Any, dict[str, Any]]] = {
    "reads": ({"state": {}, "reads": [1] * MANY}, {}),
    "claims": ({"state": {}, "claims": [1] * MANY}, {}),
    "operations": ({"state": {}, "effects": {"a": [1] * MANY}}, {}),
    "effects": ({"state": {}, "effects": {f"t{index}": [] for index in range(201)}}, {}),
    "large effects": ({"state": {}, "effects": {"a": [{"result": f"'{'x' * 1900}'"}] * 100}}, {}),
    "expected calls": ({"state": {}}, {"final_state": {"calls": [1] * MANY}}),
    "told": ({"state": {}}, {"final_state": {"said": [[1] * MANY]}}),
    "alternatives": (None, {"tool_calls": [], "tool_call_rules": {"alternatives": [[1] * 9000] * 16}}),
    "accepted": (None, {"tool_calls": [{"name": "a", "arguments": {"x": 1}, "accept": {"x": [1] * 101}}]}),
}


@pytest.mark.parametrize(("environment", "reference"), FLOODS.values(), ids=FLOODS)
async def test_a_flood_of_wrong_items_is_refused_at_the_first(
    client: httpx.AsyncClient, environment: Any, reference: dict[str, Any]
) -> None:
    sent = body(
        environment,
        reference.get("final_state"),
        RIGHT,
        **{k: v for k, v in reference.items() if k != "final_state"},
    )
    started = time.process_time()
    answer = await client.post("/v1/judgments", json=sent)
    assert answer.status_code == 422, answer.text
    assert time.process_time() - started < 2.0
