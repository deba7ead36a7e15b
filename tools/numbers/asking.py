"""What a task speaks of, as far as that says which tools are worth a model's turn. Pure.

A tool that is offered costs a call of the model; one that nothing in the task calls for is not.
"""

from __future__ import annotations

import re

from judge_agent.seams.tool import ToolView
from judge_agent.trajectory import final_answer, read, text_of

_LOOKED_AT = 20_000  # characters
_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:[.,]\d+)*(?!\w)")
_NUMBERS_THAT_ASK = 2
_DATES = re.compile(
    r"\b(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day|weekday|calendar|leap[ -]year|dates?|"
    r"(?:jan|febr)uary|march|april|june|july|august|(?:septem|octo|novem|decem)ber|"
    r"\d{4}-\d\d-\d\d|\d{1,2}[./]\d{1,2}[./]\d{2,4}|iso[ -]week|"
    r"(?:days?|weeks?|months?|years?) (?:after|before|until|since|between|from|later|ago))\b",
    re.I,
)
_CONSTRAINTS = re.compile(
    r"\b(?:(?:un)?sat(?:isfiab\w+|isf(?:y|ies|ying))?|smt(?:-?lib)?|dimacs|cnf|clauses?|constraints?|solver|z3|"
    r"puzzle|assignments?|scheduling|feasib\w+)\b",
    re.I,
)


def asks_for_numbers(view: ToolView) -> bool:
    """Numbers in the task and in the answer: the one may follow from the others."""
    return len(_NUMBER.findall(asked_text(view))) >= _NUMBERS_THAT_ASK and bool(
        _NUMBER.search(final_answer(view.trajectory)[:_LOOKED_AT])
    )


def speaks_of_dates(view: ToolView) -> bool:
    """Dates, weekdays or spans of time in the task."""
    return _DATES.search(asked_text(view)) is not None


def speaks_of_constraints(view: ToolView) -> bool:
    """Constraint problems in the task."""
    return _CONSTRAINTS.search(asked_text(view)) is not None


def asked_text(view: ToolView) -> str:
    """What the task says, and the user in the trajectory, as far as it is looked at."""
    turns = [turn.text for turn in read(view.trajectory).turns if turn.role in ("system", "user")]
    return "\n".join([view.task.prompt, *map(text_of, view.task.messages), *turns])[:_LOOKED_AT]
