"""A batch: JSON lines in, a line for each out, whatever becomes of the others."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from judge_agent.models.scripted import ScriptedModel
from tests.service.served import Served, request, serving

pytestmark = pytest.mark.anyio
JSONL = {"Content-Type": "application/jsonl"}


async def batch(
    served: Served, lines: list[Any], **headers: str
) -> tuple[httpx.Response, list[dict[str, Any]]]:
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    answer = await served.http.post("/v1/judgments/batch", content=text, headers=JSONL | headers)
    return answer, [
        json.loads(line) for line in answer.text.splitlines()
    ] if answer.status_code == 200 else []


async def test_every_line_has_its_judgment_under_its_own_name() -> None:
    async with serving() as served:
        lines = [{"custom_id": f"r{seed}", "body": request(seed=seed)} for seed in range(40)]
        answer, found = await batch(served, lines)
        assert answer.headers["content-type"].startswith("application/jsonl")
        assert sorted(line["index"] for line in found) == list(range(40))
        for line in found:
            assert (line["custom_id"], line["status"]) == (f"r{line['index']}", 200)
            assert line["judgment"]["provenance"]["seed"] == line["index"]
            kept = await served.http.get(f"/v1/judgments/{line['judgment']['id']}")
            assert kept.json() == line["judgment"]


async def test_a_bad_line_is_answered_and_stops_no_other() -> None:
    async with serving() as served:
        lines = [
            request(),
            "{torn",
            "",
            request(recipe="no such"),
            {"custom_id": "x", "body": request(candidates=[])},
            {"custom_id": 7, "body": request()},
            {"body": request(), "surprise": 1},
            request(budget={"seconds": 1e9}),
            "[]",
            {"custom_id": "last", "method": "POST", "url": "/v1/judgments", "body": request(seed=9)},
        ]
        _, found = await batch(served, lines)
        by_index = {line["index"]: line for line in found}
        assert [by_index[index]["status"] for index in range(9)] == [
            200,
            400,
            422,
            422,
            422,
            422,
            422,
            422,
            200,
        ]
        assert by_index[2]["error"]["field"] == "recipe"
        assert (by_index[3]["custom_id"], by_index[3]["error"]["field"]) == ("x", "candidates")
        assert by_index[4]["error"]["field"] == "custom_id"
        assert by_index[5]["error"]["field"] == "surprise"


async def test_more_lines_than_the_service_takes_wait_for_their_turn() -> None:
    async with serving(max_running=2, max_queued=0) as served:
        _, found = await batch(served, [request(seed=seed) for seed in range(12)])
        assert {line["status"] for line in found} == {200}
        assert len({line["judgment"]["id"] for line in found}) == 12


async def test_a_line_past_the_limit_is_413_and_the_next_one_is_read() -> None:
    async with serving(max_body_bytes=2000) as served:
        large = request(task={"prompt": "x" * 3000})
        _, found = await batch(served, [request(), large, request(seed=1)])
        assert {line["index"]: line["status"] for line in found} == {0: 200, 1: 413, 2: 200}


async def test_a_batch_that_is_sent_again_with_its_key_is_judged_once() -> None:
    async with serving() as served:
        lines = [request(seed=seed, cache="no") for seed in range(4)]
        _, first = await batch(served, lines, **{"Idempotency-Key": "run-1"})
        asked = len(served.model.requests)
        _, again = await batch(served, lines, **{"Idempotency-Key": "run-1"})
        assert len(served.model.requests) == asked
        assert {line["judgment"]["id"] for line in again} == {line["judgment"]["id"] for line in first}


async def test_a_judge_that_failed_is_a_200_without_a_reward() -> None:
    async with serving(model=ScriptedModel(otherwise="nothing of use")) as served:
        _, [line] = await batch(served, [request()])
        assert (line["status"], line["judgment"]["candidates"][0]["reward"]) == (200, None)


@pytest.mark.parametrize("media_type", ["application/json", "text/plain", ""])
async def test_what_is_not_json_lines_is_refused(media_type: str) -> None:
    async with serving() as served:
        answer, _ = await batch(served, [request()], **{"Content-Type": media_type})
        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


async def test_a_batch_past_the_limit_is_413() -> None:
    async with serving(max_batch_bytes=1000) as served:
        answer, _ = await batch(served, [request(seed=seed) for seed in range(10)])
        assert (answer.status_code, "JUDGE_MAX_BATCH_BYTES" in answer.text) == (413, True)


async def test_an_empty_batch_has_an_empty_answer() -> None:
    async with serving() as served:
        answer, found = await batch(served, ["", "  "])
        assert (answer.status_code, found) == (200, [])


async def test_who_goes_away_leaves_what_was_accepted_to_be_judged() -> None:
    async with serving(max_running=4) as served:
        text = "\n".join(json.dumps(request(seed=seed)) for seed in range(8))
        async with served.http.stream("POST", "/v1/judgments/batch", content=text, headers=JSONL) as answer:
            async for _ in answer.aiter_lines():
                break
        listed = (await served.http.get("/v1/judgments?limit=100")).json()["data"]
        for row in listed:
            ended = await served.http.get(f"/v1/judgments/{row['id']}", headers={"Prefer": "wait=10"})
            assert ended.json()["state"] == "done"
        assert (await served.post(request(seed=99))).status_code == 200


async def test_what_is_wrong_with_a_line_is_told_of_the_line_alone() -> None:
    async with serving() as served:
        for cut, place in (('{"task": ', "line 1, column 10"), ('{"task": \r', "line 1, column 10")):
            _, [first, second] = await batch(served, [cut, "", '{"recipe":'])
            assert [first["status"], second["status"]] == [400, 400]
            told = {one["index"]: one["error"]["detail"] for one in (first, second)}
            assert place in told[0]
            assert "line 1, column 11" in told[1]


async def test_lines_have_keys_of_their_own_whatever_their_names_are() -> None:
    async with serving() as served:
        one = {"custom_id": "0/b", "body": request(seed=1)}
        _, [first] = await batch(served, [one], **{"Idempotency-Key": "a"})
        _, [other] = await batch(
            served, [{"custom_id": "b", "body": request(seed=2)}], **{"Idempotency-Key": "a/0"}
        )
        alone = await served.post(request(seed=3), Idempotency_Key="a/0/0/b")
        _, [again] = await batch(served, [one], **{"Idempotency-Key": "a"})
        assert (first["status"], other["status"], alone.status_code, again["status"]) == (200, 200, 200, 200)
        assert len({first["judgment"]["id"], other["judgment"]["id"], alone.json()["id"]}) == 3
        assert again["judgment"]["id"] == first["judgment"]["id"]
