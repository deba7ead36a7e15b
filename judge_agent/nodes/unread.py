"""What of a candidate no prompt of the recipe's turns shows: it is named, so that nothing is left out in silence."""

from __future__ import annotations

from judge_agent.context import JudgeContext
from judge_agent.prompting.material import Material

REFERENCE = "reference: no prompt that this recipe gives a verdict by shows it"
PRINCIPLES = (
    "principles: no prompt that this recipe gives a verdict by shows them, so all of them get one score"
)
SOLUTION = (
    "reference.solution: this recipe scores how likely reference.answer is, and reads nothing else of it"
)


def variables_shown(context: JudgeContext) -> frozenset[str]:
    """Every variable that a prompt of the recipe's turns, or of its batch and its other principles, declares."""
    recipe = context.recipe
    named = [turn.prompt for turn in recipe.turns]
    if recipe.batch is not None:
        named += [
            *recipe.batch.prompts.values(),
            *(recipe.prompts[one] for one in ("critique",) if one in recipe.prompts),
        ]
    prompts = map(context.prompts.load, named)
    return frozenset[str]().union(*(prompt.variables for prompt in prompts))


def judged_by_reference(context: JudgeContext) -> bool:
    """Whether a prompt that gives a verdict shows the reference: then the questions before it may know it too."""
    recipe = context.recipe
    if recipe.turns:
        return "reference" in variables_shown(context)
    return (
        "critique" in recipe.prompts
        and "reference" in context.prompts.load(recipe.prompts["critique"]).variables
    )


def unread(context: JudgeContext, shown: Material) -> tuple[str, ...]:
    """Name what is in the material, or in the task, and in none of the recipe's prompts."""
    if not context.recipe.turns and context.recipe.batch is None:
        return shown.unread
    variables = variables_shown(context)
    named = [one for one in shown.unread if not (one.startswith("tools:") and "schemas" in variables)]
    if context.recipe.by_likelihood:
        named += [SOLUTION] if context.task.reference.solution else []
        named += [PRINCIPLES] if context.request.principles and "principle" not in variables else []
    is_shown = "reference" in variables or _second_look_shows_it(context)
    return (*named, REFERENCE) if shown.reference and not is_shown else tuple(named)


def _second_look_shows_it(context: JudgeContext) -> bool:
    refute = context.recipe.refute
    return refute.of != "none" and "reference" in context.prompts.load(refute.prompt).variables
