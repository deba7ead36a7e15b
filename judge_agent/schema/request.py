"""What a caller posts: a task, candidates, and how to judge them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AliasChoices, Field, field_validator, model_validator

from judge_agent.schema.base import Envelope, Name, Number, Truth, Whole
from judge_agent.schema.corpora import MAX_CORPORA, Corpus
from judge_agent.schema.databases import MAX_DATABASES, Database
from judge_agent.schema.environment import EndState, Environment
from judge_agent.schema.expected_calls import CallRules, Calls
from judge_agent.schema.group_spec import GroupSpec
from judge_agent.schema.images import MAX_IMAGE_RESOURCES, Drawing, ImageResource
from judge_agent.schema.messages import AnyTrajectory, Message
from judge_agent.schema.pages import MAX_SITES, Site
from judge_agent.schema.refusals import Refused
from judge_agent.schema.run_ids import RunId
from judge_agent.schema.shape import DimensionName as DimensionName
from judge_agent.schema.shape import Shape
from judge_agent.schema.step_credit import StepCredit
from judge_agent.schema.text_checks import TextChecks
from judge_agent.schema.ui_checks import UiChecks

MAX_CANDIDATES = 64
MAX_PRINCIPLES = 64
MAX_TESTS = 2000
MAX_SECONDS = 3600
Scale = Literal["pass_fail", "1-5", "1-10"]
Granularity = Literal["outcome", "steps"]
Aggregate = Literal["weighted", "gated", "veto", "renormed", "lexicographic"]
# A set of learned principles: NAME, the version in use, or NAME@VERSION.
SET_PATTERN = r"^[a-z][a-z0-9_-]{0,63}(@[1-9][0-9]{0,8})?$"
TestKind = Literal["call", "assert", "check", "stdio", "pytest"]


class CallTest(Envelope):
    """One call of the entry point; `expected` never enters the box that runs the candidate's code."""

    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = {}
    expected: Any


class StdioTest(Envelope):
    """One run of the program: what it reads, and what it must print."""

    stdin: str = ""
    stdout: str


TestItem = CallTest | StdioTest | str


class Tests(Envelope):
    """Tests of one kind. `visible` ones (the agent saw them) can only refute; `hidden` ones decide."""

    __test__ = False

    kind: TestKind
    entry_point: Annotated[str, Field(max_length=200)] | None = None
    atol: Annotated[Number, Field(ge=0)] | None = None
    visible: tuple[TestItem, ...] = Field(default=(), max_length=MAX_TESTS)
    hidden: tuple[TestItem, ...] = Field(default=(), max_length=MAX_TESTS)

    @model_validator(mode="after")
    def _items_match_kind(self) -> Tests:
        wanted: type = {"call": CallTest, "stdio": StdioTest}.get(self.kind, str)
        for where in ("visible", "hidden"):
            for index, item in enumerate(getattr(self, where)):
                if not isinstance(item, wanted):
                    raise ValueError(
                        f"{where}.{index}: a test of kind {self.kind!r} is "
                        f"{_ITEM_FORMS[self.kind]}, not {type(item).__name__}"
                    )
        if self.entry_point and not all(part.isidentifier() for part in self.entry_point.split(".")):
            raise ValueError(
                f"entry_point: {self.entry_point!r} is no Python name, such as 'solve' or 'Solution.solve'"
            )
        if self.kind == "call" and not self.entry_point:
            raise ValueError("entry_point: tests of kind 'call' need the name of the function to call")
        return self


_ITEM_FORMS: dict[str, str] = {
    "call": "an object {args, kwargs, expected}",
    "stdio": "an object {stdin, stdout}",
    "assert": "a statement (text)",
    "check": "a program that defines check(candidate) (text)",
    "pytest": "a test file (text)",
}


class Reference(Envelope):
    """What is known to be right. Shown only where a recipe's prompt declares that it uses it."""

    answer: str | None = None
    solution: str | None = None
    sql: Annotated[str, Field(max_length=50_000)] | None = None
    final_state: EndState | None = None
    tool_calls: Calls | None = None
    tool_call_rules: CallRules | None = None
    tests: Tests | None = None
    ui: UiChecks | None = None
    text_checks: TextChecks | None = None
    drawing: Drawing | None = None

    @model_validator(mode="after")
    def _rules_have_calls(self) -> Reference:
        if self.tool_call_rules is not None and self.tool_calls is None:
            raise Refused(
                "tool_call_rules", "has no calls to hold for: give tool_calls, be it an empty list", None
            )
        return self


class Task(Envelope):
    """What the agent was asked: a prompt, or the messages that came before the trajectory."""

    prompt: str = ""
    messages: tuple[Message, ...] = ()
    kind: str | None = Field(default=None, max_length=64)
    reference: Reference = Reference()

    @field_validator("reference", mode="before")
    @classmethod
    def _none_is_empty(cls, value: object) -> object:
        return Reference() if value is None else value


class Candidate(Envelope):
    id: Name
    trajectory: AnyTrajectory


class PrincipleSpec(Envelope):
    """One thing to judge by, as a caller writes it (`requirement`, `criterion`, `text`, `criteria` work too).

    A weight below 0 makes it a penalty: it describes a fault, and the more of it is there, the lower the reward.
    """

    description: str = Field(
        min_length=1,
        max_length=4000,
        validation_alias=AliasChoices("description", "requirement", "criterion", "text", "criteria"),
    )
    name: Name | None = None
    dimension: DimensionName | None = None
    kind: Literal["hard", "soft"] = "soft"
    weight: Annotated[Number, Field(ge=-1e6, le=1e6)] = 1.0
    scale: Scale | None = None
    tool: Name | None = None

    @model_validator(mode="after")
    def _penalties_are_soft(self) -> PrincipleSpec:
        if self.weight < 0 and self.kind == "hard":
            message = (
                "below 0 makes a penalty, and that gates nothing: make it 'soft', or say what must be there"
            )
            raise Refused("weight", message, self.weight)
        return self


class Resources(Envelope):
    """What the tools may look into. Inline, a blob by hash, or a name under the operator's root; never a URL."""

    databases: tuple[Database, ...] = Field(default=(), max_length=MAX_DATABASES)
    environment: Environment | None = None
    corpora: tuple[Corpus, ...] = Field(default=(), max_length=MAX_CORPORA)
    files: tuple[dict[str, Any], ...] = ()
    pages: tuple[Site, ...] = Field(default=(), max_length=MAX_SITES)
    images: tuple[ImageResource, ...] = Field(default=(), max_length=MAX_IMAGE_RESOURCES)

    @property
    def are_known_by_content(self) -> bool:
        """Whether they say by their content what they are: a file under the operator's root may change in its place."""
        pages = [file for site in self.pages for file in site.contents]
        places = (*self.databases, *self.corpora, *self.images, *pages, self.environment)
        return not any(place.root_name for place in places if place is not None)


class BudgetSpec(Envelope):
    """Ceilings for one judgment; what is omitted is the recipe's."""

    seconds: Annotated[Number, Field(gt=0, le=MAX_SECONDS)] | None = None
    model_tokens: Annotated[Whole, Field(ge=0, le=100_000_000)] | None = None
    tool_calls: Annotated[Whole, Field(ge=0, le=10_000)] | None = None
    samples: Annotated[Whole, Field(ge=1, le=64)] | None = None


class RunSpec(Envelope):
    """The trainer's run that a judgment belongs to, and its step there.

    `pin`: true holds the run to what judges at its first pinned judgment, the hash of a pin (`GET /v1/pin`) to exactly
    that; omitted, the run is held to the pin that it has, if any; false asks to be judged whatever the run's pin is.
    """

    id: RunId
    step: Annotated[Whole, Field(ge=0, le=2**53)] | None = None
    pin: Truth | Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None


class JudgmentRequest(Envelope):
    """The body of `POST /v1/judgments`."""

    task: Task
    candidates: tuple[Candidate, ...] = Field(min_length=1, max_length=MAX_CANDIDATES)
    recipe: Name = "default"
    dimensions: tuple[DimensionName, ...] | None = Field(default=None, min_length=1, max_length=32)
    principles: tuple[PrincipleSpec, ...] | None = Field(default=None, max_length=MAX_PRINCIPLES)
    principles_from: Annotated[str, Field(pattern=SET_PATTERN)] | None = None
    tools: tuple[Name, ...] | None = Field(default=None, max_length=64)
    resources: Resources = Resources()
    granularity: tuple[Granularity, ...] | None = Field(default=None, min_length=1, max_length=2)
    aggregate: Aggregate | None = None
    shape: Shape | None = None
    step_credit: StepCredit | None = None
    pass_threshold: Annotated[Number, Field(ge=0, le=1)] | None = None
    max_risk: Annotated[Number, Field(gt=0, le=1)] | None = None
    budget: BudgetSpec = BudgetSpec()
    group: GroupSpec | None = None
    seed: Annotated[Whole, Field(ge=0, le=2**63 - 1)] = 0
    cache: Literal["yes", "no", "refresh"] | None = None
    include_hidden_reasoning: Truth = False
    metadata: dict[str, Any] = {}
    run: RunSpec | None = None

    @model_validator(mode="after")
    def _unique(self) -> JudgmentRequest:
        for field, values in (
            ("candidates", [candidate.id for candidate in self.candidates]),
            ("dimensions", list(self.dimensions or ())),
            ("principles", [p.name for p in self.principles or () if p.name]),
            ("resources.databases", [database.name for database in self.resources.databases]),
            ("resources.corpora", [corpus.name for corpus in self.resources.corpora]),
            ("resources.pages", [site.name for site in self.resources.pages]),
            ("resources.images", [image.name for image in self.resources.images]),
        ):
            if field == "principles" and self.principles and self.principles_from:
                raise Refused(
                    "principles_from", "stands beside principles: give one of them", self.principles_from
                )
            twice = sorted({value for value in values if values.count(value) > 1})
            if twice:
                message = f"{twice[0]!r} is given more than once; each must be unique"
                raise Refused(field, message, twice[0])
        return self
