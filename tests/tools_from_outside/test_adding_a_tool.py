"""A tool that lies outside of the repository, in a folder or an installed package, works like one of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from api.extra_tools import extra_tools
from api.settings import from_environment
from api.wiring import local_judge
from judge_agent.errors import InvalidRequest
from judge_agent.journal import MemoryJournal, MemorySharedResults
from judge_agent.judge import Judge
from judge_agent.log import MemoryLog
from judge_agent.models import ScriptedModel
from judge_agent.models.scripted import by_schema
from judge_agent.schema import Judgment, JudgmentRequest, Task, Trajectory
from judge_agent.seams.tool import Tool, ToolView

pytestmark = pytest.mark.anyio
WEEKDAY = '''
import datetime
from judge_agent.seams.function_tool import tool


@tool
def weekday(date: datetime.date) -> str:
    """Says which day of the week a date is.

    date: as in 2024-02-29.
    """
    return date.strftime("%A")


TOOLS = (weekday,)
'''
DECIDING = """
from judge_agent.schema import PrincipleSpec
from judge_agent.seams.tool import DecidingTool, Finding, OpeningCall, ToolResult
from judge_agent.trajectory import final_answer

CALLS = []


class NoShouting(DecidingTool):
    name, version, parameters = "no_shouting", "1", {}
    description = "Refutes an answer in capitals."
    decides = PrincipleSpec(name="calm", description="The answer does not shout.", kind="hard", dimension="correctness")

    def opening_calls(self, view):
        return (OpeningCall(),)

    async def run(self, arguments, view, *, timeout_seconds):
        CALLS.append(1)
        calm = not final_answer(view.trajectory).isupper()
        return ToolResult("ok", {"calm": calm}, (Finding("confirms" if calm else "refutes", "decisive", float(calm)),))


TOOLS = (NoShouting,)
"""
SILENT = """
from judge_agent.seams.function_tool import tool


@tool
def silent() -> int:
    return 1


TOOLS = (silent,)
"""
IN_BOX = '''
from judge_agent.seams.function_tool import tool
from judge_agent.seams.sandbox import Limits, Program, Sandbox


@tool
async def shout(text: str, sandbox: Sandbox) -> str:
    """Says a text in capitals."""
    result = await sandbox.run(Program("print(input().upper())", stdin=text.encode()), limits=Limits())
    return result.stdout.decode().strip()


TOOLS = (shout,)
'''


def folder_with(tmp_path: Path, **files: str) -> Path:
    folder = tmp_path / "tools_of_mine"
    folder.mkdir()
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    return folder


def found(tmp_path: Path, sandbox: Any = None, **files: str) -> tuple[Tool, ...]:
    settings = from_environment({"JUDGE_TOOLS_FOLDER": str(folder_with(tmp_path, **files))})
    return extra_tools(settings, {"sandbox": sandbox}, ["run_tests"])


def judge_of(tools: tuple[Tool, ...], model: ScriptedModel | None = None) -> Judge:
    return Judge(
        model=model, tools=tools, journal=MemoryJournal(), shared=MemorySharedResults(), log=MemoryLog()
    )


async def judged(judge: Judge, *texts: str, id: str = "j", **fields: Any) -> Judgment:
    candidates = [{"id": f"c{place}", "trajectory": {"text": text}} for place, text in enumerate(texts)]
    request = JudgmentRequest.model_validate(
        {"task": {"prompt": "Say it."}, "candidates": candidates} | fields
    )
    judge.check(request)
    return await judge.judge(request, judgment_id=id, tenant="t", created=0.0)


VIEW = ToolView(Task(prompt="x"), Trajectory(final_answer="y"))


def test_the_whole_file_of_a_new_tool_has_under_thirty_lines() -> None:
    assert all(len(text.strip().splitlines()) < 30 for text in (WEEKDAY, DECIDING, IN_BOX))


async def test_signature_and_docstring_make_the_schema(tmp_path: Path) -> None:
    (tool,) = found(tmp_path, weekday=WEEKDAY)
    assert tool.description == "Says which day of the week a date is."
    assert tool.parameters == {
        "type": "object",
        "properties": {"date": {"type": "string", "format": "date", "description": "as in 2024-02-29."}},
        "required": ["date"],
        "additionalProperties": False,
    }
    result = await tool.run({"date": "2024-02-29"}, VIEW, timeout_seconds=5)
    assert (result.output, result.findings[0].strength) == ("Thursday", "hint")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "date: Field required"),
        ({"date": "no"}, "date"),
        ({"date": "2024-02-29", "b": 1}, "unknown argument 'b'; weekday takes date"),
        ({"date": "x" * 20_001}, "argument_chars=20000"),
    ],
)
async def test_wrong_arguments_are_named(tmp_path: Path, arguments: dict[str, Any], message: str) -> None:
    (tool,) = found(tmp_path, weekday=WEEKDAY)
    with pytest.raises(ValueError, match=message):
        await tool.run(arguments, VIEW, timeout_seconds=5)


async def test_the_model_calls_it_and_reads_its_result(tmp_path: Path) -> None:
    asked = {"thought": "Look.", "call": {"tool": "weekday", "arguments": {"date": "2024-02-29"}}}
    model = ScriptedModel([asked, {"thought": "Done.", "call": {"tool": "done"}}], otherwise=by_schema())
    judge = judge_of(found(tmp_path, weekday=WEEKDAY), model)
    judgment = await judged(
        judge, "A Thursday.", principles=[{"description": "The day is right.", "name": "right"}]
    )
    assert "Thursday" in str([item.output for item in judgment.evidence if item.tool == "weekday"])


async def test_one_that_decides_gives_the_reward_and_equal_candidates_cost_one_call(tmp_path: Path) -> None:
    (tool,) = found(tmp_path, no_shouting=DECIDING)
    judge = judge_of((tool,))
    first = await judged(judge, "calm words", "LOUD WORDS", "calm words", recipe="verify")
    assert [candidate.reward for candidate in first.candidates] == [1.0, 0.0, 1.0]
    await judged(judge, "calm words", id="j2", recipe="verify")
    module_calls = type(tool).run.__globals__["CALLS"]
    assert len(module_calls) == 2


async def test_one_that_asks_for_the_box_is_given_it(tmp_path: Path, sandbox: Any) -> None:
    (tool,) = found(tmp_path, sandbox, shout=IN_BOX)
    assert sandbox.version in tool.version
    assert (await tool.run({"text": "quiet"}, VIEW, timeout_seconds=60)).output == "QUIET"


async def test_without_a_box_it_is_not_offered(tmp_path: Path) -> None:
    (tool,) = found(tmp_path, shout=IN_BOX)
    assert not tool.offered(VIEW)


async def test_other_code_is_another_version(tmp_path: Path) -> None:
    (one,) = found(tmp_path / "a" if (tmp_path / "a").mkdir() is None else tmp_path, weekday=WEEKDAY)
    (other,) = found(
        tmp_path / "b" if (tmp_path / "b").mkdir() is None else tmp_path, weekday=WEEKDAY + "# more\n"
    )
    assert one.version != other.version


async def test_an_installed_package_brings_tools_by_its_entry_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "days_package.py").write_text(WEEKDAY)
    info = tmp_path / "days_package-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: days-package\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text("[judge_agent.tools]\ndays = days_package:TOOLS\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    (tool,) = extra_tools(from_environment({"JUDGE_TOOL_PACKAGES": "days"}), {}, [])
    assert (tool.name, tool.version) == ("weekday", "1/1.2")
    with pytest.raises(InvalidRequest, match="'others' is no entry point"):
        extra_tools(from_environment({"JUDGE_TOOL_PACKAGES": "others"}), {}, [])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1", "no tuple TOOLS"),
        ("1 / 0", "ZeroDivisionError"),
        ("TOOLS = (7,)", "is no tool, it lacks name"),
        (WEEKDAY.replace("weekday", "run_tests"), "there is a tool 'run_tests' already"),
        (WEEKDAY.replace("datetime.date)", "datetime.date, more)"), "'more' has no type"),
        (SILENT, "has no docstring"),
    ],
)
def test_what_is_no_tool_stops_the_start_with_the_settings_name(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(InvalidRequest, match=message) as raised:
        found(tmp_path, one=text)
    assert "JUDGE_TOOLS_FOLDER" in str(raised.value)


async def test_the_service_lists_it_beside_its_own_with_limits_and_what_decides(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, weekday=WEEKDAY)
    settings = from_environment(
        {
            "JUDGE_TOOLS_FOLDER": str(folder),
            "JUDGE_DATA_DIR": str(tmp_path / "data"),
            "JUDGE_MODEL": "none",
            "JUDGE_SANDBOX": "none",
        }
    )
    async with local_judge(settings) as judge:
        listed = {tool["name"]: tool for tool in judge.tools()}
    assert listed["weekday"]["limits"] == {"argument_chars": 20_000}
    assert (listed["weekday"]["decides"], listed["check_text"]["decides"]) == (False, True)
    assert listed["check_text"]["dimensions"] == ["correctness"]
    assert all(tool["description"] and tool["version"] for tool in listed.values())
