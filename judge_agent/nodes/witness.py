"""The reference as a noisy witness: what differs from it is not wrong for that. Source: ROSE (arXiv 2604.12988).

A comparison that ran and found a difference is strong, and decides nothing; what failed to run at all has failed
without any witness, and what agrees is settled. A first look sees what the candidate's own work gave and nothing that
comes of the comparison; the second one sees the witness too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from judge_agent.calls import ToolRun
from judge_agent.prompting.fences import fence, neutralise
from judge_agent.prompting.results import evidence_block, output_text
from judge_agent.schema import Evidence

# What a tool's output says of the reference, or of how the candidate compares with it.
_COMPARED = frozenset(
    ("facts", "partial", "schema_f1", "perturbed", "first_differing_row", "reason", "reference_only")
)
_WITNESS = "reference_only"


def as_witness(run: ToolRun) -> ToolRun:
    """The run with what a comparison refutes no longer decisive."""
    if run.result.status != "ok":
        return run
    findings = tuple(
        replace(one, strength="strong", score=None)
        if one.bearing == "refutes" and one.strength == "decisive"
        else one
        for one in run.result.findings
    )
    return run._replace(result=replace(run.result, findings=findings))


def own_results(results: Sequence[Evidence]) -> str:
    """What tools found of the candidate's own work, fenced, without any word of the reference."""
    shown = [
        (f"e{index + 1}", neutralise(f"{one.tool} -> {one.status}\n{output_text(_without(one.output))}"))
        for index, one in enumerate(results)
    ]
    return evidence_block(shown)


def witness_block(results: Sequence[Evidence]) -> str:
    """What the reference itself gave where tools ran it, fenced; '' where none did."""
    found = [told for one in results for told in _witnesses(one.output)]
    if not found:
        return ""
    return fence("WITNESS", neutralise("\n".join(json.dumps(one, ensure_ascii=False) for one in found)))


def _without(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without(inner) for key, inner in value.items() if key not in _COMPARED}
    return [_without(inner) for inner in value] if isinstance(value, list) else value


def _witnesses(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        own = [value[_WITNESS]] if value.get(_WITNESS) else []
        return own + [one for key, inner in value.items() if key != _WITNESS for one in _witnesses(inner)]
    return [one for inner in value for one in _witnesses(inner)] if isinstance(value, list) else []
