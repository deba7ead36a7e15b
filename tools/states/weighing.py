"""What a report of the records weighs: the findings on the candidate and its steps, and what evidence shows of it."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from judge_agent.schema import Strength
from judge_agent.seams.tool import Finding, ToolResult
from tools.states.claiming import Checked
from tools.states.comparing import Difference
from tools.states.report import Report

MAX_LISTED = 30
MAX_VALUE_CHARS = 300


def result_of(report: Report, *, wanted: bool) -> ToolResult:
    """The result of judging. `wanted`: an end state was asked for, not only what claims are worth."""
    findings = [_of_all(report, wanted), *_of_steps(report)]
    outcomes = Counter(call.outcome for call in report.calls)
    sure = [claim for claim in report.claims if claim.sure]
    return ToolResult(
        "ok",
        _output(report),
        tuple(findings),
        truncated=len(report.differences or ()) > MAX_LISTED or len(report.calls) > MAX_LISTED,
        checked={
            "writing_calls": outcomes["done"],
            "failed_calls": outcomes["failed"],
            "claims": sum(claim.holds is not None for claim in sure),
        },
        flags=_flags(report),
    )


def _flags(report: Report) -> dict[str, Any]:
    """What kept the check from deciding."""
    flags: dict[str, Any] = {}
    if report.undecided is not None:
        flags["state_not_decided"] = report.undecided[:300]
    if doubts := [claim for claim in report.claims if claim.leaves_doubt]:
        flags["claims_not_decided"] = _doubt(doubts[0])
    if in_doubt := sum(found == "in_doubt" for found in report.said.values()):
        flags["telling_not_decided"] = in_doubt
    return flags


def _of_all(report: Report, wanted: bool) -> Finding:
    """The finding on the whole candidate: what the principle rests on."""
    claims = [claim for claim in report.claims if claim.sure]
    contradicted = [claim for claim in claims if claim.holds is False and claim.strength != "hint"]
    sure = next((claim for claim in contradicted if claim.strength == "decisive"), None)
    missing = sum(found == "not_said" for found in report.said.values())
    if report.differences:
        kinds = Counter(difference.kind for difference in report.differences)
        told = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
        return Finding("refutes", "decisive", 0.0, f"the records do not end as required: {told}")
    if missing:
        reason = f"{missing} of {len(report.said)} things that had to be told were not told"
        return Finding("refutes", "decisive", 0.0, reason)
    if sure is not None:
        return Finding("refutes", "decisive", 0.0, _contradiction(sure))
    if report.undecided is not None:
        return Finding("none", "hint", None, f"what the calls did cannot be told: {report.undecided}"[:500])
    if contradicted:
        return Finding("refutes", "strong", None, _contradiction(contradicted[0]))
    if "in_doubt" in report.said.values():
        return Finding("none", "hint", None, "whether something that had to be told was told is in doubt")
    doubts = [claim for claim in report.claims if claim.leaves_doubt]
    if doubts:
        return Finding("none", "hint", None, _doubt(doubts[0]))
    if not wanted:
        held = sum(claim.holds is True for claim in claims)
        return Finding("confirms" if held else "none", "hint", None, f"{held} claims about records hold")
    if not report.ended:
        return Finding(
            "none", "hint", None, "the trajectory stops before its end; the records are as required so far"
        )
    return Finding("confirms", "decisive", 1.0, _confirmation(report))


def _confirmation(report: Report) -> str:
    done = sum(call.outcome == "done" for call in report.calls)
    ends = (
        [f"after {done} writing calls the records end as required"] if report.differences is not None else []
    )
    told = [f"all {len(report.said)} things that had to be told were told"] if report.said else []
    return "; ".join([*ends, *told])


def _of_steps(report: Report) -> list[Finding]:
    """Steps that last wrote what is not as required, and steps with contradicted claims: never decisive, for what came
    before may be what was wrong.
    """
    found: dict[str, Finding] = {}
    for difference in report.differences or ():
        if difference.by is not None:
            reason = "what this step wrote is not as required at the end"
            found.setdefault(difference.by, Finding("refutes", "strong", None, reason, difference.by))
    for claim in report.claims:
        if claim.sure and claim.holds is False and claim.step_id:  # An answer without messages is of no step.
            strength: Strength = "hint" if claim.strength == "hint" else "strong"
            finding = Finding("refutes", strength, None, _contradiction(claim), claim.step_id)
            found.setdefault(claim.step_id, finding)
    return list(found.values())


def _contradiction(claim: Checked) -> str:
    return f"the records contradict what step {claim.step_id} tells ({claim.name}): {claim.said!r}"


def _doubt(claim: Checked) -> str:
    if not claim.sure:
        why = "it may be no claim, and is not so by the records"
    else:
        why = f"it cannot be checked: {claim.problem}"
    return f"what step {claim.step_id} tells ({claim.name}) is in doubt, {claim.said!r}: {why}"[:300]


def _output(report: Report) -> dict[str, Any]:
    """What evidence shows. What is under `reference_only` is for the caller and no prompt holds it."""
    output: dict[str, Any] = {
        "calls": [
            {
                "step_id": call.step_id,
                "name": call.name,
                "outcome": call.outcome,
                "message": call.message[:200],
            }
            for call in report.calls[:MAX_LISTED]
        ],
        "claims": [_told_claim(claim) for claim in report.claims if claim.sure][:MAX_LISTED],
    }
    if unsure := [claim for claim in report.claims if not claim.sure and claim.leaves_doubt]:
        output["may_be_claims"] = [_told_claim(claim) for claim in unsure[:MAX_LISTED]]
    if report.undecided is not None:
        output["undecided"] = report.undecided[:500]
    if report.differences is not None:
        output["differences"] = [_told(one) for one in report.differences[:MAX_LISTED]]
    if report.said:
        output["reference_only"] = {"said": report.said}
    return output


def _told(difference: Difference) -> dict[str, Any]:
    return {
        "kind": difference.kind,
        "step_id": difference.by,
        "found": _short(difference.found),
        # A place that only the reference has would name what it wants.
        "reference_only": {"pointer": difference.pointer, "wanted": _short(difference.wanted)},
    }


def _told_claim(claim: Checked) -> dict[str, Any]:
    told: dict[str, Any] = {
        "step_id": claim.step_id,
        "name": claim.name,
        "said": claim.said,
        "holds": claim.holds,
    }
    return told | ({"problem": claim.problem[:200]} if claim.problem else {})


def _short(value: Any) -> Any:
    text = json.dumps(value, ensure_ascii=False)
    return value if len(text) <= MAX_VALUE_CHARS else text[:MAX_VALUE_CHARS] + " [cut]"
