"""What the model sees of its own program: all of it, capped and said so, and never a decision."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pytest

from judge_agent.errors import BudgetExceeded, ToolError
from tools.run_python import LIMITS, MAX_CODE_CHARS, RunPython, cut_middle

pytestmark = pytest.mark.anyio


async def test_what_a_program_prints_is_shown_and_decides_nothing(ran) -> None:
    result = await ran("print(17 * 23)")
    assert (result.status, result.output["stdout"], result.output["exit_code"]) == ("ok", "391\n", 0)
    assert [(f.bearing, f.strength, f.score, f.step_id) for f in result.findings] == [
        ("none", "hint", None, None)
    ]
    assert (result.source, result.truncated) == ("tool", False)


async def test_numpy_is_there(ran) -> None:
    result = await ran("import numpy\nprint(numpy.arange(5).sum())")
    assert result.output["stdout"] == "10\n", result.output


async def test_a_failing_program_shows_its_own_line_and_is_no_failure_of_the_box(ran) -> None:
    result = await ran("import math\n\nmath.sqrt(-1)  # the odd line\n")
    assert (result.status, result.output["exit_code"], result.output["limit"]) == ("failed", 1, None)
    assert "ValueError" in result.output["stderr"]
    assert "line 3" in result.output["stderr"]
    assert "the odd line" in result.output["stderr"]


@pytest.mark.parametrize(
    ("code", "exit_code"),
    [("import sys; sys.exit(3)", 3), ("def f(:", 1), ("from __future__ import annotations\nprint(1)", 0)],
)
async def test_a_program_runs_as_python_would_run_its_file(ran, code: str, exit_code: int) -> None:
    assert (await ran(code)).output["exit_code"] == exit_code


async def test_the_globals_of_a_program_are_its_own(ran) -> None:
    result = await ran("print(sorted(n for n in globals() if not n.startswith('__')), __name__)")
    assert result.output["stdout"] == "[] __main__\n"


async def test_standard_input_is_empty(ran) -> None:
    assert (await ran("import sys; print(repr(sys.stdin.read()))")).output["stdout"] == "''\n"


@pytest.mark.parametrize(
    ("code", "limit", "status"),
    [
        ("while True: pass", ("wall_seconds", "cpu_seconds"), "timeout"),
        ("x = bytearray(3 * 2**30)", ("memory_bytes",), "failed"),
        ("while True: print('y' * 1000)", ("output_bytes",), "failed"),
    ],
)
async def test_a_limit_that_was_hit_is_named(
    sandbox, view, code: str, limit: tuple[str, ...], status: str
) -> None:
    tool = RunPython(sandbox, limits=replace(LIMITS, wall_seconds=1.0, cpu_seconds=1))
    result = await tool.run({"code": code}, view(), timeout_seconds=30)
    assert (result.status, result.output["limit"] in limit) == (status, True), result.output
    assert result.output["limit"] in result.findings[0].reason


async def test_long_output_is_cut_in_the_middle_and_says_so(ran) -> None:
    result = await ran("print('begin' + 'x' * 100_000 + 'end')")
    assert result.truncated
    assert result.output["stdout"].startswith("begin")
    assert result.output["stdout"].endswith("end\n")
    assert "characters cut" in result.output["stdout"]
    assert len(json.dumps(result.output)) < 8000


async def test_output_of_control_characters_still_fits_whole_into_the_evidence(ran) -> None:
    result = await ran("import sys\nsys.stdout.write('\\x00\\x1b' * 9000)\nsys.stderr.write('\\x07' * 9000)")
    assert len(json.dumps(result.output, ensure_ascii=False)) <= 7000
    assert result.truncated


async def test_bytes_that_are_no_text_are_shown_as_far_as_they_are(ran) -> None:
    result = await ran("import sys\nsys.stdout.buffer.write(b'a\\xff\\xfe b')")
    assert result.output["stdout"] == "a\ufffd\ufffd b"


def test_a_cut_says_how_much_is_missing() -> None:
    assert cut_middle("abcdefghij", 4) == "ab\n[... 6 characters cut ...]\nij"
    assert cut_middle("abc", 3) == "abc"


async def test_files_that_a_program_left_are_listed_with_hash_and_short_text(ran) -> None:
    result = await ran(
        "open('a.txt', 'w').write('short')\nopen('b.bin', 'wb').write(bytes(5000))\n"
        "import os\nos.mkdir('d')\nopen('d/c.txt', 'w').write('deep')"
    )
    files = {one["name"]: one for one in result.output["files"]}
    assert set(files) == {"a.txt", "b.bin", "d/c.txt"}
    assert (files["a.txt"]["text"], files["a.txt"]["size"]) == ("short", 5)
    assert files["b.bin"]["sha256"] == hashlib.sha256(bytes(5000)).hexdigest()
    assert "text" not in files["b.bin"]


async def test_a_thousand_files_do_not_fill_the_prompt(ran) -> None:
    result = await ran("for i in range(300): open(f'{i:03}' * 20, 'w').write('\\x01' * 300)")
    assert len(json.dumps(result.output, ensure_ascii=False)) <= 7000
    assert result.truncated
    assert result.output["more_files"] > 0


async def test_the_same_program_and_seed_show_the_same(ran) -> None:
    code = "import random, numpy\nprint(random.random(), numpy.random.rand(), hash('x') * 0)"
    first, second, other = [(await ran(code, seed=seed)).output["stdout"] for seed in (7, 7, 8)]
    assert first == second != other


async def test_nothing_is_left_for_the_next_program(ran) -> None:
    await ran("import builtins\nbuiltins.mark = 1\nopen('mark', 'w').write('1')")
    result = await ran("import builtins, os\nprint(hasattr(builtins, 'mark'), os.path.exists('mark'))")
    assert result.output["stdout"] == "False False\n"


async def test_a_program_reaches_no_network_and_no_host_file(ran) -> None:
    code = (
        "import socket\n"
        "for do in (lambda: socket.create_connection(('127.0.0.1', 22), 1), lambda: open('/etc/passwd')):\n"
        "    try:\n        do()\n        print('reached')\n    except OSError as e:\n        print('no')"
    )
    assert (await ran(code)).output["stdout"] == "no\nno\n"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({}, "code: Field required"),
        ({"code": 4}, "code: .* valid string, not 4"),
        ({"code": "  \n"}, "code is empty"),
        ({"code": "x" * (MAX_CODE_CHARS + 1)}, str(MAX_CODE_CHARS)),
        ({"code": "1", "stdin": "x"}, "unknown argument 'stdin'"),
    ],
)
async def test_wrong_arguments_are_told(tool, view, arguments: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        await tool.run(arguments, view(), timeout_seconds=5)


async def test_text_that_is_no_unicode_is_refused(ran) -> None:
    with pytest.raises(ValueError, match="half a character"):
        await ran("print('\ud800')")


async def test_the_judgments_time_is_no_statement_about_the_program(ran) -> None:
    with pytest.raises(BudgetExceeded, match="run_python") as ended:
        await ran("while True: pass", timeout_seconds=0.3)
    assert ended.value.failure_kind == "deadline"


async def test_without_a_box_the_tool_is_unavailable_and_not_offered(view) -> None:
    tool = RunPython(None)
    assert not tool.offered(view(kind="code"))
    with pytest.raises(ToolError, match="needs a box"):
        await tool.run({"code": "print(1)"}, view(), timeout_seconds=5)
