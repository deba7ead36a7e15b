"""What the code does to its arguments is seen by the test, as anywhere; but it does not pass by that alone."""

import tomllib
from pathlib import Path

import pytest

from tests.run_tests_tool.test_errors_taken_as_answers import in_kind

pytestmark = pytest.mark.anyio
CASES = tomllib.loads(Path(__file__).with_suffix(".toml").read_text())


@pytest.mark.parametrize("kind", ["assert", "check", "pytest"])
@pytest.mark.parametrize("name", CASES)
async def test_a_pass_that_rests_on_what_the_code_did_to_the_test_is_not_decisive(name, kind, judge):
    case = CASES[name]
    file = in_kind(kind, case["test"]).replace("import f\n", "import *\n")
    prompt = case.get("prompt", "Write it.")
    decided, statuses, result = await judge(case["code"], kind, [file], entry_point="f", prompt=prompt)
    assert "/".join(decided) == case["decided"], (result.findings[0].reason, statuses)
