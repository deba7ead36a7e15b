"""What a caller gets: a reward vector per candidate, and the evidence it rests on."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, FiniteFloat

from judge_agent.errors import FailureKind
from judge_agent.schema.base import Envelope, Score
from judge_agent.schema.request import Scale

SCHEMA_VERSION = "1"
State = Literal["queued", "running", "done", "cancelled"]
Status = Literal["scored", "partial", "unscored"]
Source = Literal["tool", "observation", "claim"]
Bearing = Literal["confirms", "refutes", "both", "none"]
Strength = Literal["decisive", "strong", "hint"]
ToolStatus = Literal["ok", "failed", "refused", "timeout"]
DecidedBy = Literal["evidence", "model", "screen"]


class Principle(Envelope):
    """What to judge by, typed and placed: `name` is unique in the judgment."""

    name: str
    description: str
    dimension: str
    kind: Literal["hard", "soft"]
    weight: float
    scale: Scale
    tool: str | None = None
    origin: Literal["given", "recipe", "tool", "generated", "fallback", "comparison"] = "given"


class Citation(Envelope):
    """Where a critique points: an evidence id (or span id), and the words it quotes from it."""

    evidence_id: str
    quote: str | None = None
    resolved: bool = True
    source: Source | None = None


class Sample(Envelope):
    """One critique of one principle, or one comparison: what the model said once; of a jury, which `model`.

    `order` holds the candidates of a comparison as they were shown; `choice` is then the winner's id or `tie`. A
    sample with `voted` false is recorded and counts for nothing; `meta_score` is why. `numbers` are those of a
    readout of one token's probabilities: `menu_mass`, and `margin` (nats) or `expected`, `variance` (of the place in
    [0, 1]) and `entropy` (nats); in a comparison `written`, the number for this candidate on the model's own scale.
    `details` are the parts of a verdict that is made of many: sentences or statements, as the recipe has them.
    """

    choice: str | None = None
    score: Score | None = None
    reason: str = ""
    citations: tuple[Citation, ...] = ()
    model: str | None = None
    order: tuple[str, ...] = ()
    meta_score: Score | None = None
    voted: bool = True
    numbers: dict[str, FiniteFloat] = {}
    details: tuple[dict[str, Any], ...] = ()
    failure_kind: FailureKind | None = None


class SecondLook(Envelope):
    """One more critique where evidence and model disagreed; it holds where it could be read.

    `because` names the evidence that spoke against the first choice, or the refutation by 'refute'.
    """

    because: tuple[str, ...]
    first_choice: str | None = None
    first_score: Score | None = None
    second: Sample


class PrincipleResult(Envelope):
    """The verdict of one principle for one candidate; `score` is null when `valid` is false.

    `blind` is what it came to without the agent's own account, where that was asked: it is no part of the verdict.
    """

    name: str
    description: str
    dimension: str
    kind: Literal["hard", "soft"]
    weight: float
    tool: str | None = None
    choice: str | None = None
    score: Score | None = None
    valid: bool
    reason: str = ""
    citations: tuple[Citation, ...] = ()
    samples: tuple[Sample, ...] = ()
    blind: Sample | None = None
    second_look: SecondLook | None = None
    agreement: Score | None = None
    distribution: dict[str, float] | None = None
    decided_by: DecidedBy | None = None
    failure_kind: FailureKind | None = None
    failure_reason: str | None = None


class StepResult(Envelope):
    """The judging of one assistant turn; `first_error` is true for the earliest bad step only.

    `credit` is what the step is paid where `step_credit` asks for that; null otherwise, and for an unjudged step.
    `correction`: how the earliest bad step should have been, by recipes that ask for it. `said` and `scores` are what
    the label was made of, by name: an analysis in words, the scores in each direction or by each principle.
    """

    step_id: str
    score: Score | None = None
    label: Literal["good", "neutral", "bad", "unjudged"] = "unjudged"
    first_error: bool = False
    credit: FiniteFloat | None = None
    reason: str = ""
    correction: str | None = None
    said: dict[str, str] = {}
    scores: dict[str, Score] = {}
    citations: tuple[Citation, ...] = ()
    decided_by: DecidedBy | None = None


class Confidence(Envelope):
    """How sure a verdict is. `method` is `isotonic` where a calibration fits: then `value` is the share of such
    verdicts that are right, `raw` what it was before, `calibration` the hash of what was applied. Else `uncalibrated`,
    or `none` where there is nothing to be sure of. `signals` are what the raw number is made of, and `basis` which.
    """

    value: Score | None = None
    method: str
    basis: str | None = None
    raw: Score | None = None
    signals: dict[str, Score] = {}
    calibration: str | None = None


class Coverage(Envelope):
    """What of the candidate the judge saw: counts of messages, steps, tool calls, principles.

    `written_chars` is how much the policy wrote, in characters; null where nothing was judged. `share` is what of the
    trajectory's characters the model was shown, from 0 to 1; null where none was asked. Where it was indexed into
    `spans`, `spans_read` names those that stood open in the critiques, and `relevant_unread` those that did not though
    a rule calls them relevant.
    """

    messages: int = 0
    messages_read: int = 0
    steps: int = 0
    steps_judged: int = 0
    tool_calls: int = 0
    tool_calls_checked: int = 0
    principles: int = 0
    principles_scored: int = 0
    by_evidence: int = 0
    by_model: int = 0
    written_chars: int | None = None
    share: Score | None = None
    spans: int = 0
    spans_read: tuple[str, ...] = ()
    relevant_unread: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


class CandidateResult(Envelope):
    """One candidate. `reward` is null unless it may be used; `reward_bounds` say what could still change.

    `raw_reward` is the reward before the group shaped it, and what the bounds are of; equal where nothing shapes.
    `persuasion_gap`, in [-1, 1], is what the agent's own account added to the scores that its actions alone get; null
    where it was not measured.
    """

    id: str
    status: Status
    failure_kind: FailureKind | None = None
    failure_reason: str | None = None
    score: Score | None = None
    reward: FiniteFloat | None = None
    raw_reward: FiniteFloat | None = None
    reward_bounds: tuple[FiniteFloat, FiniteFloat] = (0.0, 1.0)
    passed: bool | None = None
    needs_review: bool = False
    vector: dict[str, Score | None] = {}
    principles: tuple[PrincipleResult, ...] = ()
    steps: tuple[StepResult, ...] = ()
    confidence: Confidence = Confidence(method="none")
    persuasion_gap: Annotated[FiniteFloat, Field(ge=-1.0, le=1.0)] | None = None
    coverage: Coverage = Coverage()
    flags: dict[str, Any] = {}


class EvidenceImage(Envelope):
    """A picture that a tool made. `data` is base64, `sha256` that of the bytes, `name` what it shows."""

    name: str
    media_type: str
    width: int
    height: int
    sha256: str
    data: str


class Evidence(Envelope):
    """One tool result, span or artifact that a verdict can rest on. Offsets are characters in the source."""

    id: str
    kind: Literal["tool_result", "span", "artifact"]
    source: Source
    candidate_ids: tuple[str, ...] = ()
    step_id: str | None = None
    principles: tuple[str, ...] = ()
    tool: str | None = None
    arguments: dict[str, Any] | None = None
    status: ToolStatus | None = None
    output: Any = None
    quote: str | None = None
    offsets: tuple[int, int] | None = None
    sha256: str
    truncated: bool = False
    seconds: float = 0.0
    bearing: Bearing = "none"
    strength: Strength = "hint"
    score: Score | None = None
    reason: str = ""
    images: tuple[EvidenceImage, ...] = ()


class Preference(Envelope):
    winner: str | None = None
    probability: Score | None = None
    consistent: bool | None = None


class Usage(Envelope):
    """What the judgment cost; tokens of useless calls are in it too. Replayed calls are counted apart.

    `estimated_calls` are those whose tokens the server did not tell: what stands here of them is an estimate.
    """

    model_calls: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    useless_calls: int = 0
    estimated_calls: int = 0
    tool_calls: int = 0
    replayed_calls: int = 0
    model_seconds: float = 0.0
    tool_seconds: float = 0.0


class Provenance(Envelope):
    """What judged: enough to judge again, and to see that something changed."""

    schema_version: str = SCHEMA_VERSION
    recipe: str = ""
    recipe_sha256: str = ""
    prompts: dict[str, str] = {}
    model: dict[str, Any] | None = None
    jury: dict[str, dict[str, Any] | None] = {}
    tools: dict[str, str] = {}
    calibration: str | None = None
    principles: dict[str, Any] | None = None
    seed: int = 0
    judge_agent: str = ""


class Judgment(Envelope):
    """The whole record. `seconds` is the time spent judging, without the time in which the service was down."""

    id: str
    object: Literal["judgment"] = "judgment"
    state: State
    created: float
    seconds: float = 0.0
    cached_from: str | None = None
    metadata: dict[str, Any] = {}
    candidates: tuple[CandidateResult, ...] = ()
    ranking: tuple[tuple[str, ...], ...] | None = Field(
        default=None, description="Candidate ids from best to worst; ids in one inner list are tied."
    )
    preference: Preference | None = None
    evidence: tuple[Evidence, ...] = ()
    usage: Usage = Usage()
    provenance: Provenance = Provenance()
    flags: dict[str, Any] = {}
