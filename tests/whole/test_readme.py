"""What the README shows works as shown."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.extra_tools import extra_tools
from api.mcp_servers import allowed_servers
from api.settings import from_environment
from judge_agent.journal import MemoryJournal, MemorySharedResults
from judge_agent.judge import Judge
from judge_agent.log import MemoryLog
from judge_agent.models import ScriptedModel
from judge_agent.schema import JudgmentRequest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text("utf-8")
PAGES = [ROOT / "README.md", *(ROOT / folder / "README.md" for folder in ("tools", "sandboxes", "evals"))]


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def test_the_curl_request_is_judged_as_shown(verify_service: str) -> None:
    words = shlex.split(blocks("sh")[0].replace("\\\n", " "))
    body = words[words.index("-d") + 1]
    answer = httpx.post(f"{verify_service}/v1/judgments", json=json.loads(body), timeout=60).json()
    shown = json.loads(blocks("json")[0])["candidates"][0]
    shown.pop("...")
    shown["vector"].pop("...", None)
    candidate = answer["candidates"][0]
    assert {name: candidate[name] for name in shown} == shown


def test_the_python_example_prints_a_reward(verify_service: str, tmp_path: Path) -> None:
    source = blocks("python")[0].replace("http://127.0.0.1:8800", verify_service)
    done = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, timeout=60, cwd=tmp_path, check=False
    )
    assert (done.stdout, done.stderr) == ("1.0\n", "")


def test_the_rewards_that_the_readme_shows_judge_a_batch(verify_service: str) -> None:
    [shown] = [block for block in blocks("python") if "judge_rewards" in block]
    scope: dict[str, Any] = {}
    exec(shown.replace("http://127.0.0.1:8800", verify_service), scope)
    tests = {"kind": "call", "entry_point": "add", "hidden": [{"args": [2, 3], "expected": 5}]}
    completions = [f"```python\ndef add(a, b):\n    return {body}\n```" for body in ("a + b", "a - b")]

    async def columns() -> list[list[float | None]]:
        batch = {"prompts": ["Write add."] * 2, "completions": completions, "tests": [tests] * 2}
        return await asyncio.gather(*(reward(**batch) for reward in scope["rewards"]))

    assert asyncio.run(columns()) == [[1.0, 0.0], [None, None]]


@pytest.mark.anyio
async def test_the_tool_that_the_readme_shows_answers_the_model(tmp_path: Path) -> None:
    [shown] = [block for block in blocks("python") if "def weekday" in block]
    assert len(shown.splitlines()) < 30
    (tmp_path / "days.py").write_text(shown)
    tools = extra_tools(from_environment({"JUDGE_TOOLS_FOLDER": str(tmp_path)}), {}, [])
    call = {"tool": "weekday", "arguments": {"date": "2026-02-13"}}
    asked: Sequence[Any] = [
        {"thought": "Which day?", "call": call},
        {"thought": "So.", "call": {"tool": "done"}},
    ]
    request = JudgmentRequest.model_validate(
        {
            "task": {"prompt": "Is 2026-02-13 a Friday?"},
            "candidates": [{"id": "a", "trajectory": {"text": "It is a Friday."}}],
            "principles": [{"description": "The answer is right."}],
        }
    )
    judge = Judge(
        model=ScriptedModel(asked),
        tools=tools,
        journal=MemoryJournal(),
        shared=MemorySharedResults(),
        log=MemoryLog(),
    )
    judgment = await judge.judge(request, judgment_id="j", tenant="t", created=0.0)
    assert [(item.tool, item.status, item.output) for item in judgment.evidence if item.tool] == [
        ("weekday", "ok", "Friday")
    ]


def test_the_servers_that_the_readme_shows_are_read(tmp_path: Path) -> None:
    [shown] = [block for block in blocks("toml") if "[servers." in block]
    (tmp_path / "servers.toml").write_text(shown)
    (server,) = allowed_servers(tmp_path / "servers.toml")
    assert (server.name, server.tools, server.sees_references) == ("sums", ("add",), False)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.parent.name)
def test_every_file_and_place_that_a_page_names_exists(page: Path) -> None:
    text = page.read_text("utf-8")
    named = re.findall(
        r"\b((?:judge_agent|api|tools|sandboxes|prompts|evals)/[\w/]+\.(?:py|json|toml|md))\b", text
    )
    links = re.findall(r"\]\(([^)#:]*)(?:#([\w-]+))?\)", text)
    assert named or links
    assert [name for name in named if not (ROOT / name).exists()] == []
    assert [link for link in links if not _leads_somewhere(page, *link)] == []


def _leads_somewhere(page: Path, target: str, place: str) -> bool:
    aimed = (page.parent / target).resolve() if target else page
    if not aimed.exists():
        return False
    titles = re.findall(r"^#+ (.*)$", aimed.read_text("utf-8"), re.MULTILINE)
    return not place or place in {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}


def test_the_example_requests_are_requests() -> None:
    examples = sorted((ROOT / "evals" / "examples").glob("*.json"))
    assert [path.stem for path in examples] == ["coding", "data_agent", "support_agent"]
    for path in examples:
        assert JudgmentRequest.model_validate_json(path.read_text("utf-8")).candidates
