"""The options that are refused are options of the installed vLLM, by the names that it has for them."""

import re
import subprocess
from pathlib import Path

import pytest

from judge_agent.models.vllm_refusals import REFUSED, check_extra

PROGRAM = Path(__file__).parents[2] / ".venvs" / "vllm" / "bin" / "vllm"
pytestmark = [
    pytest.mark.vllm,
    pytest.mark.skipif(not PROGRAM.exists(), reason="no vLLM here: make vllm-venv"),
]


@pytest.fixture(scope="module")
def options() -> dict[str, set[str]]:
    """The names of each option, by its long one."""
    asked = subprocess.run(
        [PROGRAM, "serve", "--help=all"], capture_output=True, text=True, timeout=300, check=True
    )
    found = dict[str, set[str]]()
    for line in re.findall(r"^  (-[^\n]*)", asked.stdout, re.MULTILINE):
        names = set(re.findall(r"(?:^|, )(-{1,2}[a-zA-Z][\w-]*)", line))
        for name in names:
            if name.startswith("--"):
                found.setdefault(name, set()).update(names)
    return found


def test_every_refused_option_is_one_that_there_is(options: dict[str, set[str]]) -> None:
    assert len(options) > 200
    assert set(REFUSED) - set(options) == set()


def test_a_refused_option_is_refused_by_its_short_name_too(options: dict[str, set[str]]) -> None:
    for option in REFUSED:
        for name in options[option]:
            if not name.startswith("--no-"):
                with pytest.raises(ValueError, match="cannot be given"):
                    check_extra([name])


def test_no_option_is_refused_for_being_the_beginning_of_another(options: dict[str, set[str]]) -> None:
    for option in set(options) - set(REFUSED) - {"--tokenizer-revision"}:
        check_extra([option])
