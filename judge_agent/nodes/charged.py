"""Whose share of the budget the calls of a node are paid from.

A candidate that is judged alone pays for its own calls; what is asked once for the task is paid by none of them.
Where candidates are compared there is one pool, and nothing here makes a difference.
"""

from __future__ import annotations

from dataclasses import replace

from judge_agent.context import CanonicalCandidate, JudgeContext

_TASK = "task"


def charged_to(context: JudgeContext, candidate: CanonicalCandidate, kept: float = 0.0) -> JudgeContext:
    """The context of one candidate's calls; `kept` is the part of its tokens that they must leave."""
    return replace(context, calls=context.calls.charged_to(candidate.sha256, kept))


def charged_to_the_task(context: JudgeContext) -> JudgeContext:
    """The context of calls that all candidates of the task share, in this judgment and in others."""
    return replace(context, calls=context.calls.charged_to(_TASK))
