"""Bodies that mean harm get a short 4xx that says where and how much; the service goes on as if nothing had been."""

from __future__ import annotations

import copy
import json
import random
import tomllib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.service.served import Served, request, serving

pytestmark = pytest.mark.anyio
CASES = tomllib.loads((Path(__file__).parent / "data" / "bodies.toml").read_text())["cases"]
JSON = {"Content-Type": "application/json"}
MAX_ANSWER_BYTES = 20_000
# One of each kind of JSON value; those that fit a field are its own affair.
VALUES: tuple[Any, ...] = (None, True, 7, -1, 0.5, 1e300, "text", "", [], [1], {}, {"a": 1})
FULL = request(
    task={
        "prompt": "What is 2+2?",
        "messages": [{"role": "user", "content": "2+2?"}],
        "kind": "maths",
        "reference": {
            "answer": "4",
            "tests": {
                "kind": "call",
                "entry_point": "f",
                "atol": 0.1,
                "visible": [],
                "hidden": [{"args": [1], "kwargs": {}, "expected": 2}],
            },
            "tool_calls": [{"name": "f", "arguments": {"a": 1}, "optional": ["a"]}],
            "tool_call_rules": {"exact": False, "free": ["g"], "number_tolerance": 0.1},
        },
    },
    recipe="verify",
    dimensions=["correctness"],
    tools=[],
    resources={
        "databases": [
            {"name": "d", "engine": "sqlite", "tables": {"t": {"columns": [{"name": "a", "type": "INT"}]}}}
        ]
    },
    granularity=["outcome"],
    pass_threshold=0.5,
    budget={"seconds": 5, "model_tokens": 10, "tool_calls": 1, "samples": 1},
    seed=1,
    cache="no",
    include_hidden_reasoning=False,
    metadata={"a": 1},
)


@pytest.fixture(scope="module")
async def served() -> AsyncIterator[Served]:
    async with serving(max_body_bytes=1_000_000) as found:
        yield found


def body_of(case: dict[str, Any]) -> bytes:
    if "hex" in case:
        return bytes.fromhex(case["hex"])
    if "repeat" in case:
        text: str = case["before"] + case["unit"] * case["repeat"] + case["after"]
        return text.encode()
    return str(case["raw"]).encode()


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
async def test_a_body_that_means_harm_is_refused_with_its_field_and_limit(
    served: Served, case: dict[str, Any]
) -> None:
    answer = await served.http.post("/v1/judgments", content=body_of(case), headers=JSON)
    problem = answer.json()
    assert answer.status_code == case["status"], problem
    assert answer.headers["content-type"] == "application/problem+json"
    assert len(answer.content) < MAX_ANSWER_BYTES
    for name in ("field", "limit", "code"):
        assert name not in case or problem[name] == case[name], problem
    assert (await served.http.get("/health")).status_code == 200


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a JSON value."""
    if path:
        yield path
    for key, item in (
        value.items() if isinstance(value, dict) else enumerate(value if isinstance(value, list) else ())
    ):
        yield from places(item, (*path, key))


def put(value: Any, path: tuple[Any, ...], item: Any) -> Any:
    """A copy with something else at a place."""
    copied = copy.deepcopy(value)
    inside = copied
    for key in path[:-1]:
        inside = inside[key]
    inside[path[-1]] = item
    return copied


async def test_another_type_at_any_place_is_judged_or_refused_by_the_name_of_the_place(
    served: Served,
) -> None:
    found = list(places(FULL))
    assert len(found) > 70
    for path in found:
        for value in random.Random(str(path)).sample(VALUES, 4):
            answer = await served.post(put(FULL, path, value))
            assert answer.status_code in (200, 422), (path, value, answer.text)
            if answer.status_code == 422:
                problem = answer.json()
                assert problem["field"].split(".")[0] == str(path[0]), (path, value, problem)
                assert len(answer.content) < MAX_ANSWER_BYTES


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("seed",), "1"),
        (("seed",), True),
        (("seed",), 0.5),
        (("pass_threshold",), "0.5"),
        (("pass_threshold",), True),
        (("include_hidden_reasoning",), 1),
        (("include_hidden_reasoning",), "yes"),
        (("budget", "seconds"), "5"),
        (("budget", "samples"), True),
        (("principles", 0, "weight"), "2"),
        (("task", "reference", "tests", "atol"), "0"),
        (("task", "reference", "tool_call_rules", "exact"), "true"),
    ],
)
async def test_what_only_looks_like_a_number_or_a_truth_value_is_refused(
    served: Served, path: tuple[Any, ...], value: Any
) -> None:
    answer = await served.post(put(FULL, path, value))
    assert (answer.status_code, answer.json()["field"]) == (422, ".".join(map(str, path)))


async def test_a_whole_number_may_be_written_with_a_point(served: Served) -> None:
    assert (await served.post(FULL | {"seed": 1.0})).status_code == 200


async def test_an_unknown_field_is_refused_at_every_level_of_ours(served: Served) -> None:
    lenient = ("messages", "metadata", "arguments", "kwargs", "tables")
    for path in [(), *places(FULL)]:
        inside: Any = FULL
        for key in path:
            inside = inside[key]
        if not isinstance(inside, dict) or any(key in lenient for key in path):
            continue
        answer = await served.post(put(FULL, (*path, "no_such_field"), 1))
        assert answer.status_code == 422, (path, answer.text)
        assert answer.json()["field"] == ".".join(map(str, (*path, "no_such_field")))


@pytest.mark.parametrize(
    "headers",
    [
        [("Content-Type", "application/json"), ("Content-Type", "text/plain")],
        [("Content-Type", "application/x-www-form-urlencoded")],
        [("Content-Type", "multipart/form-data; boundary=x")],
        [("Content-Type", "text/plain;application/json")],
        [("Content-Type", "application/json"), ("Content-Encoding", "gzip")],
        [("Content-Type", "application/json"), ("Content-Encoding", "identity, gzip")],
    ],
)
async def test_what_a_page_of_the_web_could_post_is_not_read(
    served: Served, headers: list[tuple[str, str]]
) -> None:
    content = json.dumps(request()).encode()
    answer = await served.http.post("/v1/judgments", content=content, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    ("shape", "field"),
    [
        ({"kind": "z", "ddof": True}, "ddof"),
        ({"kind": "z", "ddof": "1"}, "ddof"),
        ({"kind": "z", "ddof": 2}, "ddof"),
        ({"kind": "difficulty", "outcome": False}, "outcome"),
    ],
)
async def test_a_shape_s_numbers_are_numbers(served: Served, shape: dict[str, Any], field: str) -> None:
    answer = await served.http.post("/v1/groups", json=request(shape=[shape]))
    assert answer.status_code == 422
    assert answer.json()["field"].endswith(field)


async def test_a_threshold_of_an_alarm_is_a_number(served: Served) -> None:
    answer = await served.http.put("/v1/runs/r/alarms", json={"reward_jump": False})
    assert (answer.status_code, answer.json()["field"]) == (422, "reward_jump")


@pytest.mark.parametrize("path", ["seed_session", "close_session", "aggregate_metrics"])
@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("run=" + "a" * 129, "run"),
        ("run=", "run"),
        ("run=a&step=" + "9" * 16, "step"),
        ("run=a&step=-1", "step"),
        ("run=a&pin=yes", "pin"),
    ],
)
async def test_a_run_in_a_facade_s_url_is_checked_also_where_nothing_is_judged(
    served: Served, path: str, query: str, field: str
) -> None:
    answer = await served.http.post(f"/compat/nemo-gym/{path}?{query}", json={})
    assert (answer.status_code, answer.json()["field"]) == (422, field)


@pytest.mark.parametrize(
    ("method", "path", "field"),
    [("GET", "/v1/groups?=", "query"), ("POST", "/v1/blobs", "body"), ("GET", "/v1/pin?=x", "query")],
)
async def test_what_has_no_name_is_refused_by_where_it_stands(
    served: Served, method: str, path: str, field: str
) -> None:
    headers = {"Content-Type": "application/octet-stream"} if method == "POST" else {}
    answer = await served.http.request(method, path, headers=headers)
    assert (answer.status_code, answer.json().get("field")) == (422, field), answer.text
