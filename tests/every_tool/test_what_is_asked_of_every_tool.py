"""What holds of every tool that ships: its schema is its signature, all of it is described, listed, in the README."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest

import tools
from api.settings import from_environment
from api.wiring import local_judge
from judge_agent.cli.doctor import tool_packages
from judge_agent.schema import Principle, Resources, Task, Trajectory
from judge_agent.seams.signature import Signature
from judge_agent.seams.tool import AskedTool, Tool, ToolView
from tools.live_search import LiveSearch

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).parents[2]
SHIPPED: tuple[type[Any], ...] = (
    *tools.TOOLS,
    *tools.BOXED_TOOLS,
    *tools.RESOURCE_TOOLS,
    *tools.BROWSER_TOOLS,
    *tools.DOCUMENT_TOOLS,
    LiveSearch,
)
NAMES = [tool.name for tool in SHIPPED]
EMPTY = ToolView(Task(prompt=""), Trajectory(), resources=Resources())


@pytest.fixture(scope="module")
async def listed(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mapping[str, Any]]:
    """What `GET /v1/tools` lists, by name, with the tools themselves under `made`."""
    settings = from_environment(
        {
            "JUDGE_DATA_DIR": str(tmp_path_factory.mktemp("data")),
            "JUDGE_MODEL": "none",
            "JUDGE_SANDBOX": "none",
            "JUDGE_LIVE_SEARCH_URL": "http://127.0.0.1:9/search",
        }
    )
    async with local_judge(settings) as judge:
        made = {tool.name: tool for tool in judge.given_tools}
        yield {one["name"]: {**one, "made": made[one["name"]]} for one in judge.tools()}


async def test_every_tool_that_ships_is_listed(listed: Mapping[str, Any]) -> None:
    assert sorted(listed) == sorted(NAMES)


@pytest.mark.parametrize("kind", SHIPPED, ids=NAMES)
async def test_its_schema_comes_from_its_signature(kind: type[Any], listed: Mapping[str, Any]) -> None:
    one = listed[kind.name]
    if not one["parameters"]:
        assert not one["model_may_call"]
        return
    assert issubclass(kind, AskedTool)
    assert kind.asked is not AskedTool.asked, f"{kind.name} has no method asked()"
    read = Signature(kind.asked, left_out=("self", "view", "timeout_seconds"))
    assert one["parameters"] == read.parameters
    assert one["description"] == read.description


@pytest.mark.parametrize("name", NAMES)
async def test_each_argument_is_described(name: str, listed: Mapping[str, Any]) -> None:
    arguments = listed[name]["parameters"].get("properties", {})
    assert [argument for argument, schema in arguments.items() if not schema.get("description")] == []


@pytest.mark.parametrize("name", NAMES)
async def test_its_limits_are_one_frozen_dataclass_that_says_its_units(
    name: str, listed: Mapping[str, Any]
) -> None:
    limits = listed[name]["made"].limits
    assert is_dataclass(limits), f"{name}.limits is {limits!r}"
    assert type(limits).__dataclass_params__.frozen  # type: ignore[attr-defined]
    assert "(" not in (type(limits).__doc__ or "(")[: len(type(limits).__name__) + 1]
    assert set(listed[name]["limits"]) == {field.name for field in fields(limits)}


@pytest.mark.parametrize("name", NAMES)
async def test_it_says_version_dimensions_and_whether_it_repeats(
    name: str, listed: Mapping[str, Any]
) -> None:
    one = listed[name]
    assert one["version"]
    assert one["dimensions"] is not None, f"{name} does not say its dimensions"
    assert one["repeats"] is (name != "live_search")


@pytest.mark.parametrize("name", NAMES)
async def test_one_that_says_it_decides_nothing_settles_nothing(name: str, listed: Mapping[str, Any]) -> None:
    tool: Tool = listed[name]["made"]
    principle = Principle(
        name="p",
        description="It is right.",
        dimension="correctness",
        origin="given",
        tool=name,
        kind="hard",
        weight=1.0,
        scale="pass_fail",
    )
    assert not tool.can_decide(principle, EMPTY)  # where nothing is given, nobody decides
    if not listed[name]["decides"]:
        assert tool.principle(EMPTY) is None


@pytest.mark.parametrize("name", NAMES)
async def test_arguments_that_it_does_not_know_are_named(name: str, listed: Mapping[str, Any]) -> None:
    with pytest.raises(ValueError, match="no_such_argument"):
        await listed[name]["made"].run({"no_such_argument": 1}, EMPTY, timeout_seconds=5)


@pytest.mark.parametrize("name", NAMES)
def test_the_readme_has_a_row_for_it(name: str) -> None:
    rows = re.findall(r"^\| (`[^|]*) \|", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)
    assert [row for row in rows if f"`{name}`" in row], f"the table of tools lacks {name}"


@pytest.mark.parametrize(
    ("package", "tools_without"),
    [
        ("z3-solver", "solve"),
        ("sympy", "calculate"),
        ("tantivy", "search"),
        ("playwright", "browse"),
        ("mcp", "MCP"),
    ],
)
def test_the_doctor_names_the_tools_that_lack_a_package(package: str, tools_without: str) -> None:
    check = tool_packages(lambda name: None if name == package else "1")
    assert not check.ok
    assert not check.needed
    assert package in check.detail
    assert tools_without in check.detail
    assert "pip install" in check.mend
