"""Writes a readable account of one judgment from the log: what was done, what it cost, what decided."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from judge_agent.log.reading import Event, read

MAX_TEXT_CHARS = 2000
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def show(folder: Path, judgment_id: str, *, reasoning: bool = False) -> str | None:
    """Return the account, or None when the log has no such judgment.

    With `reasoning`: also what the judge's model thought and answered, in full. Judged text is shown
    without control characters, so that it cannot drive the terminal that it is read in.
    """
    events = sorted(read(folder, judgment_id), key=lambda event: event.time)
    if not events:
        return None
    began = events[0].time
    when = f"{datetime.fromtimestamp(began, UTC):%Y-%m-%d %H:%M:%S} UTC"
    lines = [f"judgment {judgment_id}  tenant {events[0].tenant}  {when}"]
    for event in events:
        lines += [f"  +{event.time - began:8.3f}s  {line}" for line in _told(event)]
        if reasoning and event.type == "model.call":
            lines += [f"      | {line}" for line in _model_words(event.contents.get("answer"))]
    done = next((event for event in reversed(events) if event.type == "judgment.done"), None)
    if done is not None:
        lines += ["", *_outcome(done)]
    return "\n".join(harmless(line) for line in lines) + "\n"


def harmless(text: str) -> str:
    """Return the text with control and direction characters made visible."""
    return _CONTROL.sub(lambda match: f"\\x{ord(match.group()):02x}", text)


def _told(event: Event) -> Iterator[str]:
    """One line of an event, and the details that its type is read for."""
    place = f" in {event.node}" if event.node else ""
    fields = dict(event.fields)
    candidates = fields.get("candidates")
    if event.type.endswith(".call") and isinstance(candidates, list):
        place += f" for {', '.join(map(str, candidates))}"
    if event.type == "model.call":
        yield f"model call{place}: {_model_call(fields)}"
    elif event.type == "tool.call":
        yield f"tool call{place}: {_tool_call(fields, event.contents)}"
        yield from (f"    {line}" for line in _findings(event.contents.get("answer")))
    elif event.type == "judgment.done":
        yield f"done: {fields.get('state', '')} after {fields.get('seconds', 0):.3f}s of judging"
    else:
        yield f"{event.type}{place}{': ' if fields else ''}{_brief(fields)}"


def _model_call(fields: Mapping[str, Any]) -> str:
    if fields.get("failure_kind"):
        return f"FAILED, {fields['failure_kind']}, {_seconds(fields)}"
    usage = fields.get("usage") or {}
    tokens = ", ".join(f"{count} {name}" for name, count in usage.items() if isinstance(count, int) and count)
    return f"{tokens or 'no'} tokens, {_seconds(fields)}"


def _tool_call(fields: Mapping[str, Any], contents: Mapping[str, Any]) -> str:
    call = contents.get("call") if isinstance(contents.get("call"), dict) else contents
    name = (call or {}).get("tool") or fields.get("tool") or ""
    status = fields.get("status") or fields.get("failure_kind") or "?"
    return f"{name} {status}, {_seconds(fields)}".strip()


def _seconds(fields: Mapping[str, Any]) -> str:
    seconds = fields.get("seconds")
    told = f"{seconds:.3f}s" if isinstance(seconds, (int, float)) else "no time known"
    return f"{told}, from the journal" if fields.get("replayed") else told


def _findings(answer: Any) -> Iterator[str]:
    findings = answer.get("findings") if isinstance(answer, dict) else None
    for finding in findings if isinstance(findings, list) else ():
        if isinstance(finding, dict):
            step = f" step {finding['step_id']}" if finding.get("step_id") else ""
            told = f"{finding.get('strength')} {finding.get('bearing')}{step}: {finding.get('reason', '')}"
            yield _short(told)


def _model_words(answer: Any) -> Iterator[str]:
    """What the model thought and said, choice by choice."""
    if answer is None:
        yield "(redacted, or not logged)"
    choices = answer.get("choices") if isinstance(answer, dict) else None
    for index, choice in enumerate(choices if isinstance(choices, list) else ()):
        for what in ("reasoning", "content"):
            if isinstance(choice, dict) and choice.get(what):
                yield f"choice {index + 1}, {what}:"
                yield from (f"  {line}" for line in str(choice[what]).splitlines())


def _outcome(done: Event) -> Iterator[str]:
    """The verdicts, candidate by candidate: from the judgment itself, or from the facts where it is redacted."""
    judgment = done.contents.get("judgment")
    candidates = judgment.get("candidates") if isinstance(judgment, dict) else None
    if not isinstance(candidates, list):
        yield "the judgment's content is redacted; its facts:"
        candidates = done.fields.get("candidates") or []
    for candidate in candidates:
        yield from _candidate(candidate)
    usage = {name: count for name, count in (done.fields.get("usage") or {}).items() if count}
    yield f"usage: {_brief(usage)}"
    if isinstance(judgment, dict) and judgment.get("flags"):
        yield f"flags: {_brief(judgment['flags'])}"


def _candidate(candidate: Mapping[str, Any]) -> Iterator[str]:
    why = (
        f" ({candidate['failure_kind']}: {candidate.get('failure_reason')})"
        if candidate.get("failure_kind")
        else ""
    )
    yield (
        f"candidate {candidate.get('id')}: {candidate.get('status')}{why}  reward {candidate.get('reward')}  "
        f"passed {candidate.get('passed')}"
    )
    if candidate.get("vector"):
        yield f"  vector {_brief(candidate['vector'])}"
    for principle in candidate.get("principles") or ():
        yield _short(f"  {_principle(principle)}")
    for step in candidate.get("steps") or ():
        first = "  <- first error" if step.get("first_error") else ""
        judged = f"{step.get('label')}{_number(step.get('score'))}{first}"
        yield _short(f"  step {step.get('step_id')}: {judged}  {step.get('reason', '')}")
    if candidate.get("flags"):
        yield f"  flags {_brief(candidate['flags'])}"


def _number(score: Any) -> str:
    return "" if score is None else f" {score}"


def _principle(principle: Mapping[str, Any]) -> str:
    decided = principle.get("decided_by") or principle.get("failure_kind") or "nothing"
    cited = ", ".join(str(citation.get("evidence_id")) for citation in principle.get("citations") or ())
    what = f"{principle.get('kind')} {principle.get('name')} [{principle.get('dimension')}]"
    why = principle.get("reason") or principle.get("failure_reason") or ""
    return f"{what} = {principle.get('score')}  decided by {decided}{f' ({cited})' if cited else ''}: {why}"


def _brief(fields: Mapping[str, Any]) -> str:
    told = ", ".join(
        f"{name}={_value(value)}" for name, value in fields.items() if value not in (None, "", [], {})
    )
    return _short(told)


def _value(value: Any) -> str:
    if isinstance(value, dict):
        value = {name: item for name, item in value.items() if item not in (0, None)}
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _short(text: str) -> str:
    line = " ".join(text.split()) if "\n" in text else text
    return line if len(line) <= MAX_TEXT_CHARS else f"{line[:MAX_TEXT_CHARS]} ... ({len(line)} characters)"
