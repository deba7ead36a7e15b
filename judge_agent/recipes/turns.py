"""A recipe's own questions to the model, one after the other, and how each answer is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, model_validator

from judge_agent.schema import Envelope
from judge_agent.schema.base import Score

# Readouts that give no verdict, those of one candidate alone, and those that need several to tell apart.
OF_EARLIER_TURNS = frozenset(("text", "label", "focus", "rubric", "profile"))
OF_ONE = frozenset(("score_tag", "p_yes", "ordinal", "likelihood", "verdict_tag", "verdict_json"))
OF_SEVERAL = frozenset(("winner_tag", "winner_json", "boxed_index", "scores_tags", "ranking_json"))


class Readout(Envelope):
    """How one answer of the model is read; `kind` names the function in `nodes/reading.py`.

    `labels` are the verdicts that may stand in the text, by what they mean: a slot's name (A, B, 1, 2), `tie`, a
    rating, or, for `label`, a value that later turns may ask for. `low` and `high` bound numbers. `wrapper` is the tag
    around a label; with `tail_chars` the answer's last so many characters hold no other label, either. `between` are
    the marks around a box. `sections` are tags that must be there and say something, with what they must match.
    `rationale` is the word, such as `Work:`, behind which a reason must stand before a `score_tag`; one of `floor` or
    less is no better than `low`.

    `likelihood` writes nothing: it asks how likely `task.reference.answer` is as the answer to the turn's prompt. With
    `baseline = "task"` what it is without the trajectory is taken off. The marks in `between` go around it, if the
    prompt asks for them, so that it counts whether the answer ends there.

    `texts` are what later prompts show for each label, as `<turn>_text`, instead of the answer. `fields` are texts that
    a `verdict_json` gives before its verdict. `profile` and `rubric` list at most `most` differences or items; `labels`
    of a rubric are its kinds of items, the first one for the caller's hard principles, the second one for the rest.
    `marks` holds every response to every item: those of the kinds in `vetoes` are met or violated, the others graded
    from `low` to `high`. `weights` are of the kinds; a violation leaves at most `cap`, or, with `vetoes_alone`, the
    vetoes alone count as soon as one fires. With `labels` the answer names a winner behind its marks.
    """

    kind: Literal[
        "text",
        "label",
        "focus",
        "winner_tag",
        "winner_json",
        "boxed_index",
        "boxed_scores",
        "scores_json",
        "ranking_json",
        "score_tag",
        "scores_tags",
        "p_yes",
        "ordinal",
        "likelihood",
        "verdict_tag",
        "verdict_json",
        "rubric",
        "profile",
        "marks",
    ]
    labels: Mapping[str, str] = {}
    texts: Mapping[str, str] = {}
    fields: tuple[str, ...] = ()
    most: Annotated[int, Field(ge=1, le=24)] = 8
    weights: Mapping[str, Annotated[float, Field(ge=0)]] = {}
    vetoes: tuple[str, ...] = ()
    vetoes_alone: bool = False
    cap: Score = 0.25
    key: str = "winner"
    wrapper: str | None = None
    tail_chars: Annotated[int, Field(ge=8)] | None = None
    between: tuple[str, str] | None = None
    sections: Mapping[str, str] = {}
    rationale: Annotated[str, Field(min_length=1)] | None = None
    low: float = 1.0
    high: float = 10.0
    floor: float | None = None
    baseline: Literal["none", "task"] = "none"

    @model_validator(mode="after")
    def _is_a_scale(self) -> Readout:
        if not self.low < self.high:
            raise ValueError(f"low={self.low:g} must be below high={self.high:g}")
        if self.baseline != "none" and self.kind != "likelihood":
            raise ValueError(f"baseline={self.baseline!r} is of the kind 'likelihood', not of {self.kind!r}")
        if self.rationale is not None and self.kind != "score_tag":
            raise ValueError(f"rationale={self.rationale!r} is of the kind 'score_tag', not of {self.kind!r}")
        if self.floor is not None and (self.kind != "score_tag" or not self.low <= self.floor < self.high):
            raise ValueError(
                f"floor={self.floor:g} is of the kind 'score_tag', from low={self.low:g} to below high={self.high:g}"
            )
        if self.texts and (self.kind != "label" or self.texts.keys() != self.labels.keys()):
            raise ValueError("texts: a 'label' has one for each of its labels, and nothing else has any")
        if self.kind == "rubric" and not self.labels:
            raise ValueError("labels: a 'rubric' names its kinds of items by them")
        return self


class TurnCalls(Envelope):
    """Calls that the model makes while it answers a turn: each is run, and the answer goes on with its result.

    `format`: programs in ```python blocks (tool `run_python`; TIR-Judge, arXiv 2510.23038), or any offered tool as
    `<tool_call>{...}</tool_call>` (ARM-Thinker, arXiv 2512.05111). `rounds`: how often, at most. The answer that
    is read makes none.
    """

    format: Literal["python", "tool_call"]
    rounds: Annotated[int, Field(ge=1, le=16)] = 4


class Turn(Envelope):
    """One question to the model; the last one gives the verdict.

    `when` asks only where earlier turns were read so (a label, or one of several; "" for a turn that was not asked).
    By the name `scale` it asks where the principle has that scale; in comparisons by `principles` and `reference`
    where the request has some (`given` or `none`). `of_the_task`: the prompt shows nothing but the task, so that all
    candidates, orders and judgments of the task share one answer. `alone`: a comparison asks for marks of each response
    by itself, and its prompt shows no other; who alone has the best that there is has won, else it is a tie.
    """

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
    prompt: str
    read: Readout
    when: Mapping[str, str | tuple[str, ...]] = {}
    of_the_task: bool = False
    alone: bool = False
    calls: TurnCalls | None = None
    max_tokens: Annotated[int, Field(ge=1, le=32768)] = 1024
    reasoning_tokens: Annotated[int, Field(ge=0, le=131072)] = 0
    stop: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _writes_what_is_read(self) -> Turn:
        if self.read.kind == "likelihood" and (self.reasoning_tokens or self.stop or self.read.sections):
            raise ValueError(
                f"turn {self.name!r} reads a likelihood, for which the model writes nothing: reasoning_tokens, stop "
                "and sections have no meaning; let an earlier turn of kind 'text' think"
            )
        if self.calls and (self.reasoning_tokens or self.stop or self.of_the_task):
            raise ValueError(
                f"turn {self.name!r} makes calls: it thinks between them, stops at them, and they are of a candidate"
            )
        if self.alone and (self.read.kind != "marks" or self.read.labels or self.of_the_task):
            raise ValueError(
                f"turn {self.name!r} is asked of each response alone: it reads marks without a winner"
            )
        if self.alone and self.read.vetoes_alone:
            raise ValueError(
                f"turn {self.name!r} is asked of each response alone: only one without a fault has won, so "
                "vetoes_alone has no meaning; leave it out"
            )
        return self
