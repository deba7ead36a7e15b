"""Recipes: how to judge, as TOML files. `[recipe]` keys are the fields of `Recipe`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from judge_agent.errors import PromptError
from judge_agent.hashing import sha256_of
from judge_agent.schema import Aggregate, Envelope, Granularity, PrincipleSpec, UiChecks
from judge_agent.schema.base import Score
from judge_agent.schema.shape import DimensionName, Shape
from judge_agent.schema.step_credit import StepCredit

Protocol = Literal["pointwise", "pairwise", "listwise", "tournament", "steps"]
COMPARING: tuple[Protocol, ...] = ("pairwise", "listwise", "tournament")
# Readouts that give no verdict, those of one candidate alone, and those that need several to tell apart.
_OF_EARLIER_TURNS = frozenset(("text", "label", "focus", "rubric", "profile"))
_OF_ONE = frozenset(("score_tag", "p_yes", "ordinal", "likelihood", "verdict_tag", "verdict_json"))
_OF_SEVERAL = frozenset(("winner_tag", "winner_json", "boxed_index", "scores_tags", "ranking_json"))
Vote = Literal["sum", "mean", "majority"]
Detector = Literal[
    "edited_tests",
    "special_cased_tests",
    "hardcoded_outputs",
    "swallowed_failures",
    "early_exit",
    "patched_grader",
    "keyword_stuffing",
    "hedging",
    "padding",
    "claimed_action",
    "forged_observation",
]
CitationPolicy = Literal["required", "optional", "none"]


class PrincipleSource(Envelope):
    """Where principles come from. `generate`: when the caller gives none, or never.

    `default` stand in where the caller gives none. `each_a_dimension`: one that names no dimension is a dimension of
    its own, so that the vector has an entry for each. `not_generated`: dimensions that tools alone feed, so that no
    generated principle is of them. `always`: the recipe's own beside the caller's, which make the method; the caller's
    of the same name stands instead. `give_way` names those of them that are not asked about where a tool has decided a
    hard principle of the same dimension. `dimension_weights`: what all principles of a dimension weigh together, in the
    proportions of their own weights; those of other dimensions keep theirs. Without `tools_must_decide` a tool's own
    principle that its tool ran for and left open is left out: for recipes whose turns look at the reference themselves.
    """

    tools: bool = True
    tools_must_decide: bool = True
    default: tuple[PrincipleSpec, ...] = ()
    each_a_dimension: bool = False
    generate: Literal["when_none_given", "never"] = "never"
    max_generated: Annotated[int, Field(ge=1, le=16)] = 3
    generated_kind: Literal["soft", "hard"] = "soft"
    not_generated: tuple[DimensionName, ...] = ()
    always: tuple[PrincipleSpec, ...] = ()
    give_way: tuple[str, ...] = ()
    dimension_weights: Mapping[DimensionName, Annotated[float, Field(ge=0)]] = {}


class Citations(Envelope):
    """How strictly a critique must cite: for a pass of a hard principle, and otherwise."""

    hard_pass: CitationPolicy = "required"
    otherwise: CitationPolicy = "optional"


class Gather(Envelope):
    """`rounds`: how many times the model may ask for tools, per candidate; `rounds_of_spans`: how many times more where
    the trajectory is indexed into spans.

    `format`: one call a round in JSON (prompt `gather`), or function calls (prompt `gather_tools`) where the model
    says that it takes them; where it does not, JSON all the same, and the record says so. `react` is for any model:
    one call a round as a text of Thought, Action and Action Input (prompt `gather_react`).
    """

    rounds: Annotated[int, Field(ge=0, le=16)] = 0
    rounds_of_spans: Annotated[int, Field(ge=0, le=16)] = 0
    format: Literal["json", "tools", "react"] = "json"


class Critique(Envelope):
    """How principles and steps are judged by cited critiques.

    `steps_per_call` and `criteria_per_call`: how many steps, and how many principles, one model call judges; more than
    one principle asks by the prompt `several`, and each is read by itself. `cannot_assess` offers that choice: it leads
    to no score, with the reason. `blind_pass = "actions"` judges candidates that made calls or handed in artifacts
    twice, first without the agent's own words (prompt `blind`): what these changed is `persuasion_gap`.
    `long_trajectories`: what does not fit the model's window is refused, or indexed into spans that the model lists,
    greps and opens as tools; `coverage` says what was read.
    """

    max_tokens: Annotated[int, Field(ge=16, le=32768)] = 512
    reason_chars: Annotated[int, Field(ge=16, le=8000)] = 400
    max_citations: Annotated[int, Field(ge=1, le=8)] = 2
    cannot_assess: bool = False
    steps_per_call: Annotated[int, Field(ge=1, le=32)] = 4
    criteria_per_call: Annotated[int, Field(ge=1, le=64)] | Literal["all"] = 1
    blind_pass: Literal["none", "actions"] = "none"
    long_trajectories: Literal["refuse", "index"] = "refuse"


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
        return self


class Samples(Envelope):
    """How often the model is asked, in which orders, and how its answers are put together.

    `vote`: the sum or mean of scores, or the commonest; in pairs and tournaments the majority is of the samples that
    name one as the better, by however little. `keep`: only the best so many of them vote, or the better half of
    `count`, by P(yes) of the prompt `meta`, from each order of a comparison alike; where the model tells no
    log-probabilities, all vote and the record says so. `adaptive` stops when no further answer can
    turn the vote, the pass, or whether the samples agree as far as is asked; `escalate_to` asks for as many again while
    fewer than `min_agreement` of them agree, or could be read; still below `abstain_below` at the end is no verdict.
    `spend`: of candidates judged alone each gets all samples, or one half of them, and the rest goes to those whose
    place among the others is open (`by_place`): then a group is judged and remembered whole.
    `quorum`: of a jury, how many of its models must give a verdict on a principle; more than half of them by default.
    """

    count: Annotated[int, Field(ge=1, le=64)] = 1
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.0
    orders: Literal["one", "both", "shuffled"] = "one"
    vote: Vote = "mean"
    spend: Literal["evenly", "by_place"] = "evenly"
    adaptive: bool = False
    escalate_to: Annotated[int, Field(ge=0, le=64)] = 0
    min_agreement: Score = 0.6
    abstain_below: Score = 0.0
    meta: str | None = None
    keep: Annotated[int, Field(ge=1, le=64)] | Literal["half"] | None = None
    quorum: Annotated[int, Field(ge=1, le=64)] | None = None


class Compare(Envelope):
    """What a comparison of candidates feeds, and how the model is told them apart.

    `criteria`: the caller's are added to the description, or stand instead of it, numbered in the caller's order.
    `orders_disagree`: what a pair comes to whose two orders name different winners: the mean of both, or a tie; with
    `tie` a verdict counts only where both orders gave it, and a pair that was read in one order only has none; with
    `mean` it counts, is named, and is half as sure.
    `long_trajectories`: what does not fit the model's window is refused, or shown with its long texts by head and tail
    and, where that is not enough, without its middle; what is left out is in the record.
    """

    dimension: DimensionName = "quality"
    description: str = "How the candidate compares with its peers."
    criteria: Literal["added", "instead"] = "added"
    orders_disagree: Literal["mean", "tie"] = "mean"
    slots: Literal["letters", "numbers", "masked"] = "letters"
    long_trajectories: Literal["refuse", "shorten"] = "refuse"


class Refute(Envelope):
    """An adversarial second look at what the model passed; `of` says at which principles.

    `ambiguity`: it also says whether the question or the schema can be read in several ways.
    """

    of: Literal["none", "hard", "all"] = "none"
    prompt: str = ""
    max_tokens: Annotated[int, Field(ge=16, le=32768)] = 512
    ambiguity: bool = False


class SecondLook(Envelope):
    """One more look where evidence and model disagree: by the prompt `second_look`, with that evidence named.

    `disagreement`: strong or decisive evidence that bears on a principle speaks against the model's choice, or a
    refutation has overturned it.
    """

    when: Literal["never", "disagreement"] = "never"


class Batch(Envelope):
    """Principles that one question judges together, and how its answer is made into their verdicts.

    `kind` is the file in `nodes/batches/`, which says what principles it takes; `prompts` are its questions, by the
    names that it has for them. `per_call`: how many items (nuggets, sentences, statements) one answer speaks of.
    """

    kind: Literal["nuggets", "sentences", "chain", "prospects"]
    prompts: Mapping[str, str]
    max_tokens: Annotated[int, Field(ge=16, le=32768)] = 2048
    per_call: Annotated[int, Field(ge=1, le=64)] = 16


class Steps(Envelope):
    """What is asked of each step, and what the steps come to.

    `form`: a label; an `analysis` (intent, agreement with the pictures, logic) before it and, of a bad step, how it
    should have been; or `ratings` from 1 to 5 by each soft principle of the judgment, whose mean over
    the steps decides it. `directions`: `both` asks
    twice, with nothing but what led to the step, and with nothing but what came of it, the latest first; the step's
    score is the mean. `feeds` names the principle of the recipe that the steps decide: `mean` of their scores, or
    `none_bad`. `tokens`: the room that an answer has for each step.
    """

    form: Literal["label", "analysis", "ratings"] = "label"
    directions: Literal["one", "both"] = "one"
    feeds: str | None = None
    come_to: Literal["mean", "none_bad"] = "mean"
    tokens: Annotated[int, Field(ge=16, le=4096)] = 160

    @property
    def decide(self) -> bool:
        """Whether a principle is decided by the steps, so that they are asked about whoever wants to see them."""
        return self.feeds is not None or self.form == "ratings"


class Guards(Envelope):
    """What signs of reward hacking do to a reward; all are in `flags.hacks` with their spans in any case.

    `on` says of a detector: `note` (the flag alone; also for those not named), `cap` (the score is `cap` at most)
    or `fail` (the score is 0, and the candidate does not pass). Only signs of the strength `least`, or more, do so.
    No sign makes a score of a candidate that has none.
    """

    on: Mapping[Detector, Literal["note", "cap", "fail"]] = {}
    cap: Score = 0.5
    least: Literal["hint", "strong"] = "strong"


class DefaultBudget(Envelope):
    """What a judgment may spend when the request does not say. Tokens and tool calls are per candidate."""

    seconds: Annotated[float, Field(gt=0)] = 100.0
    model_tokens_per_candidate: int = 100_000
    tool_calls_per_candidate: int = 16
    call_seconds: Annotated[float, Field(gt=0)] = 60.0


class Recipe(Envelope):
    """How to judge. `models` false asks no model at all: evidence decides or the candidate is unscored.

    `jury` names models of the service that give the critiques in place of its own one, each as many samples as are
    wanted; their votes are reduced as samples are. `pictures`: with `before_and_after` a candidate is judged only where
    the model is shown a picture that the agent was given and one that it made. `unfinished`: candidates are prefixes,
    of which one that says nothing yet is no failed one.
    """

    name: str
    description: str
    paper: str | None = None
    models: bool
    protocols: tuple[Protocol, ...]
    dimensions: tuple[DimensionName, ...]
    tools: tuple[str, ...] = Field(default=(), description="Names of tools; empty means every tool.")
    granularity: tuple[Granularity, ...]
    reference: Literal["law", "witness"] = Field(
        "law",
        description="What a difference from the reference proves: that the candidate is wrong, or nothing yet.",
    )
    cascade: bool = Field(
        False,
        description="A hard principle that a tool refutes ends the judging: what is open behind it is 0.",
    )
    ui: UiChecks | None = Field(None, description="The checks of a page where the request brings none.")
    aggregate: Aggregate = "gated"
    shape: Shape = ()
    step_credit: StepCredit = ()
    pass_threshold: Score | None = None
    max_risk: Annotated[float, Field(gt=0, le=1)] | None = None
    min_weight: Score = 0.8
    principles: PrincipleSource = PrincipleSource()
    citations: Citations = Citations()
    gather: Gather = Gather()
    critique: Critique = Critique()
    turns: tuple[Turn, ...] = ()
    samples: Samples = Samples()
    compare: Compare = Compare()
    refute: Refute = Refute()
    second_look: SecondLook = SecondLook()
    jury: tuple[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$")], ...] = ()
    batch: Batch | None = None
    steps: Steps = Steps()
    pictures: Literal["any", "before_and_after"] = "any"
    unfinished: bool = False
    guards: Guards = Guards()
    budget: DefaultBudget = DefaultBudget()
    prompts: Mapping[
        Literal[
            "propose",
            "gather",
            "gather_tools",
            "gather_react",
            "critique",
            "several",
            "blind",
            "second_look",
            "steps",
        ],
        str,
    ] = {}
    fallback_principles: Mapping[str, tuple[PrincipleSpec, ...]] = {}
    sha256: str = ""

    @property
    def comparing(self) -> Protocol | None:
        """The protocol by which candidates are compared; None where each is judged alone."""
        return next((protocol for protocol in self.protocols if protocol in COMPARING), None)

    @property
    def joint(self) -> bool:
        """Whether a candidate's result hangs on its peers: these are judged in one judgment, and remembered whole."""
        return self.comparing is not None or self.samples.spend == "by_place"

    @property
    def by_likelihood(self) -> bool:
        """Whether the reference is what is scored: then no prompt of the judgment may show it."""
        return any(turn.read.kind == "likelihood" for turn in self.turns)

    @property
    def judges_by_rubric(self) -> bool:
        """Whether its turns hold responses to typed items: then the caller's principles may be these, hard ones too."""
        return any(turn.read.kind == "rubric" for turn in self.turns)

    @property
    def all_prompts(self) -> tuple[str, ...]:
        """Every prompt file that a judgment by this recipe may use."""
        named = [*self.prompts.values(), *(turn.prompt for turn in self.turns)]
        named += self.batch.prompts.values() if self.batch else ()
        named += [name for name in (self.samples.meta, self.refute.prompt) if name]
        return tuple(dict.fromkeys(named))

    @property
    def _asks_one_by_one(self) -> bool:
        """Whether there may be principles that no batch takes."""
        return self.batch is None or self.batch.kind != "nuggets"

    @property
    def _can_spend_by_place(self) -> bool:
        wanted = self.samples
        plain = wanted.vote != "majority" and not (wanted.adaptive or wanted.escalate_to or wanted.keep)
        return plain and self.comparing is None and self.batch is None

    @model_validator(mode="after")
    def _holds_together(self) -> Recipe:
        if self.comparing and not self.turns:
            raise ValueError(f"protocols: {self.comparing!r} needs [[turns]]")
        if self.gather.format == "tools" and not {"gather", "gather_tools"} <= self.prompts.keys():
            raise ValueError(
                "gather.format 'tools' needs prompts.gather_tools, and prompts.gather for other models"
            )
        if self.samples.temperature == 0 and self.samples.orders != "shuffled":
            for name, wanted in (("count", self.samples.count), ("escalate_to", self.samples.escalate_to)):
                if wanted > 1:
                    raise ValueError(f"samples: {name} > 1 at temperature 0 asks for the same answer again")
        cites = not self.turns or "critique" in self.prompts
        if not cites and "required" in (self.citations.hard_pass, self.citations.otherwise):
            raise ValueError("citations: turns give none, so none can be required; say 'none'")
        if self.samples.orders != "one" and not self.comparing:
            raise ValueError("samples.orders: only a comparison has orders")
        if self.samples.keep and self.samples.adaptive:
            raise ValueError(
                "samples.adaptive: which samples vote is not known before `keep` of them are chosen"
            )
        if self.samples.spend == "by_place" and not self._can_spend_by_place:
            raise ValueError(
                "samples.spend 'by_place' is for candidates judged alone, by a vote that is a mean or sum of all "
                "samples: without a protocol that compares, adaptive, escalate_to and keep"
            )
        if self.batch and (self.comparing or self.turns or self.samples.adaptive or self.samples.escalate_to):
            raise ValueError(
                "batch: only for candidates judged alone, without turns, samples.adaptive and escalate_to"
            )
        if self.steps.directions == "both" and self.critique.steps_per_call != 1:
            raise ValueError("steps.directions 'both' shows one step a call: say critique.steps_per_call = 1")
        own = {spec.name for spec in self.principles.always}
        if self.steps.feeds is not None and self.steps.feeds not in own:
            raise ValueError(f"steps.feeds: {self.steps.feeds!r} is none of principles.always")
        if self.samples.keep and not self.samples.meta:
            raise ValueError("samples.keep needs samples.meta, the prompt that rates a sample")
        if self.refute.of != "none" and not self.refute.prompt:
            raise ValueError("refute.of needs refute.prompt")
        if self.refute.of != "none" and self.comparing:
            raise ValueError("refute: only what is judged alone has a second look, no comparison")
        return self

    @model_validator(mode="after")
    def _cites_what_it_asks(self) -> Recipe:
        """Only cited critiques of one candidate have a blind pass, a second look and a jury."""
        cited = not self.turns and not self.comparing
        wanted = {
            "critique.blind_pass": self.critique.blind_pass != "none",
            "second_look": self.second_look.when != "never",
            "jury": bool(self.jury),
        }
        for name, is_wanted in wanted.items():
            if is_wanted and not cited:
                raise ValueError(
                    f"{name}: only cited critiques of one candidate have one, not turns and comparisons"
                )
        if self.jury and (self.critique.blind_pass != "none" or self.samples.spend == "by_place"):
            raise ValueError("jury: has neither a blind pass nor samples by place; leave one of them out")
        if (self.samples.quorum or 0) > len(self.jury):
            raise ValueError(
                f"samples.quorum={self.samples.quorum} is of a jury, and there are {len(self.jury)}"
            )
        if len(set(self.jury)) < len(self.jury):
            raise ValueError(
                f"jury: {list(self.jury)} names a model twice; budget.samples asks each for more"
            )
        return self

    @model_validator(mode="after")
    def _can_be_asked(self) -> Recipe:
        """What every judgment would fail for, or worse: a readout of several gives one alone a number of no meaning."""
        wanted = {
            "critique": not self.turns and self._asks_one_by_one,
            "steps": "steps" in self.protocols,
            "gather": self.gather.rounds > 0 and self.gather.format != "react",
            "gather_react": self.gather.rounds > 0 and self.gather.format == "react",
            "propose": self.principles.generate == "when_none_given",
            "several": not self.turns and self.critique.criteria_per_call != 1,
            "blind": self.critique.blind_pass != "none",
            "second_look": self.second_look.when != "never",
        }
        for name, is_wanted in wanted.items():
            if self.models and is_wanted and name not in self.prompts:
                raise ValueError(f"prompts.{name} is missing; this recipe asks the model by it")
        if self.turns and self.turns[-1].read.kind in _OF_EARLIER_TURNS:
            raise ValueError(
                f"turns: the last one reads {self.turns[-1].read.kind!r}, which gives no verdict"
            )
        unfit = _OF_ONE if self.comparing else _OF_SEVERAL
        for turn in self.turns:
            if turn.read.kind in unfit or (turn.alone and not self.comparing):
                number = "several candidates" if self.comparing else "one candidate"
                said = "alone" if turn.alone and not self.comparing else turn.read.kind
                raise ValueError(f"turns.{turn.name}: {said!r} gives no verdict on {number}")
        return self


def load_recipes(folder: Path) -> dict[str, Recipe]:
    """Read `recipes/*.toml` under the prompts folder, by name. Raises PromptError that names file and field."""
    recipes = [_load(path) for path in sorted((folder / "recipes").glob("*.toml"))]
    return {recipe.name: recipe for recipe in recipes}


def _load(path: Path) -> Recipe:
    text = path.read_text("utf-8")
    try:
        data: dict[str, Any] = tomllib.loads(text)
        fallback = data.pop("fallback_principles_from", None)
        if fallback:
            fallback_text = (path.parent.parent / fallback).read_text("utf-8")
            data["fallback_principles"] = tomllib.loads(fallback_text)
            text += fallback_text
        own = data.pop("default_principles_from", None)
        if own:
            own_text = (path.parent.parent / own).read_text("utf-8")
            learned = tomllib.loads(own_text).get("principles", ())
            data["principles"] = {**data.get("principles", {}), "default": learned}
            text += own_text
        recipe = Recipe.model_validate({**data, "sha256": sha256_of(text)})
    except (tomllib.TOMLDecodeError, ValidationError, OSError) as error:
        raise PromptError(f"recipe file {path.name!r}: {error}") from error
    if recipe.name != path.stem:
        raise PromptError(f"recipe file {path.name!r} names itself {recipe.name!r}; the two must agree")
    return recipe
