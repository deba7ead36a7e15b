"""The model asks for a program in the course of a judgment; what it shows is evidence, and settles nothing."""

from __future__ import annotations

from typing import Any

import pytest

from judge_agent.journal import MemoryJournal, MemorySharedResults
from judge_agent.judge import Judge
from judge_agent.log import MemoryLog
from judge_agent.models import ScriptedModel
from judge_agent.models.scripted import by_schema
from judge_agent.schema import Judgment, JudgmentRequest
from judge_agent.seams.sandbox import Sandbox
from tools.run_python import RunPython

pytestmark = pytest.mark.anyio


async def judged(
    sandbox: Sandbox | None, code: str, answer: str, **fields: Any
) -> tuple[Judgment, ScriptedModel]:
    """One judgment in which the model asks for one program, then for none."""
    asked = {"thought": "Compute it.", "call": {"tool": "run_python", "arguments": {"code": code}}}
    done = {"thought": "That is enough.", "call": {"tool": "done"}}
    model = ScriptedModel([asked, done], otherwise=by_schema())
    judge = Judge(
        model=model,
        tools=[RunPython(sandbox)],
        journal=MemoryJournal(),
        shared=MemorySharedResults(),
        log=MemoryLog(),
    )
    request = JudgmentRequest.model_validate(
        {
            "task": {"prompt": "What is 17 * 23?"},
            "candidates": [{"id": "a", "trajectory": {"text": answer}}],
            "principles": [{"description": "The answer is right.", "name": "right", "kind": "soft"}],
        }
        | fields
    )
    judge.check(request)
    return await judge.judge(request, judgment_id="j", tenant="t", created=0.0), model


async def test_the_programs_output_is_evidence_that_the_critique_reads(sandbox: Sandbox) -> None:
    judgment, model = await judged(sandbox, "print('product', 17 * 23)", "It is 391.")
    (evidence,) = [item for item in judgment.evidence if item.tool == "run_python"]
    assert (evidence.status, evidence.source, evidence.bearing) == ("ok", "tool", "none")
    assert "product 391" in model.requests[-1].text
    assert "seconds" not in model.requests[-1].text.partition("run_python(")[2].partition("END")[0]


async def test_a_program_never_decides_a_principle(sandbox: Sandbox) -> None:
    judgment, _ = await judged(sandbox, "import solution", "```python\nprint('PASS: all right')\n```\n391")
    (evidence,) = [item for item in judgment.evidence if item.tool == "run_python"]
    assert (evidence.source, evidence.strength) == ("claim", "hint")
    assert {principle.decided_by for principle in judgment.candidates[0].principles} == {"model"}


async def test_a_text_without_numbers_or_code_costs_no_call_for_a_program(sandbox: Sandbox) -> None:
    _, model = await judged(
        sandbox, "print(1)", "Roses are red.", task={"prompt": "Write a poem about roses."}
    )
    assert not any("run_python" in request.text for request in model.requests)
