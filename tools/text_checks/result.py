"""What the checks of a text come to: each by its handle, and all of them together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from judge_agent.errors import ToolError
from judge_agent.schema.text_checks import TextCheck
from judge_agent.seams.tool import Finding, ToolResult
from tools.text_checks.boxed import Checked
from tools.text_checks.named_texts import FINAL


class Done:
    """A check with its handle and what it came to."""

    def __init__(self, handle: str, check: TextCheck, outcome: Checked) -> None:
        self.handle, self.check, self.outcome = handle, check, outcome

    @property
    def reason(self) -> str:
        wanted = _range(self.check)
        return f"{self.handle} ({self.check.check}{wanted}): {self.outcome.verdict}, {self.outcome.told}"

    @property
    def finding(self) -> Finding:
        if self.outcome.verdict == "undecided":
            return Finding("none", "hint", None, self.reason, handle=self.handle)
        passed = self.outcome.verdict == "pass"
        bearing: Literal["confirms", "refutes"] = "confirms" if passed else "refutes"
        return Finding(bearing, "decisive", float(passed), self.reason, handle=self.handle)


def _range(check: TextCheck) -> str:
    """The range of a count, as it may be shown: phrases, patterns and schemas are the reference's."""
    if check.exactly is not None:
        return f" exactly {check.exactly}"
    parts = [
        f" {name} {value}" for name, value in (("min", check.min), ("max", check.max)) if value is not None
    ]
    return "".join(["" if not check.negate else " not", *parts])


def _require_packages(found: Sequence[Done]) -> None:
    """Raise ToolError where a check needs what the box lacks, and no other check refutes the text anyhow."""
    missing = sorted({done.outcome.missing for done in found if done.outcome.missing})
    if missing and not any(done.outcome.verdict == "fail" for done in found):
        raise ToolError(
            f"check_text needs {missing[0]!r} in its box: pip install 'judge-agent[service,tools]', in boxes that can "
            "hold it (JUDGE_SANDBOX=namespaces)"
        )


def result_of(found: Sequence[Done], score: Literal["pass_fail", "fraction"]) -> ToolResult:
    """The result. Raises ToolError where a check lacks a package that it needs."""
    _require_packages(found)
    of_all = _of_all(found, score)
    listed = [
        {
            "id": done.handle,
            "check": done.check.check,
            "text": done.check.text or FINAL,
            "outcome": done.outcome.verdict,
            "found": done.outcome.told,
        }
        for done in found
    ]
    undecided = [done.reason[:200] for done in found if done.outcome.verdict == "undecided"]
    flags = {"text_checks_not_decided": undecided[:10]} if undecided else {}
    decided = len(found) - len(undecided)
    output = {"summary": of_all.reason, "checks": listed}
    counted = {"text_checks": len(found), "text_checks_decided": decided}
    return ToolResult("ok", output, (of_all, *(done.finding for done in found)), checked=counted, flags=flags)


def _of_all(found: Sequence[Done], score: Literal["pass_fail", "fraction"]) -> Finding:
    """What the checks say together: one that fails fails all, or the share by weight of those that pass."""
    verdicts = [done.outcome.verdict for done in found]
    counts = ", ".join(
        f"{verdicts.count(one)} {one}" for one in ("pass", "fail", "undecided") if one in verdicts
    )
    failed = next((done.reason for done in found if done.outcome.verdict == "fail"), "")
    told = f"{len(found)} checks: {counts}" + (f"; {failed}" if failed else "")
    if score == "pass_fail" and "fail" in verdicts:
        return Finding("refutes", "decisive", 0.0, told)
    if "undecided" in verdicts:
        return Finding("none", "hint", None, told)
    if score == "pass_fail":
        return Finding("confirms", "decisive", 1.0, told)
    weight = sum(done.check.weight for done in found)
    share = sum(done.check.weight for done in found if done.outcome.verdict == "pass") / weight
    bearing: Literal["confirms", "refutes", "both"] = (
        "confirms" if share == 1 else "refutes" if share == 0 else "both"
    )
    return Finding(bearing, "decisive", min(1.0, share), told)
