"""Principles that tools came upon and settled while they gathered: they join those that were proposed. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from judge_agent.nodes.found import Found, finding_of
from judge_agent.schema import Principle
from judge_agent.seams.tool import Aside
from judge_agent.state import Json


def with_asides(
    principles: Sequence[Json], found: Sequence[Found], dimensions: Sequence[str]
) -> list[Json] | None:
    """The principles with those of the asides, whose findings are put to their candidates; None where there is none.

    An aside whose dimension is not declared is left out: another dimension would not mean what it says.
    """
    joined = [dict(principle) for principle in principles]
    before = {principle["name"] for principle in joined}
    for one in found:
        for tool, evidence, aside in one.asides:
            if aside.dimension not in dimensions:
                continue
            name = _apart(aside.name, before)
            known = next((p for p in joined if p["name"] == name and name not in before), None)
            if known is None:
                known = {**_principle(name, tool, aside), "applies_to": []}
                joined.append(known)
            if one.candidate.id not in known["applies_to"]:
                known["applies_to"].append(one.candidate.id)
            one.findings.append(finding_of(one.candidate, tool, evidence, aside.finding, [name]))
            for item in one.evidence:
                if item["id"] == evidence:
                    item["principles"] = [*item["principles"], name]
    return joined if len(joined) > len(principles) else None


def _apart(name: str, taken: set[str]) -> str:
    """A name that no proposed principle has."""
    count, free = 1, name
    while free in taken:
        count += 1
        free = f"{name}_{count}"
    return free


def _principle(name: str, tool: str, aside: Aside) -> Json:
    return Principle(
        name=name,
        description=aside.description,
        dimension=aside.dimension,
        kind=aside.kind,
        weight=aside.weight,
        scale="pass_fail",
        tool=tool,
        origin="tool",
    ).model_dump(mode="json")
