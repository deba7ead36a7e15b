"""The code's module does not steer the run of its tests by names that a runner of tests reads."""

import tomllib
from pathlib import Path

import pytest

pytestmark = pytest.mark.anyio
NAMES = tomllib.loads(Path(__file__).with_suffix(".toml").read_text())["names"]
HARD = "from solution import *\ndef test_hard():\n    assert sq(3) == 9\n    assert sq(4) == 16\n"
EASY = "from solution import sq\ndef test_easy():\n    assert sq(0) == 0\n"


@pytest.mark.parametrize("name", NAMES)
async def test_wrong_code_is_refuted_whatever_else_it_defines(name, judge):
    code = f"{name}\ndef sq(n): return 0\n"
    decided, statuses, result = await judge(code, "pytest", [HARD, EASY], entry_point="sq")
    assert decided == ("refutes", "decisive"), (result.findings[0].reason, statuses)


@pytest.mark.parametrize("name", NAMES)
async def test_right_code_passes_whatever_else_it_defines(name, judge):
    code = f"{name}\ndef sq(n): return n * n\n"
    decided, statuses, result = await judge(code, "pytest", [HARD, EASY], entry_point="sq")
    assert decided == ("confirms", "decisive"), (result.findings[0].reason, statuses)


@pytest.mark.parametrize("name", ["setup_module = 5", "pytestmark = 'skip'", "__all__ = []"])
async def test_a_file_that_shares_a_box_with_wrong_code_breaks_by_no_name_of_it(name, judge):
    file = "from solution import *\ndef test_area():\n    assert Square(7).area() == 49\n"
    code = f"{name}\nclass Square:\n    def __init__(self, x): pass\n    def area(self): return 0\n"
    easy = "from solution import *\ndef test_made():\n    assert Square(7)\n"
    decided, _, result = await judge(code, "pytest", [file, easy])
    assert decided == ("refutes", "decisive"), result.findings[0].reason


async def test_a_name_that_the_file_looks_up_is_given_to_it(judge):
    file = "from solution import *\ndef test_sq():\n    assert globals()['sq'](3) == 9\n"
    for answer, decided in (("n * n", ("confirms", "decisive")), ("0", ("refutes", "decisive"))):
        code = f"setup_module = 5\ndef sq(n): return {answer}\n"
        assert (await judge(code, "pytest", [file], entry_point="sq"))[0] == decided


SPOILED = {
    "a constant that is no table": (
        "CASES = 5",
        "import pytest\nfrom solution import CASES\nFIRST = CASES[0]",
    ),
    "a constant by a star": ("CASES = 5", "from solution import *\nFIRST = CASES[0]"),
    "text that is no Python": (
        "def sq(n): return '('",
        "from solution import sq\ndef test_a():\n    assert eval(sq(3)) == 9",
    ),
    "text that names nothing": (
        "def sq(n): return 'zzz'",
        "from solution import sq\ndef test_a():\n    assert eval(sq(3)) == 9",
    ),
    "text that imports nothing": (
        "def sq(n): return 'import zzz'",
        "from solution import sq\ndef test_a():\n    exec(sq(3))",
    ),
}


@pytest.mark.parametrize("name", SPOILED)
async def test_a_file_that_the_code_breaks_counts_as_failed(name, judge):
    code, file = SPOILED[name]
    code += "\ndef sq(n): return 0\n" if "def sq" not in code else ""
    file += "\ndef test_hard():\n    assert sq(3) == 9\n" if "def test" not in file else "\n"
    easy = "def test_easy():\n    from solution import sq\n    assert sq(0) != 1\n"
    decided, statuses, result = await judge(code, "pytest", [file, easy])
    assert decided == ("refutes", "decisive"), (result.findings[0].reason, statuses)


async def test_a_test_skipped_for_what_the_code_answered_leaves_no_decisive_pass(judge):
    file = (
        "import pytest\nfrom solution import sq\ndef test_hard():\n"
        "    if sq(3) is None: pytest.skip('none')\n    assert sq(3) == 9\n"
    )
    easy = "from solution import sq\ndef test_easy():\n    assert sq(0) is None\n"
    decided, _, result = await judge("def sq(n): return None", "pytest", [file, easy])
    assert decided == ("confirms", "strong"), result.findings[0].reason


async def test_a_test_skipped_before_it_touches_the_code_is_left_out(judge):
    file = "import pytest\nfrom solution import sq\n@pytest.mark.skip\ndef test_hard(): assert sq(3) == 9\n"
    easy = "from solution import sq\ndef test_easy():\n    assert sq(0) == 0\n"
    decided, _, result = await judge("def sq(n): return n * n", "pytest", [file, easy])
    assert decided == ("confirms", "decisive"), result.findings[0].reason
