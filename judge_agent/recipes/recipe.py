"""The recipe as a whole: the keys of its TOML file, and what must hold between them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, model_validator

from judge_agent.recipes.bounds import DefaultBudget, Guards
from judge_agent.recipes.critiques import Batch, Citations, Critique, Gather, Refute, SecondLook, Steps
from judge_agent.recipes.principles import PrincipleSource
from judge_agent.recipes.samples import Compare, Samples
from judge_agent.recipes.turns import OF_EARLIER_TURNS, OF_ONE, OF_SEVERAL, Turn
from judge_agent.schema import Aggregate, Granularity, PrincipleSpec, UiChecks
from judge_agent.schema.base import Envelope, Score
from judge_agent.schema.shape import DimensionName, Shape
from judge_agent.schema.step_credit import StepCredit

Protocol = Literal["pointwise", "pairwise", "listwise", "tournament", "steps"]
COMPARING: tuple[Protocol, ...] = ("pairwise", "listwise", "tournament")


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
        if self.critique.score == "mean" and self.samples.vote == "majority":
            raise ValueError(
                "critique.score 'mean' gives numbers that hardly repeat: samples.vote 'majority' has none to count"
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
        if self.turns and self.turns[-1].read.kind in OF_EARLIER_TURNS:
            raise ValueError(
                f"turns: the last one reads {self.turns[-1].read.kind!r}, which gives no verdict"
            )
        unfit = OF_ONE if self.comparing else OF_SEVERAL
        for turn in self.turns:
            if turn.read.kind in unfit or (turn.alone and not self.comparing):
                number = "several candidates" if self.comparing else "one candidate"
                said = "alone" if turn.alone and not self.comparing else turn.read.kind
                raise ValueError(f"turns.{turn.name}: {said!r} gives no verdict on {number}")
        return self
