"""What a request asks for, completed by its recipe: the budget, the tools, checks of a page. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from judge_agent.budget import Budget
from judge_agent.context import CanonicalCandidate
from judge_agent.recipes import Recipe
from judge_agent.schema import JudgmentRequest, Task
from judge_agent.seams.tool import Tool


def budget_of(
    request: JudgmentRequest,
    recipe: Recipe,
    candidates: Sequence[CanonicalCandidate],
    elapsed_seconds: float,
) -> Budget:
    """As many equal shares as candidates were posted; one pool of tokens where they are judged jointly."""
    wanted, default = request.budget, recipe.budget
    tokens, tool_calls = wanted.model_tokens, wanted.tool_calls
    posted = len(candidates)
    return Budget(
        seconds=wanted.seconds or default.seconds,
        model_tokens=default.model_tokens_per_candidate * posted if tokens is None else tokens,
        tool_calls=default.tool_calls_per_candidate * posted if tool_calls is None else tool_calls,
        elapsed_seconds=elapsed_seconds,
        parts=posted,
        pooled=recipe.joint,
    )


def chosen_tools(request: JudgmentRequest, recipe: Recipe, tools: Sequence[Tool]) -> tuple[Tool, ...]:
    """The request's tools, else the recipe's, else all."""
    names = request.tools if request.tools is not None else recipe.tools or None
    return tuple(tool for tool in tools if names is None or tool.name in names)


def with_ui(task: Task, recipe: Recipe) -> Task:
    """The task with the recipe's checks of a page, where the request brings none."""
    if recipe.ui is None or task.reference.ui is not None:
        return task
    return task.model_copy(update={"reference": task.reference.model_copy(update={"ui": recipe.ui})})
