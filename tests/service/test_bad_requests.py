"""Bad input gets a 4xx that names the field and the limit, and nothing else happens."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.service.served import Served, request, serving

pytestmark = pytest.mark.anyio
CASES = json.loads((Path(__file__).parent / "data" / "bad_bodies.json").read_text())
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
async def served() -> AsyncIterator[Served]:
    async with serving(max_body_bytes=1_000_000) as found:
        yield found


async def nothing_was_accepted(served: Served) -> bool:
    page = (await served.http.get("/v1/judgments")).json()
    return not page["data"] and not served.model.requests


def _body(case: dict[str, Any]) -> bytes:
    if "raw_parts" in case:
        parts = iter(case["raw_parts"])
        text = ""
        for part in parts:
            text = text[:-1] + text[-1] * part if isinstance(part, int) else text + part
        return text.encode()
    if "raw" in case:
        return case["raw"].encode()
    return json.dumps(request(**case["change"])).encode()


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
async def test_a_bad_body_is_refused_by_name(served: Served, case: dict[str, Any]) -> None:
    answer = await served.http.post("/v1/judgments", content=_body(case), headers=JSON)
    problem = answer.json()
    assert answer.status_code == case["status"], problem
    assert answer.headers["content-type"] == "application/problem+json"
    for name in ("field", "limit", "value"):
        if name in case:
            assert problem[name] == case[name], problem
    assert problem.get("field", "").startswith(case.get("field_starts", "")), problem
    assert case.get("says", "") in problem["detail"], problem
    assert "Value error" not in answer.text
    assert len(answer.content) < 20_000
    assert await nothing_was_accepted(served)


async def test_ten_thousand_principles_name_the_limit_without_sending_them_back(served: Served) -> None:
    answer = await served.post(request(principles=[{"description": "d"}] * 10_000))
    problem = answer.json()
    assert (answer.status_code, problem["field"], problem["limit"]) == (422, "principles", 64)
    assert len(answer.content) < 2000


async def test_every_wrong_field_is_named_once_and_no_container_beside_it(served: Served) -> None:
    bad = [
        {"id": "a", "trajectory": {"messages": [{"role": "x"}, {"role": "y"}]}},
        {"id": "", "trajectory": 4},
    ]
    problem = (await served.post(request(candidates=bad))).json()
    assert [error["field"] for error in problem["errors"]] == [
        "candidates.0.trajectory.messages.0.role",
        "candidates.0.trajectory.messages.1.role",
        "candidates.1.id",
        "candidates.1.trajectory",
    ]


@pytest.mark.parametrize(
    ("body", "limit"),
    [
        (b'{"metadata": {"a": [' + b"[]," * 250_000 + b"1]}}", 200_000),
        (b'{"metadata": {"a": [' + b"1," * 480_000 + b"1]}, " + b'"b": [' + b"1," * 5 + b"1]}", None),
        (b"{" + b",".join(b'"%d":1' % index for index in range(80_000)) + b"}", 20_000),
        (b'{"candidates": [' + b"1," * 400_000 + b"1]}", 64),
    ],
    ids=[
        "quarter of a million lists",
        "half a million numbers",
        "eighty thousand unknown fields",
        "many candidates",
    ],
)
async def test_a_body_that_weighs_much_when_parsed_is_refused_quickly(
    served: Served, body: bytes, limit: int | None
) -> None:
    answer = await served.http.post("/v1/judgments", content=body, headers=JSON, timeout=10)
    assert (answer.status_code, answer.json()["limit"]) == (422, limit)
    assert len(answer.content) < 20_000


async def test_a_body_of_twenty_megabytes_is_refused_with_the_limit(served: Served) -> None:
    answer = await served.http.post("/v1/judgments", content=b" " * 20_000_000, headers=JSON)
    assert (answer.status_code, answer.json()["limit"]) == (413, 1_000_000)
    assert await nothing_was_accepted(served)


async def test_a_body_that_does_not_say_its_length_is_refused_too(served: Served) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(200):
            yield b" " * 100_000

    answer = await served.http.post("/v1/judgments", content=chunks(), headers=JSON)
    assert (answer.status_code, answer.json()["field"]) == (413, "body")


async def test_bytes_that_are_no_utf_8_are_refused(served: Served) -> None:
    answer = await served.http.post("/v1/judgments", content=b'{"task": "\xff"}', headers=JSON)
    assert (answer.status_code, "UTF-8" in answer.json()["detail"]) == (400, True)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/json; charset=latin-1"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    ],
)
async def test_a_body_that_does_not_say_that_it_is_plain_json_is_refused(
    served: Served, headers: dict[str, str]
) -> None:
    content = json.dumps(request()).encode()
    answer = await served.http.post("/v1/judgments", content=content, headers=headers)
    assert answer.status_code == 415


@pytest.mark.parametrize(
    ("path", "status", "field"),
    [
        ("/v1/judgments?state=finished", 422, "state"),
        ("/v1/judgments?limit=0", 422, "limit"),
        ("/v1/judgments?limit=1000", 422, "limit"),
        ("/v1/judgments?cursor=%F0%9F%98%80", 422, "cursor"),
        ("/v1/judgments?stat=done", 422, "stat"),
    ],
)
async def test_a_wrong_query_is_refused_by_name(served: Served, path: str, status: int, field: str) -> None:
    answer = await served.http.get(path)
    assert (answer.status_code, answer.json()["field"]) == (status, field)


@pytest.mark.parametrize("path", ["/v1/judgments/nope", "/v1/judgments/..%2f..%2fetc", "/v2", "/docs/passwd"])
async def test_what_is_not_there_is_404_as_a_problem(served: Served, path: str) -> None:
    answer = await served.http.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_a_wrong_method_is_405_as_a_problem(served: Served) -> None:
    answer = await served.http.delete("/v1/judgments")
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")


async def test_a_foreign_host_is_refused_so_that_no_page_rebinds_its_name(served: Served) -> None:
    answer = await served.http.get("/v1/judgments", headers={"Host": "evil.example:8800"})
    assert answer.status_code == 421
    local = await served.http.get("/v1/judgments", headers={"Host": "localhost:9999"})
    assert local.status_code == 200


async def test_a_raw_client_that_stops_in_the_middle_of_its_body_hurts_no_one(served: Served) -> None:
    with pytest.raises(httpx.HTTPError):
        await served.http.post(
            "/v1/judgments", content=_broken_off(), headers={**JSON, "Content-Length": "5000"}
        )
    assert (await served.http.get("/health")).status_code == 200


async def _broken_off() -> AsyncIterator[bytes]:
    yield b'{"task": '
    raise httpx.ReadError("the client fell over")
