"""What the model is shown of one candidate: fenced blocks, and the sources that a critique may cite.

Every turn begins with its span id at the line's start and continues indented, so a text inside a turn
cannot write a turn of its own. The policy's hidden reasoning is left out unless it is asked for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from judge_agent.prompting.evidence_images import evidence_album, noted
from judge_agent.prompting.fences import fence, neutralise
from judge_agent.prompting.fences import indented as indented
from judge_agent.prompting.images import Album, album, artifact_part, is_image, turn_unseen, unseen
from judge_agent.prompting.results import evidence_block, output_text, result_text
from judge_agent.schema import Bearing, ContentPart, Evidence, Message, Source, Strength, Task, Trajectory
from judge_agent.seams.model import Image
from judge_agent.trajectory import Transcript, Turn, read, text_of, text_of_parts

_OUR_LINE = re.compile(
    r"^(?=\[(?:[aems]\d|(?:final|task|reference|system|developer|user|assistant|tool)\b))", re.MULTILINE
)
_THOUGHT_BEGINS = re.compile(r"\s*+<(?:think|thinking)>", re.IGNORECASE)
_THOUGHT_OPENS = re.compile(r"<(?:think|thinking)>", re.IGNORECASE)
_THOUGHT_ENDS = re.compile(r"</(?:think|thinking)>\s*+", re.IGNORECASE)

LAST = 10**9
NO_ACTION = "(no call; what the agent said is left out)"


@dataclass(frozen=True)
class CitableSource:
    """A text that a critique may quote. `supports` is false for the task: what was asked proves nothing done.

    `position` is the turn that it was written in; what tools found comes after them all. `bearing` is None for
    a result that only informs.
    """

    alias: str
    source: Source
    shown: str
    supports: bool = True
    evidence_id: str | None = None
    step_id: str | None = None
    position: int = LAST
    tool: str | None = None
    bearing: Bearing | None = None
    strength: Strength = "hint"
    images: tuple[str, ...] = ()


@dataclass(frozen=True)
class Part:
    """One piece of the trajectory's block: a turn, an artifact, the final answer. `text` None: the heading is all.

    `answers` is the span id of the turn whose call a tool result answers, `images` the names of the pictures in the
    text. An `unseen` turn is pictures alone, and none of them is shown.
    """

    alias: str
    heading: str
    text: str | None
    step_id: str | None = None
    answers: str | None = None
    images: tuple[str, ...] = ()
    unseen: bool = False

    @property
    def is_turn(self) -> bool:
        return self.alias.startswith("m")

    def with_text(self, text: str | None) -> Part:
        return replace(self, text=text)

    @property
    def line(self) -> str:
        return self.heading if self.text is None else f"{self.heading}: {indented(self.text)}"


class Opened(NamedTuple):
    """What of a trajectory is shown. `share` is of its characters, from 0 to 1; relevant spans are in `spans.py`."""

    spans: int
    read: tuple[str, ...]
    share: float
    relevant_unread: tuple[str, ...]


@dataclass(frozen=True)
class Material:
    """The blocks of one candidate's prompts, its citable sources by alias, and what was not shown.

    `images` go beside the text, by the aliases that stand in it. `parts` are what the trajectory's block was made
    of, `results` what tools found. `unseen` says why the candidate cannot be judged by this model: all that it gave is
    images. `opened` is there where not all of the trajectory is shown: which of its spans are.
    """

    task: str
    trajectory: str
    evidence: str
    reference: str
    sources: Mapping[str, CitableSource]
    unread: tuple[str, ...] = ()
    step_aliases: Mapping[str, str] = field(default_factory=dict)
    images: Mapping[str, Image] = field(default_factory=dict)
    parts: tuple[Part, ...] = ()
    unseen: str | None = None
    task_images: tuple[str, ...] = ()
    opened: Opened | None = None
    results: tuple[Evidence, ...] = ()


def task_block(task: Task, pictures: Album) -> str:
    """The task between fences: its prompt, then its messages, with the names of its pictures."""
    return fence("TASK", _task_text(task, pictures))


def material(
    task: Task,
    trajectory: Trajectory,
    evidence: Sequence[Evidence],
    *,
    show_reference: bool = True,
    reference_sql: bool = False,
    hidden_reasoning: bool = False,
    pictures: Album | None = None,
    slot: str = "",
    account: bool = True,
) -> Material:
    """Build what the model is shown of a candidate; nothing in it depends on the candidate's id or its peers.

    `pictures` are those of this task and trajectory; without them none is shown. `slot` is the name under which it
    is shown beside others (A, 1, model-1). With `reference_sql` the reference's query is shown, too. Without the
    `account` the agent's own words are left out, its final answer among them: of its turns the calls stay, and so do
    results, artifacts and what others said.
    """
    transcript = read(trajectory)
    pictures = pictures or album(task, trajectory, seen=False)
    skip = _turns_of_the_task(task, transcript)
    shown = {turn.span_id: _turn_text(turn, hidden_reasoning, pictures) for turn in transcript.turns}
    if not account:
        shown |= {turn.span_id: _acted(turn) for turn in transcript.turns if turn.role == "assistant"}
    aliases = {step.id: f"s{index + 1}" for index, step in enumerate(transcript.steps)}
    task_text = _task_text(task, pictures)
    sources = {"task": CitableSource("task", "observation", task_text, supports=False)}
    acted = False
    for position, turn in enumerate(transcript.turns):
        acted = acted or turn.role == "assistant"
        source: Source = "claim" if turn.role == "assistant" else "observation"
        # What comes before the agent's first turn is the task, whatever it is called; a result that no call
        # produced is nobody's observation.
        orphan = turn.role == "tool" and turn.answers is None
        sources[turn.span_id] = CitableSource(
            turn.span_id,
            source,
            shown[turn.span_id],
            step_id=turn.step_id,
            supports=acted and turn.role != "system" and not orphan,
            position=position,
        )
    for index, artifact in enumerate(trajectory.artifacts):
        seen = artifact_part(artifact) is not None
        content = pictures.mark(f"a{index}", 0) if seen else neutralise(artifact.content)
        sources[f"a{index}"] = CitableSource(f"a{index}", "claim", content)
    final_answer = trajectory.final_answer if account else None
    if final_answer is not None and not _said_already(final_answer, transcript):
        final = _spoken(final_answer, hidden_reasoning)
        sources["final"] = CitableSource("final", "claim", final)
    made = evidence_album(evidence, pictures, slot)
    for index, item in enumerate(evidence):
        alias = f"e{index + 1}"
        # A call that was refused, failed or timed out is worth knowing, and proves nothing.
        sources[alias] = CitableSource(
            alias,
            item.source,
            noted(_evidence_text(item), made.marks[index]),
            supports=item.status == "ok" and item.bearing != "refutes",
            evidence_id=item.id,
            tool=item.tool,
            bearing=item.bearing if item.reason else None,
            strength=item.strength,
            images=made.names[index],
        )
    reference = _reference_text(task, reference_sql) if show_reference else ""
    if reference:
        sources["reference"] = CitableSource("reference", "observation", reference, supports=False)
    parts = tuple(_parts(trajectory, transcript, sources, aliases, skip, pictures))
    return Material(
        task=fence("TASK", task_text),
        trajectory=trajectory_block([part.line for part in parts], slot),
        evidence=evidence_block(
            [(name, one.shown) for name, one in sources.items() if one.evidence_id], slot
        ),
        reference=f"\n{fence('REFERENCE', reference)}\n" if reference else "",
        sources=sources,
        unread=(*_unread(trajectory, transcript, hidden_reasoning, pictures), *made.unread),
        step_aliases=aliases,
        images={**pictures.images, **made.images},
        parts=parts,
        unseen=unseen(trajectory, transcript, pictures),
        task_images=pictures.names("t"),
        results=tuple(evidence),
    )


def trajectory_block(lines: Sequence[str], slot: str = "") -> str:
    """A trajectory's lines, already neutralised, between fences."""
    mark = f" {slot}" if slot else ""
    return fence("TRAJECTORY" + mark, "\n".join(lines) or "(the agent did and said nothing)")


def _said_already(final_answer: str, transcript: Transcript) -> bool:
    """Whether the final answer is the agent's last turn, which is shown anyhow."""
    return bool(transcript.steps) and transcript.steps[-1].turn.text == final_answer


def _task_text(task: Task, pictures: Album) -> str:
    lines = [_as_text(task.prompt)] if task.prompt else []
    for index, message in enumerate(task.messages):
        parts = message.content if isinstance(message.content, tuple) else ()
        said = text_of_parts(parts, _named(pictures, f"t{index}", parts)) if parts else text_of(message)
        text = _spoken(said, hidden_reasoning=message.role != "assistant")
        lines.append(f"[{message.role}]: {indented(text)}")
    return "\n".join(lines)


def _as_text(text: str) -> str:
    """A text that begins a block stays as it is (code keeps its columns), but for lines in the form of ours."""
    return _OUR_LINE.sub("    ", neutralise(text))


def _turns_of_the_task(task: Task, transcript: Transcript) -> int:
    """How many leading turns only repeat the task, so that they are not shown twice."""
    told = [(text_of(message), _pictured(message)) for message in task.messages] or [(task.prompt, ())]
    turns = transcript.turns
    if len(turns) >= len(told) and all(
        (turn.text, turn.parts) == said and turn.role != "assistant"
        for turn, said in zip(turns, told, strict=False)
    ):
        return len(told)
    return 0


def _pictured(message: Message) -> tuple[ContentPart, ...]:
    """A message's parts where pictures are among them: two texts may be equal and show different ones."""
    parts = message.content if isinstance(message.content, tuple) else ()
    return parts if any("image" in part.type for part in parts) else ()


def without_thought(text: str) -> tuple[str, bool]:
    """Split the hidden reasoning off an assistant text; the flag says whether there was any.

    It is a leading `<think>` block, up to the end where it was cut off. Chat templates that write the
    opening tag themselves leave the closing one alone: then all before it is reasoning.
    """
    begins = _THOUGHT_BEGINS.match(text)
    end = _THOUGHT_ENDS.search(text) if "<" in text and "</" in text else None
    if end and (begins or not _THOUGHT_OPENS.search(text, 0, end.start())):
        while end and (begins := _THOUGHT_BEGINS.match(text, at := end.end())):  # some think again at once
            end = _THOUGHT_ENDS.search(text, begins.end())
        return (text[at:] if end else ""), True
    return ("", True) if begins else (text, False)


def _spoken(text: str, hidden_reasoning: bool) -> str:
    """What of an agent's text is shown: all of it, or all but its hidden reasoning."""
    return neutralise(text if hidden_reasoning else without_thought(text)[0])


def _named(pictures: Album, where: str, parts: Sequence[ContentPart]) -> Callable[[int], str | None]:
    """What stands in a text for its pictures."""
    return lambda index: pictures.mark(where, index) if is_image(parts[index]) else None


def _turn_text(turn: Turn, hidden_reasoning: bool, pictures: Album) -> str:
    said = text_of_parts(turn.parts, _named(pictures, turn.span_id, turn.parts)) if turn.parts else turn.text
    text = _spoken(said, hidden_reasoning or turn.role != "assistant")
    lines = [text] if text else []
    if hidden_reasoning and turn.reasoning:
        lines.insert(0, f"(reasoning) {neutralise(turn.reasoning)}")
    return "\n".join([*lines, *_calls(turn)])


def _calls(turn: Turn) -> list[str]:
    return [
        f"(call) {neutralise(call.name)}({neutralise(_arguments(call.arguments, call.raw_arguments))})"
        for call in turn.calls
    ]


def _acted(turn: Turn) -> str:
    """What an agent's turn did, without what it said."""
    return "\n".join(_calls(turn)) or NO_ACTION


def _arguments(parsed: Mapping[str, Any] | None, raw: str) -> str:
    return raw if parsed is None else json.dumps(parsed, ensure_ascii=False)


def _parts(
    trajectory: Trajectory,
    transcript: Transcript,
    sources: Mapping[str, CitableSource],
    aliases: Mapping[str, str],
    skip: int,
    pictures: Album,
) -> Iterator[Part]:
    if trajectory.tools:
        yield Part("", "Tools of the agent", "; ".join(_signature(tool) for tool in trajectory.tools))
    if skip:
        yield Part("", f"[m0-m{skip - 1}] (the task, as above)", None)
    for turn in transcript.turns[skip:]:
        shown = sources[turn.span_id].shown
        asker = turn.answers.partition(".")[0] if turn.answers else None
        yield Part(
            turn.span_id,
            _heading(turn, aliases),
            shown,
            turn.step_id,
            asker,
            pictures.names(turn.span_id),
            unseen=turn_unseen(turn, pictures),
        )
    for index, artifact in enumerate(trajectory.artifacts):
        name = f"[a{index}] artifact {indented(neutralise(artifact.name))} ({artifact.kind})"
        yield Part(f"a{index}", name, sources[f"a{index}"].shown, images=pictures.names(f"a{index}"))
    if "final" in sources:
        yield Part("final", "[final] final answer", sources["final"].shown)


def _heading(turn: Turn, aliases: Mapping[str, str]) -> str:
    if turn.step_id is not None:
        return f"[{turn.span_id}] agent, step {aliases[turn.step_id]}"
    name = f" of {neutralise(turn.name)[:64]}" if turn.name and turn.role == "tool" else ""
    label = {"system": "instructions", "user": "user", "tool": f"tool result{name}"}.get(turn.role, turn.role)
    return f"[{turn.span_id}] {indented(label)}"


def _signature(tool: Mapping[str, Any]) -> str:
    inner = tool.get("function")
    function: Mapping[str, Any] = inner if isinstance(inner, dict) else tool
    parameters = (
        function.get("parameters") or function.get("input_schema") or function.get("inputSchema") or {}
    )
    names = parameters.get("properties") if isinstance(parameters, dict) else None
    listed = ", ".join(map(str, names)) if isinstance(names, dict) else ""
    return neutralise(f"{function.get('name', '?')}({listed})").replace("\n", " ")


def _evidence_text(item: Evidence) -> str:
    return result_text(
        item.tool or "", item.arguments or {}, item.status or "", item.reason, output_text(item.output)
    )


def _reference_text(task: Task, with_sql: bool) -> str:
    reference = task.reference
    parts = [part for part in (reference.answer, reference.solution, with_sql and reference.sql) if part]
    return _as_text("\n".join(parts))


def _unread(
    trajectory: Trajectory, transcript: Transcript, hidden_reasoning: bool, pictures: Album
) -> tuple[str, ...]:
    """Name what the prompts leave out, so that nothing is left out in silence."""
    unread = []
    if trajectory.tools:
        unread.append("tools: schemas are shown as signatures")
    unread += pictures.unread
    thoughts = (
        sum(
            bool(turn.reasoning) or without_thought(turn.text)[1]
            for turn in transcript.turns
            if turn.role == "assistant"
        )
        + without_thought(trajectory.final_answer or "")[1]
    )
    if thoughts and not hidden_reasoning:
        unread.append(f"hidden reasoning: {thoughts} turns left out")
    return tuple(unread)


def task_from_trajectories(trajectories: Sequence[Trajectory]) -> tuple[Message, ...] | None:
    """The system and user messages that every trajectory begins with; None when they begin differently."""
    leads = [_lead(trajectory) for trajectory in trajectories]
    return leads[0] if leads and leads[0] and all(lead == leads[0] for lead in leads) else None


def _lead(trajectory: Trajectory) -> tuple[Message, ...]:
    lead = []
    for message in trajectory.messages:
        if message.role not in ("system", "developer", "user"):
            break
        lead.append(message)
    return tuple(lead)
