"""Looks up what an agent claims about records: declared patterns in what it says, checked in the state of that time.

What a question, a condition or a denial governs claims nothing. Where it is not sure whether something is claimed, or
a declaration cannot check it (a part that is no number, a key that is not there), that counts for neither side, and is
kept: beside it nothing is confirmed decisively. Patterns run on RE2, in linear time, over the text as it is written
and once more without its marks and breaks of lines.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import re2

from judge_agent.effects import read_expression
from judge_agent.errors import ToolError
from judge_agent.schema import Claim, Strength
from judge_agent.schema.claims import CLAIM_NAMES
from tools.states.claiming_sentences import Sentences
from tools.states.evaluating import evaluate
from tools.states.plain_writing import unmarked
from tools.states.work import EffectError, TooMuchWork, Work

MAX_FOUND = 200
MAX_SAID_CHARS = 200
PROGRAM_SIZE = 20_000
_NUMBER_BEFORE, _NUMBER_BEHIND = re.compile(r"\d[.,]?\Z"), re.compile(r"[.,]?\d")
_EITHER = re.compile(r"(?<![\d.,])(\d{1,3})([.,])(\d{3})(?![\d.,]*\d)")


@dataclass(frozen=True)
class Checked:
    """One claim that was found. `holds` is None where it could not be checked; `problem` says why.

    One that is not `sure` may be no claim at all.
    """

    name: str
    step_id: str
    said: str
    strength: Strength
    holds: bool | None
    problem: str = ""
    sure: bool = True

    @property
    def leaves_doubt(self) -> bool:
        """Whether it may be a false claim, and is not known to be one."""
        in_doubt = self.holds is None if self.sure else self.holds is not True
        return in_doubt and self.strength != "hint"


def told_at(before: Sequence[Checked], after: Sequence[Checked]) -> list[Checked]:
    """Claims of a message that makes calls: what did not hold before these may tell of what they did."""
    return [now if was.holds is False else was for was, now in zip(before, after, strict=True)]


@dataclass(frozen=True)
class Found:
    """What a declared pattern found, with the named parts of it; `sure` where it is surely claimed."""

    claim: Claim
    index: int
    said: str
    parts: Mapping[str, str]
    sure: bool


def left_open(checked: Checked) -> Checked:
    """The same, where what contradicts it may be changed by calls of the same message."""
    if checked.holds is not False:
        return checked
    return replace(checked, holds=None, problem="what calls did before it is not known")


class Claims:
    """The declared claims, compiled. Raises ToolError, naming the field, for a pattern that RE2 does not take."""

    def __init__(self, declared: Sequence[Claim]) -> None:
        self._claims = [
            (index, claim, _compiled(index, claim.pattern)) for index, claim in enumerate(declared)
        ]

    def found(self, text: str, step_id: str, work: Work, *, last: bool) -> list[Found]:
        """What one message claims, or may claim.

        Raises TooMuchWork where it claims more than can be looked up: what is hidden among much is not passed over.
        """
        asked = [one for one in self._claims if last or one[1].where == "all"]
        if not asked or not text.strip():
            return []
        written = self._in(text, asked, step_id, work)
        bare = unmarked(text)
        if bare == text:
            return written
        known = {(one.index, *sorted(one.parts.items())) for one in written}
        again = self._in(bare, asked, step_id, work)
        return written + [one for one in again if (one.index, *sorted(one.parts.items())) not in known]

    def _in(
        self, text: str, asked: Sequence[tuple[int, Claim, Any]], step_id: str, work: Work
    ) -> list[Found]:
        work.spend(1 + len(text) // 16)
        sentences = Sentences(text)
        found: list[Found] = []
        for index, claim, pattern in asked:
            for sentence in sentences.all:
                work.spend(1 + len(sentence.text) * pattern.programsize // 1000)
                for hit in pattern.finditer(sentence.text):
                    work.spend(1 + len(sentence.text) // 100)
                    stance = sentences.stance(sentence, hit.start(), hit.end())
                    if stance == "not_claimed":
                        continue
                    if len(found) == MAX_FOUND:
                        raise TooMuchWork(f"step {step_id} makes more than {MAX_FOUND} claims")
                    parts = {name: part for name, part in hit.groupdict().items() if part is not None}
                    said = hit.group(0)[:MAX_SAID_CHARS]
                    sure = stance == "claimed" and not _cuts_a_number(sentence.text, *hit.span())
                    found.append(Found(claim, index, said, parts, sure))
        return found


class StateClaims:
    """Declared claims, checked in a JSON state."""

    def __init__(self, declared: Sequence[Claim]) -> None:
        self._claims = Claims(declared)
        self._checks = {claim.check: read_expression(claim.check, CLAIM_NAMES) for claim in declared}

    @property
    def need_the_start(self) -> bool:
        return any("before" in check.names for check in self._checks.values())

    def check(
        self, text: str, step_id: str, scope: Mapping[str, Any], work: Work, *, last: bool
    ) -> list[Checked]:
        """Check what one message claims. `scope` holds `state` and `before`. Raises TooMuchWork."""
        found = self._claims.found(text, step_id, work, last=last)
        return [self._checked(one, step_id, scope, work) for one in found]

    def _checked(self, found: Found, step_id: str, scope: Mapping[str, Any], work: Work) -> Checked:
        holds, problem = self._holds(found.claim.check, found.parts, scope, work)
        if holds is not True and (others := readings(found.parts)) is not None:
            other, _ = self._holds(found.claim.check, others, scope, work)
            if other:
                holds, problem = None, "it holds if its number is read in another way"
        return checked(found, step_id, holds, problem)

    def _holds(
        self, check: str, parts: Mapping[str, str], scope: Mapping[str, Any], work: Work
    ) -> tuple[bool | None, str]:
        try:
            return bool(evaluate(self._checks[check], {**scope, "said": dict(parts)}, work)), ""
        except EffectError as error:
            return None, str(error)


def _cuts_a_number(text: str, start: int, end: int) -> bool:
    """Whether what was found begins or ends within a number: 35 of 35.50, O1 of O12."""
    begins = (
        _NUMBER_BEFORE.search(text[max(0, start - 2) : start]) is not None
        and text[start : start + 1].isdigit()
    )
    ends = end > start and text[end - 1].isdigit() and _NUMBER_BEHIND.match(text, end) is not None
    return begins or ends


def checked(found: Found, step_id: str, holds: bool | None, problem: str = "") -> Checked:
    """What became of a claim."""
    claim = found.claim
    return Checked(claim.name, step_id, found.said, claim.strength, holds, problem, found.sure)


def readings(parts: Mapping[str, str]) -> dict[str, str] | None:
    """The parts with `1,786` and `1.786` read the other way about, as thousands or as decimals; None without such."""
    others = {name: _EITHER.sub(_other_reading, part) for name, part in parts.items()}
    return others if others != parts else None


def _other_reading(number: re.Match[str]) -> str:
    return f"{number[1]}{'.' if number[2] == ',' else ''}{number[3]}"


def _compiled(index: int, pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 1 << 20
    field = f"resources.environment.claims.{index}.pattern"
    try:
        compiled = re2.compile(pattern, options)
    except (re2.error, UnicodeError) as error:
        raise ToolError(f"{field}: is no pattern of RE2: {_told(error)}") from error
    if compiled.programsize > PROGRAM_SIZE:
        raise ToolError(f"{field}: is too large a pattern")
    return compiled


def _told(error: Exception) -> str:
    """What RE2 says, which it gives as bytes."""
    said = error.args[0] if error.args else ""
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else str(error)
