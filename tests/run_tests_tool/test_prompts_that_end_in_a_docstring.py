"""The example before the closing quotes of a docstring, or before a closing fence, is an example like the others."""

from __future__ import annotations

import asyncio

import pytest

from judge_agent.schema import Task, Trajectory
from judge_agent.seams.tool import ToolView
from sandboxes import make_sandbox
from tools.run_tests import RunTests

EXAMPLES = "    >>> f(1)\n    2\n    >>> f(2)\n    3"
PROMPTS = {
    "quotes on their own line": f'def f(x):\n    """Add one.\n\n{EXAMPLES}\n    """\n',
    "quotes behind the output": f'def f(x):\n    """Add one.\n\n{EXAMPLES}"""\n',
    "in a fenced block": f'Complete this:\n```python\ndef f(x):\n    """Add one.\n\n{EXAMPLES}\n    """\n```\n',
}


def run(prompt: str, source: str):
    message = {"role": "assistant", "content": f"```python\n{source}\n```"}
    view = ToolView(Task(prompt=prompt), Trajectory.model_validate({"messages": [message]}))
    return asyncio.run(RunTests(make_sandbox()).run({}, view, timeout_seconds=30))


@pytest.mark.parametrize("prompt", PROMPTS.values(), ids=PROMPTS.keys())
def test_the_last_example_refutes_code_that_fails_it(prompt: str) -> None:
    finding = run(prompt, "def f(x):\n    return 5 if x == 2 else x + 1").findings[0]
    assert (finding.bearing, finding.strength, finding.score) == ("refutes", "decisive", 0.0)


@pytest.mark.parametrize("prompt", PROMPTS.values(), ids=PROMPTS.keys())
def test_right_code_holds_every_example(prompt: str) -> None:
    result = run(prompt, "def f(x):\n    return x + 1")
    assert (result.findings[0].bearing, result.findings[0].strength) == ("confirms", "hint")
    assert result.output["summary"] == {"doctest_pass": 2}
