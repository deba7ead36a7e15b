"""Checks of a page, two tenants at once, and other boxes, through the HTTP app with the service's own wiring."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.app import create_app
from api.settings import Settings
from api.wiring import service
from sandboxes.browser import find_browser, lacking

pytestmark = pytest.mark.anyio
KEYS = {"ada": "ada-key-of-thirty-two-characters", "bob": "bob-key-of-thirty-two-characters"}
PAGE = '<output id=n>0</output><button onclick="n.textContent++">Add one</button>'
STEPS = [
    {"do": "click", "role": "button", "name": "Add one"},
    {"do": "assert", "css": "#n", "that": "text_is", "value": "1"},
]
# It leaves what it can, and shows what another one has left.
LEAVES = (
    "<p id=p></p><script>p.textContent = [localStorage.a, document.cookie, name];"
    "localStorage.a = '%s'; document.cookie = 'a=%s'; name = '%s'</script>"
)


def asked(page: str, *steps: dict[str, Any], **fields: Any) -> dict[str, Any]:
    checks = [{"name": "counts", "steps": steps or STEPS}]
    return {
        "recipe": "verify",
        "task": {"prompt": "A page with a button that counts.", "reference": {"ui": {"checks": checks}}},
        "candidates": [{"id": "a", "trajectory": {"text": f"```html\n{page}\n```"}}],
        "budget": {"seconds": 300},
        **fields,
    }


@asynccontextmanager
async def clients(folder: Path, **settings: Any) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    keys = ",".join(f"{tenant}:{key}" for tenant, key in KEYS.items())
    made = Settings.model_validate(
        {"model": "none", "data_dir": folder / "data", "api_keys": keys, **settings}
    )
    async with AsyncExitStack() as stack:
        transport = httpx.ASGITransport(create_app(await stack.enter_async_context(service(made))))
        yield {
            tenant: await stack.enter_async_context(
                httpx.AsyncClient(
                    transport=transport, base_url="http://localhost", headers={"X-Api-Key": key}, timeout=300
                )
            )
            for tenant, key in KEYS.items()
        }


async def judged(client: httpx.AsyncClient, body: dict[str, Any]) -> dict[str, Any]:
    answer = await client.post("/v1/judgments", json=body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


@pytest.fixture
def needs_a_browser() -> None:
    if find_browser() is None:
        pytest.skip(f"this machine lacks {', '.join(lacking())}")


@pytest.mark.usefixtures("needs_a_browser")
async def test_a_page_is_judged_and_two_tenants_see_nothing_of_each_other(tmp_path):
    empty = {"do": "assert", "css": "#p", "that": "text_is", "value": ",,"}
    async with clients(tmp_path) as of:
        one, *leaving = await asyncio.gather(
            judged(of["ada"], asked(PAGE)),
            *(judged(of[who], asked(LEAVES.replace("%s", who), empty)) for who in ("ada", "bob")),
        )
        tools = await of["ada"].get("/v1/tools")
    (candidate,), (evidence,) = one["candidates"], one["evidence"]
    assert (candidate["status"], candidate["reward"], candidate["passed"]) == ("scored", 1.0, True)
    assert (evidence["tool"], evidence["bearing"], evidence["strength"]) == ("browse", "confirms", "decisive")
    assert evidence["reason"] == "all 3 checks of the page passed"
    assert evidence["images"][0]["media_type"] == "image/png"
    assert [one["candidates"][0]["reward"] for one in leaving] == [1.0, 1.0]
    (browse,) = [one for one in tools.json()["data"] if one["name"] == "browse"]
    assert set(browse["parameters"]["properties"]) == {"site", "steps"}


@pytest.mark.parametrize("box", ["none", "wasm"])
async def test_with_other_boxes_no_page_is_opened_and_nobody_gets_a_reward(tmp_path, box):
    async with clients(tmp_path, sandbox=box) as of:
        judgment = await judged(of["ada"], asked(PAGE))
    (candidate,) = judgment["candidates"]
    assert (candidate["status"], candidate["reward"]) == ("unscored", None)
    assert candidate["failure_kind"] == "tool_unavailable"
    assert "JUDGE_SANDBOX=namespaces" in candidate["failure_reason"]


WRONG = [
    ({"do": "click"}, "needs an element"),
    ({"do": "fly"}, "'snapshot'"),
    ({"do": "assert", "that": "looks_like"}, "image"),
    ({"do": "assert", "that": "title_is", "value": "x", "differs_at_most": 0.1}, "goes with looks_like"),
    ({"do": "text", "that": "visible"}, "goes with 'assert'"),
]


async def test_a_wrong_step_is_named(tmp_path):
    async with clients(tmp_path, sandbox="none") as of:
        for step, says in WRONG:
            answer = await of["ada"].post("/v1/judgments", json=asked(PAGE, step))
            assert answer.status_code == 422, step
            assert "task.reference.ui.checks.0.steps.0" in answer.text
            assert says in answer.text
