"""The API page shows itself without a network; the description names what the routes read by themselves."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from judge_agent.schema import JudgmentRequest
from tests.service.browsed import shown_once
from tests.service.served import serving

pytestmark = pytest.mark.anyio


async def test_the_description_names_request_judgment_and_problem() -> None:
    async with serving(api_keys="ada:0123456789abcdef") as served:
        document = (await served.http.get("/openapi.json")).json()
    post = document["paths"]["/v1/judgments"]["post"]
    schemas = document["components"]["schemas"]
    assert post["requestBody"]["content"]["application/json"]["schema"]["$ref"].endswith("/JudgmentRequest")
    JudgmentRequest.model_validate(post["requestBody"]["content"]["application/json"]["example"])
    assert post["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].endswith("/Judgment")
    assert set(schemas["JudgmentRequest"]["properties"]) == set(JudgmentRequest.model_fields)
    assert {"Judgment", "CandidateResult", "Problem", "Trajectory"} <= set(schemas)
    assert not {found for found in _references(document) if found not in schemas}


def _references(node: object) -> set[str]:
    if isinstance(node, dict):
        own = {node["$ref"].rpartition("/")[2]} if isinstance(node.get("$ref"), str) else set()
        return own.union(*(_references(value) for value in node.values()))
    if isinstance(node, list):
        return set().union(*(_references(value) for value in node))
    return set()


async def test_the_page_loads_nothing_from_elsewhere() -> None:
    async with serving() as served:
        page = await served.http.get("/docs")
        assert "http" not in page.text
        assert "default-src 'self'" in page.headers["content-security-policy"]
        for name in ("swagger-ui-bundle.js", "swagger-ui.css", "start.js"):
            assert (await served.http.get(f"/docs/{name}")).status_code == 200


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium: apt-get install chromium")
async def test_a_browser_without_a_network_renders_the_page(tmp_path: Path) -> None:
    async with serving() as served:
        words = ("Create Judgment", "/v1/judgments/{judgment_id}", "/v1/pin", "/v1/runs/{run_id}/alarms")
        shown = await shown_once(f"{served.url}/docs", tmp_path, *words)
    assert "Unable to render" not in shown
