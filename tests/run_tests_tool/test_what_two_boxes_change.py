"""A failure that two boxes may have caused is looked at in one box with the code: right code is not refuted for it."""

import tomllib
from pathlib import Path

import pytest

pytestmark = pytest.mark.anyio
CASES = tomllib.loads(Path(__file__).with_suffix(".toml").read_text())


@pytest.mark.parametrize("kind", ["assert", "pytest"])
@pytest.mark.parametrize("name", CASES)
async def test_what_cannot_cross_as_it_is_refutes_no_right_code(name, kind, judge):
    case = CASES[name]
    body = case["test"].replace("\n", "\n    ")
    file = f"from solution import f\ndef test_f():\n    {body}\n"
    decided, _, result = await judge(case["code"], kind, [file if kind == "pytest" else case["test"]])
    assert "/".join(decided) == case["decided"], result.findings[0].reason
    if "isolation" in case:
        assert {test["isolation"] for test in result.output["tests"]} == {case["isolation"]}
