"""What a facade cannot read is refused by the name that its caller wrote, and nothing is judged."""

from __future__ import annotations

import json
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.facades.asked import model
from tests.service.served import Served, serving

pytestmark = pytest.mark.anyio
CASES = tomllib.loads((Path(__file__).parent / "data" / "bad_bodies.toml").read_text())["cases"]
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
async def served() -> AsyncIterator[Served]:
    async with serving(model=model(), max_body_bytes=1_000_000) as found:
        yield found


def body_of(case: dict[str, Any]) -> bytes:
    if "repeat" in case:
        return json.dumps(
            {name: value * case["repeat"] for name, value in json.loads(case["body"]).items()}
        ).encode()
    if "long" in case:
        return json.dumps(json.loads(case["body"]) | {case["long"]: "x" * 5000}).encode()
    return case["body"].encode()


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
async def test_a_bad_body_is_refused_by_the_name_that_its_caller_wrote(
    served: Served, case: dict[str, Any]
) -> None:
    answer = await served.http.post(f"/compat/{case['path']}", content=body_of(case), headers=JSON)
    problem = answer.json()
    assert answer.status_code == case.get("status", 422), problem
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem.get("field") == case.get("field"), problem
    assert len(answer.content) < 20_000
    assert (await served.http.get("/v1/judgments")).json()["data"] == []
    assert not served.model.requests


async def test_a_body_that_is_too_large_is_413(served: Served) -> None:
    answer = await served.http.post("/compat/slime", json={"prompt": "a", "response": "b" * 1_100_000})
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


async def test_every_facade_is_described_with_an_example_that_it_reads(served: Served) -> None:
    document = (await served.http.get("/openapi.json")).json()
    paths = {path: item for path, item in document["paths"].items() if path.startswith("/compat/")}
    assert len(paths) == 15
    for path, item in paths.items():
        for method, operation in item.items():
            assert operation["tags"] == ["trainers"], path
            if method == "post":
                content = operation["requestBody"]["content"]["application/json"]
                answer = await served.http.post(path, json=content["example"])
                assert answer.status_code in (200, 404, 503), (path, answer.text)
