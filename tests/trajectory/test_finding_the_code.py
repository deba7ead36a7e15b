"""The code under test is found in whatever form an answer gives it, in linear time."""

from __future__ import annotations

import time
import tomllib
from pathlib import Path
from typing import Any

import pytest

from judge_agent.schema import Trajectory
from judge_agent.trajectory import code_under_test, fenced_blocks, read

CASES: list[dict[str, Any]] = tomllib.loads((Path(__file__).parent / "answers.toml").read_text())["case"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_the_code_of_an_answer_is_found(case: dict[str, Any]) -> None:
    found = code_under_test(
        Trajectory(final_answer=case["text"]), entry_point=case.get("entry_point", "f") or None
    )
    assert found is not None
    assert found.origin == "final_answer"
    if "source" in case:
        assert found.source == case["source"]
    else:
        assert computed(found.source) == 49


def computed(source: str) -> object:
    names: dict[str, Any] = {}
    exec(source, names)
    return names["f"](7)


def test_a_code_artifact_comes_without_its_byte_order_mark() -> None:
    artifact = {"name": "f.py", "kind": "code", "content": "\ufeffdef f(x):\r\n    return x*x\r\n"}
    found = code_under_test(Trajectory.model_validate({"artifacts": [artifact]}))
    assert found is not None
    assert (found.origin, computed(found.source)) == ("artifact", 49)


CODE = "```python\ndef f(x): return x*x\n```"


@pytest.mark.parametrize(
    ("texts", "step"),
    [
        ((CODE, "I ran it:\n```\n49\n```"), "s1"),
        ((CODE, "Run it:\n```bash\npython f.py\n```"), "s1"),
        ((CODE, "Better: " + CODE, f"Best:\n{CODE}"), "s3"),
        (("I think", "def f(x): return x*x"), "s2"),
        (("```c\nint f;\n```", "Done."), "s1"),
    ],
)
def test_the_code_of_a_conversation_is_that_of_the_last_step_with_code(
    texts: tuple[str, ...], step: str
) -> None:
    messages = [{"role": "assistant", "content": text} for text in texts]
    found = code_under_test(Trajectory.model_validate({"messages": messages}), entry_point="f")
    assert found is not None
    assert (found.origin, found.step_id) == ("fenced_block", step)


def test_a_conversation_without_code_has_none() -> None:
    messages = [{"role": "assistant", "content": "Hello. I cannot."}]
    assert code_under_test(Trajectory.model_validate({"messages": messages})) is None


HOSTILE = {
    "opening fences": "```a\n" * 200_000,
    "empty blocks": "```\n```\n" * 60_000,
    "python blocks": "```python\nx = y\n```\n" * 50_000,
    "names that need names": "".join(f"```python\nx{n} = x{n + 1}\n```\n" for n in range(30_000)),
    "spaces": " " * 1_000_000,
    "sentences that are none": ("A" + " b" * 400 + "=\n") * 1_000 + "def f(x):\n",
    "functions among sentences": "Code:\ndef f(x):\n    return x\n" * 30_000,
    "functions that never end": "Code:\n" + "def f(x):\n" * 90_000,
    "indented ticks": (" " * 500 + "``\n") * 2_000,
    "ticks": "`" * 1_000_000,
    "thoughts": "<think>" * 150_000,
    "ends of thoughts": "x</think>x" * 100_000,
    "brackets": "```python\n" + "(" * 90_000 + "\n```",
    "one long sum": "```python\nx = " + "1+" * 40_000 + "1\n```",
    "one long line of names": "```python\n" + "a;" * 45_000 + "\n```",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_looking_for_code_takes_linear_time(name: str) -> None:
    text = HOSTILE[name]
    began = time.process_time()
    fenced_blocks(text)
    code_under_test(Trajectory(final_answer=text), entry_point="f")
    code_under_test(Trajectory(final_answer=text))
    assert time.process_time() - began < 6


@pytest.mark.parametrize(
    ("ids", "steps"),
    [
        ((None, None), ["s1", "s2"]),
        (("s2", None), ["s2", "s3"]),
        ((None, "s1"), ["s2", "s1"]),
        (("a", "a", None), ["a", "s2", "s3"]),
        (("s3", "s3", "s3"), ["s3", "s2", "s4"]),
    ],
)
def test_no_two_steps_have_one_id(ids: tuple[str | None, ...], steps: list[str]) -> None:
    messages = [{"role": "assistant", "content": "x", **({"id": id} if id else {})} for id in ids]
    found = read(Trajectory.model_validate({"messages": messages}))
    assert [step.id for step in found.steps] == steps
