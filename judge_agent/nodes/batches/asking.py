"""What every kind of batch is given, and how it asks: an answer that cannot be used is asked for once more."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from judge_agent.calls import ModelCall
from judge_agent.context import CanonicalCandidate, JudgeContext
from judge_agent.errors import JudgeError, ModelError, to_keep
from judge_agent.model_calls import BYTES_PER_TOKEN
from judge_agent.prompting.images import with_images
from judge_agent.prompting.material import Material
from judge_agent.prompting.notes import asked_again
from judge_agent.prompting.pages import Page, shortened
from judge_agent.readouts import read_object
from judge_agent.recipes import Batch
from judge_agent.seams.model import ChatMessage, Choice
from judge_agent.state import Json

TRIES = 2
NOTE_TOKENS = 128
_AGAIN = ("model_unparseable", "evidence_unsupported")
T = TypeVar("T")


class Unsupported(JudgeError):
    """What was said rests on a quote that does not stand where it is said to."""

    failure_kind = "evidence_unsupported"


@dataclass(frozen=True)
class Sitting:
    """One sample of a batch: the principles that it is of, and what the model may be shown."""

    context: JudgeContext
    candidate: CanonicalCandidate
    shown: Material
    principles: Sequence[Json]
    sample: int

    @property
    def batch(self) -> Batch:
        """The recipe's settings."""
        assert self.context.recipe.batch is not None
        return self.context.recipe.batch

    def pages(self, pages: Sequence[Page], about: str) -> list[Page]:
        """Pages as far as half of the window has room for them; of long ones what is nearest to the words `about`."""
        return shortened(pages, self.context.calls.context_window * BYTES_PER_TOKEN // 2, about)

    async def ask(
        self,
        name: str,
        part: int,
        values: Mapping[str, str],
        schema: Json,
        read: Callable[[Mapping[str, Any]], T],
        *,
        shared: bool = False,
    ) -> T:
        """Ask by the prompt `name`, for the items of one `part`. Raises JudgeError; what `read` raises is told.

        `shared`: the question is of the task alone, and asked once for all of its candidates.
        """
        problem: JudgeError | None = None
        for attempt in range(TRIES):
            node = f"critique/{self.batch.kind}/{name}/{part}/{self.sample}/{attempt}"
            try:
                answer = await self._answer(node, name, values, schema, problem, shared)
                with self.context.calls.useless_unless_read():
                    return read(read_object(answer, verdict=tuple(schema["required"])))
            except JudgeError as error:
                problem = to_keep(error)
                if error.failure_kind not in _AGAIN:
                    break
        assert problem is not None
        try:
            raise problem
        finally:
            del problem  # this frame is among those that it comes through

    async def fits(self, name: str, values: Mapping[str, str]) -> bool:
        """Whether the window has room for the question and the note that asks it again. Raises JudgeError."""
        calls = self.context.calls
        needed = await calls.count_tokens(self._messages(name, values)) + NOTE_TOKENS
        return needed + calls.max_tokens(self.batch.max_tokens) <= calls.context_window

    def _messages(self, name: str, values: Mapping[str, str]) -> tuple[ChatMessage, ...]:
        template = self.context.prompts.load(self.batch.prompts[name])
        known = {
            "task": self.shown.task,
            "trajectory": self.shown.trajectory,
            "evidence": self.shown.evidence,
            "reference": self.shown.reference,
            **values,
        }
        messages = template.render({key: known[key] for key in template.variables})
        images = self.shown.images
        if "trajectory" not in template.variables:
            # What is asked of the task alone must not hang on the candidate that it is asked for.
            images = {name: images[name] for name in self.shown.task_images}
        return with_images(messages, images)

    async def _answer(
        self,
        node: str,
        name: str,
        values: Mapping[str, str],
        schema: Json,
        problem: JudgeError | None,
        shared: bool,
    ) -> Choice:
        calls = self.context.calls
        messages = self._messages(name, values)
        if problem is not None:
            messages = asked_again(messages, problem)
        room = calls.max_tokens(self.batch.max_tokens)
        if await calls.count_tokens(messages) + room > calls.context_window:
            window = calls.window_said
            raise ModelError(
                "input_too_large",
                f"what the prompt {name!r} shows does not fit the model's window of {window}",
            )
        temperature = 0.0 if shared else self.context.temperature
        completion = await calls.model(ModelCall(node, messages, schema, room, temperature, shared=shared))
        return completion.choices[0]


class Outcome(NamedTuple):
    """Critiques by the name of their principle, without candidate and sample, and the spans that they quote."""

    critiques: Mapping[str, Json]
    spans: Sequence[Json] = ()
    flags: Mapping[str, Any] = {}


def last_of(flags: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The flags of the last sample that has any; samples differ in them only where they are of the sample."""
    return dict(next((one for one in reversed(flags) if one), {}))


class BatchKind(NamedTuple):
    """Which principles a kind takes, how it judges them, and what the flags of its samples come to.

    `judged` raises JudgeError.
    """

    takes: Callable[[Json], bool]
    judged: Callable[[Sitting], Awaitable[Outcome]]
    told: Callable[[Sequence[Mapping[str, Any]]], dict[str, Any]] = last_of


def flags_of(pages: Sequence[Page]) -> dict[str, Any]:
    """What the record says of the pages that were shown."""
    return {"pages": {"shown": len(pages), "cut": sum(page.cut for page in pages)}}


def object_of(properties: Mapping[str, Any]) -> Json:
    """The schema of an object with exactly these keys, in their order."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def list_of(item: Mapping[str, Any], count: int) -> Json:
    """The schema of a list of exactly so many items."""
    return {"type": "array", "items": dict(item), "minItems": count, "maxItems": count}


def text_of(context: JudgeContext, most: int, least: int = 0) -> Json:
    """The schema of a text of at most so many characters, as far as the model can write them."""
    return {"type": "string", "minLength": least, "maxLength": context.calls.text_chars(most)}


def parts_of(items: Sequence[T], size: int) -> list[Sequence[T]]:
    """Items in runs of at most `size`."""
    return [items[at : at + size] for at in range(0, len(items), size)]
