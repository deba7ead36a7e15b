"""The numbers at /metrics are those of the log, and say nothing of whose or of what."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from api.auth import make_key
from judge_agent.models.scripted import Held, ScriptedModel, by_schema
from tests.service.served import request, serving

pytestmark = pytest.mark.anyio


async def numbers(http: httpx.AsyncClient) -> dict[tuple[str, ...], float]:
    """Every sample by its name and its labels' values, in the order of their names."""
    answer = await http.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


async def test_judgments_calls_tokens_and_requests_are_counted() -> None:
    async with serving() as served:
        first = (await served.post(request())).json()
        await served.post(request())
        await served.post("no request")
        found = await numbers(served.http)
    assert found["judge_judgments_total", "no", "default", "done"] == 1
    assert found["judge_judgments_total", "yes", "default", "done"] == 1
    assert found["judge_candidates_total", "", "default", "scored"] == 2
    assert found["judge_judgment_seconds_count", "default"] == 2
    assert found["judge_calls_total", "model", "ok", "false", ""] == first["usage"]["model_calls"]
    assert found["judge_model_tokens_total", "prompt"] == first["usage"]["prompt_tokens"]
    assert found["judge_http_requests_total", "POST", "/v1/judgments", "200"] == 2
    assert found["judge_http_requests_total", "POST", "/v1/judgments", "422"] == 1


async def test_failures_are_counted_by_kind() -> None:
    async with serving(model=ScriptedModel(otherwise="no verdict")) as served:
        await served.post(request())
        found = await numbers(served.http)
    assert found["judge_candidates_total", "model_unparseable", "default", "unscored"] == 1


async def test_what_is_open_is_told_as_it_is() -> None:
    model = ScriptedModel(otherwise=Held(asyncio.Event(), by_schema()))
    async with serving(model=model, max_running=1) as served:
        for seed in range(3):
            await served.post(request(seed=seed), prefer="respond-async")
        found = await numbers(served.http)
    assert found["judge_open_judgments", "queued"] == 2
    assert found["judge_open_judgments", "running"] == 1


async def test_paths_that_are_none_make_no_labels_and_nobody_is_named() -> None:
    async with serving() as served:
        key = make_key("ada-the-tenant")
        await served.parts.store.add_key(key.row)
        posted = await served.post(request(), x_api_key=key.secret)
        for path in ("/nothing/here", "/v1/judgments/jdg_no", posted.headers["location"]):
            await served.http.get(path, headers={"X-Api-Key": key.secret})
        text = (await served.http.get("/metrics")).text
        found = await numbers(served.http)
    assert found["judge_http_requests_total", "GET", "none", "404"] == 1
    assert found["judge_http_requests_total", "GET", "/v1/judgments/{judgment_id}", "404"] == 1
    for secret in ("ada-the-tenant", key.secret, posted.json()["id"], "2+2", "nothing"):
        assert secret not in text


async def test_methods_that_callers_make_up_share_one_label() -> None:
    async with serving() as served:
        await served.http.get("/nothing/here")
        await served.http.patch("/nothing/here")
        for index in range(50):
            await served.http.request(f"XSECRET{index}", "/nothing/here")
            await served.http.request(f"XSECRET{index}", "/v1/judgments")
        text = (await served.http.get("/metrics")).text
        found = await numbers(served.http)
    counted = {
        labels[1]: value for labels, value in found.items() if labels[0] == "judge_http_requests_total"
    }
    assert set(counted) == {"GET", "PATCH", "_OTHER"}
    assert "XSECRET" not in text
    others = [labels for labels in found if labels[:2] == ("judge_http_requests_total", "_OTHER")]
    assert sum(found[labels] for labels in others) == 100
