"""What judging a trajectory by the records comes to, and what it takes no records to see."""

from __future__ import annotations

from dataclasses import dataclass, field

from judge_agent.call_forms import spoken
from judge_agent.effects import read_expression
from judge_agent.errors import ToolError
from judge_agent.schema import EndState, Environment
from judge_agent.schema.environment import ENDED_NAMES
from judge_agent.trajectory import Step, Transcript, Turn
from tools.states.claiming import Checked, left_open
from tools.states.comparing import Difference
from tools.states.evaluating import evaluate
from tools.states.sightings import Observed, Replayed
from tools.states.telling import Said, Speech
from tools.states.work import EffectError, Work

_NOTHING = {"role": "", "text": "", "name": ""}


class BadReference(Exception):
    """The reference's own calls cannot be replayed: nothing can be said of any candidate."""


@dataclass
class Report:
    """What was found. `differences` is None where there is no required state, or `undecided` says why not compared."""

    calls: list[Replayed] = field(default_factory=list)
    undecided: str | None = None
    differences: tuple[Difference, ...] | None = None
    said: dict[str, Said] = field(default_factory=dict)
    claims: list[Checked] = field(default_factory=list)  # those that are not sure among them
    ended: bool = True


def leave_open(report: Report, unread: int) -> None:
    """Decide nothing by the records where calls are in a form that is not read: what these did is not known."""
    report.undecided = f"{unread} messages make calls in a form that is not read"
    report.differences = None
    report.claims = [left_open(claim) for claim in report.claims]


def has_ended(transcript: Transcript, environment: Environment, work: Work) -> bool:
    """Whether the trajectory is at its end, as far as the environment says what an end is."""
    if environment.ended is None:
        return True
    last = transcript.turns[-1] if transcript.turns else None
    told = {"role": last.role, "text": last.text, "name": _tool_of(last, transcript)} if last else _NOTHING
    try:
        return bool(evaluate(read_expression(environment.ended, ENDED_NAMES), {"last": told}, work))
    except EffectError as error:
        raise ToolError(f"resources.environment.ended: {error}") from error


def said_by(transcript: Transcript, end: EndState | None, work: Work) -> dict[str, Said]:
    """What of that which had to be told the agent told. Raises TooMuchWork."""
    if end is None or not end.said:
        return {}
    told = [spoken(turn.text) for turn in transcript.turns if turn.role == "assistant"]
    speech = Speech([*told, own_answer(transcript) or ""], work)
    return {(one if isinstance(one, str) else " | ".join(one)): speech.says(one) for one in end.said}


def last_with_text(transcript: Transcript) -> Step | None:
    """The last message of the agent that says something."""
    return next((step for step in reversed(transcript.steps) if step.turn.text.strip()), None)


def own_answer(transcript: Transcript) -> str | None:
    """The declared final answer, without hidden reasoning; None where the last message says the same."""
    if transcript.final_answer is None:
        return None
    answer = spoken(transcript.final_answer).strip()
    texts = (spoken(step.turn.text).strip() for step in reversed(transcript.steps))
    return None if answer == next(filter(None, texts), "") else answer


def observed_results(transcript: Transcript) -> dict[str, list[Observed]]:
    """The results of each call that has one, by `message.position`: further ones of an answered call as well."""
    found: dict[str, list[Observed]] = {}
    for turn in transcript.turns:
        place = turn.answers or turn.repeats
        if place is not None:
            found.setdefault(place, []).append(Observed(turn.text, turn.marked_failed))
    return found


def _tool_of(turn: Turn, transcript: Transcript) -> str:
    """The tool whose result a turn is, by its own word or by the call that it answers."""
    if turn.name or turn.answers is None:
        return turn.name or ""
    asker, _, position = turn.answers.partition(".")
    calls = next((other.calls for other in transcript.turns if other.span_id == asker), ())
    return calls[int(position)].name if int(position) < len(calls) else ""
