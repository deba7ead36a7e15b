"""What was gathered for one candidate: evidence, findings, failures and flags. Pure."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from judge_agent.calls import ToolRun
from judge_agent.context import CanonicalCandidate
from judge_agent.hashing import sha256_of
from judge_agent.prompting.results import output_text
from judge_agent.schema import Evidence, EvidenceImage
from judge_agent.seams.tool import Aside, Finding, ResultImage, Tool
from judge_agent.state import Json

MAX_OUTPUT_CHARS = 8000
MAX_REASON_CHARS = 300


class Found:
    """What was gathered for one candidate."""

    def __init__(self, candidate: CanonicalCandidate, flags: Mapping[str, Any] | None = None) -> None:
        """`flags` are those that the candidate has of earlier nodes."""
        self.candidate = candidate
        self.evidence: list[Json] = []
        self.findings: list[Json] = []
        # Each with the name of its tool and the id of its evidence.
        self.asides: list[tuple[str, str, Aside]] = []
        self.failures: list[Json] = []
        # Tools that broke when the model asked: it is not to ask again.
        self.out_of_order: dict[str, str] = {}
        unavailable = dict((flags or {}).get("tool_unavailable", {}))
        self.flags: Json = {"tool_unavailable": unavailable} if unavailable else {}

    def add(
        self,
        tool: Tool,
        arguments: Mapping[str, Any],
        run: ToolRun,
        principles: Sequence[str],
        written: Mapping[str, Any] | None = None,
        output_chars: int = MAX_OUTPUT_CHARS,
    ) -> None:
        """Take a result over; one that is known already is not taken twice.

        `written`: the arguments as they stand in the record, where they name texts instead of holding them.
        """
        result = run.result
        item = _evidence(self.candidate, tool, arguments, run, principles, output_chars)
        if self.alias_of(item.id) is not None:
            return
        shown = {} if written is None else {"arguments": dict(written)}
        self.evidence.append(item.model_copy(update=shown).model_dump(mode="json"))
        for finding, names in borne_on(result.findings, principles):
            self.findings.append(finding_of(self.candidate, tool.name, item.id, finding, names))
        self.asides += [(tool.name, item.id, aside) for aside in result.asides]
        for name, value in result.flags.items():
            self.flags.setdefault(name, value)
        if result.checked:
            self.flags.setdefault("checked", {})[tool.name] = dict(result.checked)

    def fail(self, tool: Tool, kind: str, reason: str) -> None:
        """A tool that could not say anything: its principles stay open, and the record says why."""
        self.failures.append(
            {
                "candidate_id": self.candidate.id,
                "tool": tool.name,
                "failure_kind": kind,
                "reason": reason[:500],
            }
        )
        self.unavailable(tool.name, kind, reason)

    def unavailable(self, tool: str, kind: str, reason: str) -> None:
        """Flag a tool that was not there when it was wanted; the first reason stands."""
        said = reason if kind == "tool_unavailable" else f"{kind}: {reason}"
        self.flags.setdefault("tool_unavailable", {}).setdefault(tool, said[:MAX_REASON_CHARS])

    def alias_of(self, evidence_id: str) -> str | None:
        """The name (e1, e2, ...) under which prompts show an item; None for one that is not known."""
        ids = [item["id"] for item in self.evidence]
        return f"e{ids.index(evidence_id) + 1}" if evidence_id in ids else None

    def drop(self, evidence_id: str) -> None:
        """Take a result out again; its flags stay."""
        self.evidence = [item for item in self.evidence if item["id"] != evidence_id]
        self.findings = [finding for finding in self.findings if finding["evidence_id"] != evidence_id]

    def count(self, flag: str) -> None:
        self.flags[flag] = self.flags.get(flag, 0) + 1


def evidence_id(tool: Tool, arguments: Mapping[str, Any], candidate: CanonicalCandidate) -> str:
    """Equal calls on equal candidates have equal ids."""
    return "ev_" + sha256_of([tool.name, tool.version, dict(arguments), candidate.sha256])[:12]


def _evidence(
    candidate: CanonicalCandidate,
    tool: Tool,
    arguments: Mapping[str, Any],
    run: ToolRun,
    principles: Sequence[str],
    output_chars: int,
) -> Evidence:
    result = run.result
    text = json.dumps(result.output, ensure_ascii=False, sort_keys=True)
    cut = len(text) > output_chars
    whole = [one for one in result.findings if one.step_id is None and one.handle is None]
    leading = max(whole, key=_weight, default=Finding("none", "hint"))
    return Evidence(
        id=evidence_id(tool, arguments, candidate),
        kind="tool_result",
        source=result.source,
        candidate_ids=(candidate.id,),
        principles=tuple(principles),
        tool=tool.name,
        arguments=dict(arguments),
        status=result.status,
        # What is cut is text, so what no prompt shows must be out of it before.
        output=output_text(result.output)[:output_chars] + " [cut]" if cut else result.output,
        sha256=sha256_of(text),
        truncated=result.truncated or cut,
        seconds=run.seconds,
        bearing=leading.bearing,
        strength=leading.strength,
        score=leading.score,
        reason=leading.reason,
        images=tuple(map(_image, result.images)),
    )


def _image(image: ResultImage) -> EvidenceImage:
    return EvidenceImage(
        name=image.name,
        media_type=image.media_type,
        width=image.width,
        height=image.height,
        sha256=hashlib.sha256(base64.b64decode(image.data)).hexdigest(),
        data=image.data,
    )


def _weight(finding: Finding) -> tuple[int, bool]:
    return ("hint", "strong", "decisive").index(finding.strength), finding.bearing == "refutes"


def borne_on(findings: Sequence[Finding], principles: Sequence[str]) -> list[tuple[Finding, Sequence[str]]]:
    """Each finding with those of the tied principles that it bears on: a handle names the one that it is about."""
    named = {finding.handle for finding in findings} - {None}
    rest = [name for name in principles if name not in named]
    of_handle = {name: [name] for name in principles if name in named}
    return [
        (finding, rest if finding.handle is None else of_handle.get(finding.handle, []))
        for finding in findings
    ]


def finding_of(
    candidate: CanonicalCandidate, tool: str, evidence: str, finding: Finding, principles: Sequence[str]
) -> Json:
    """A finding as the state holds it."""
    return {
        "candidate_id": candidate.id,
        "tool": tool,
        "evidence_id": evidence,
        "principles": list(principles) if finding.step_id is None else [],
        "bearing": finding.bearing,
        "strength": _strength(finding),
        "score": finding.score,
        "reason": finding.reason,
        "step_id": finding.step_id,
    }


def _strength(finding: Finding) -> str:
    """Only a finding that says something can decide: one that bears on nothing and has no score is no 0."""
    says_nothing = finding.bearing == "none" and finding.score is None
    return "strong" if says_nothing and finding.strength == "decisive" else finding.strength
