"""Looks up what an agent claims about records: declared patterns in what it says, checked in the state of that time.

What asks, denies, supposes, plans or quotes claims nothing. Patterns run on RE2, in linear time. What a declaration
cannot check (a part that is no number, a key that is not there) counts for neither side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import re2

from judge_agent.effects import Expression, read_expression
from judge_agent.errors import ToolError
from judge_agent.schema import Claim, Strength
from judge_agent.schema.environment import CLAIM_NAMES
from tools.states.claiming_sentences import Sentences
from tools.states.evaluating import evaluate
from tools.states.work import EffectError, TooMuchWork, Work

MAX_FOUND = 200
MAX_SAID_CHARS = 200
PROGRAM_SIZE = 20_000


@dataclass(frozen=True)
class Checked:
    """One claim that was found. `holds` is None where it could not be checked; `problem` says why."""

    name: str
    step_id: str
    said: str
    strength: Strength
    holds: bool | None
    problem: str = ""


def left_open(checked: Checked) -> Checked:
    """The same, where what contradicts it may be changed by calls of the same message."""
    if checked.holds is not False:
        return checked
    return replace(checked, holds=None, problem="what calls did before it is not known")


class Claims:
    """The declared claims, compiled. Raises ToolError, naming the field, for a pattern that RE2 does not take."""

    def __init__(self, declared: Sequence[Claim]) -> None:
        self._claims = [
            (claim, _compiled(index, claim.pattern), read_expression(claim.check, CLAIM_NAMES))
            for index, claim in enumerate(declared)
        ]

    @property
    def need_the_start(self) -> bool:
        return any("before" in check.names for _, _, check in self._claims)

    def check(
        self, text: str, step_id: str, scope: Mapping[str, Any], work: Work, *, last: bool
    ) -> list[Checked]:
        """Check what one message claims. `scope` holds `state` and `before`.

        Raises TooMuchWork where it claims more than can be looked up: what is hidden among much is not passed over.
        """
        asked = [one for one in self._claims if last or one[0].where == "all"]
        if not asked:
            return []
        work.spend(1 + len(text) // 16)
        sentences = Sentences(text)
        found: list[Checked] = []
        for claim, pattern, check in asked:
            for sentence in sentences.all:
                work.spend(1 + len(sentence.text) * pattern.programsize // 1000)
                for hit in pattern.finditer(sentence.text):
                    work.spend(1 + len(sentence.text) // 100)
                    if not sentences.claims(sentence, hit.start(), hit.end()):
                        continue
                    if len(found) == MAX_FOUND:
                        raise TooMuchWork(f"step {step_id} makes more than {MAX_FOUND} claims")
                    found.append(_checked(claim, check, hit, step_id, scope, work))
        return found


def _checked(
    claim: Claim, check: Expression, hit: Any, step_id: str, scope: Mapping[str, Any], work: Work
) -> Checked:
    parts = {name: part for name, part in hit.groupdict().items() if part is not None}
    said = hit.group(0)[:MAX_SAID_CHARS]
    try:
        holds = bool(evaluate(check, {**scope, "said": parts}, work))
    except EffectError as error:
        return Checked(claim.name, step_id, said, claim.strength, None, str(error))
    return Checked(claim.name, step_id, said, claim.strength, holds)


def _compiled(index: int, pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 1 << 20
    field = f"resources.environment.claims.{index}.pattern"
    try:
        compiled = re2.compile(pattern, options)
    except (re2.error, UnicodeError) as error:
        raise ToolError(f"{field}: is no pattern of RE2: {error}") from error
    if compiled.programsize > PROGRAM_SIZE:
        raise ToolError(f"{field}: is too large a pattern")
    return compiled
