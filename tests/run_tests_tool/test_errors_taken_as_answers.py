"""An error of the code ends a test as an error, however Python's own protocols would take it, unless it is expected."""

import tomllib
from pathlib import Path

import pytest

pytestmark = pytest.mark.anyio
CASES = tomllib.loads(Path(__file__).with_suffix(".toml").read_text())


def in_kind(kind, statements):
    body = statements.strip().replace("\n", "\n    ")
    if kind == "check":
        return f"def check(candidate):\n    f = candidate\n    {body}\n"
    if kind == "pytest":
        return f"from solution import f\ndef test_f():\n    {body}\n"
    return statements


@pytest.mark.parametrize("kind", ["assert", "check", "pytest"])
@pytest.mark.parametrize("name", CASES)
async def test_an_error_is_no_answer_unless_the_test_catches_it(name, kind, judge):
    case = CASES[name]
    decided, statuses, result = await judge(
        case["code"], kind, [in_kind(kind, case["test"])], entry_point="f"
    )
    assert "/".join(decided) == case["decided"], (result.findings[0].reason, statuses)


async def test_an_error_that_ends_a_loop_while_a_file_is_loaded_refutes(judge):
    file = "from solution import f\ngot = []\ntry:\n    got.extend(map(f, [1, 2]))\nexcept StopIteration:\n    raise\n"
    file += "def test_f():\n    assert all(one in (1, 4) for one in got)\n    f\n"
    decided, _, result = await judge("def f(n): raise StopIteration", "pytest", [file], entry_point="f")
    assert decided == ("refutes", "decisive"), result.findings[0].reason
