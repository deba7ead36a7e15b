"""What a recipe asks for around its critiques: evidence, citations, second looks, batches of principles, steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from judge_agent.schema import Envelope

CitationPolicy = Literal["required", "optional", "none"]


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
    one principle asks by the prompt `several`, and each is read by itself; what could not be read is asked again alone.
    `cannot_assess` offers that choice: it leads to no score, with the reason; of several samples, where more make it
    than give a verdict. `blind_pass = "actions"` judges candidates that made calls or handed in artifacts
    twice, first without the agent's own words (prompt `blind`): what these changed is `persuasion_gap`. It is paid from
    what the verdicts leave.
    `score`: a soft principle's is that of the choice, or the mean over what the model might have chosen, where it tells
    log-probabilities (a hard one is a gate, and always the choice's).
    `long_trajectories`: what does not fit the model's window is refused, or indexed into spans that the model lists,
    greps and opens as tools; `coverage` says what was read.
    """

    max_tokens: Annotated[int, Field(ge=16, le=32768)] = 512
    reason_chars: Annotated[int, Field(ge=16, le=8000)] = 400
    max_citations: Annotated[int, Field(ge=1, le=8)] = 2
    cannot_assess: bool = False
    score: Literal["choice", "mean"] = "choice"
    steps_per_call: Annotated[int, Field(ge=1, le=32)] = 4
    criteria_per_call: Annotated[int, Field(ge=1, le=64)] | Literal["all"] = 1
    blind_pass: Literal["none", "actions"] = "none"
    long_trajectories: Literal["refuse", "index"] = "refuse"


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
