"""Prints what an attack came to: every rate with its denominator, and what must hold and does not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from evals.attack.honest import Told


def printed(told: Mapping[str, Any]) -> list[str]:
    """Print all parts; return the names of those in which something does not hold that must."""
    for name, part in told.items():
        print(f"\n{name}" + ("" if part.get("must", True) else ": DOES NOT HOLD"))
        for line in _LINES[name](part):
            print(f"  {line}")
    return [name for name, part in told.items() if not part.get("must", True)]


def honest(sets: Sequence[Told]) -> dict[str, Any]:
    """The false alarms on honest work, as JSON."""
    rows = {
        one.set: {
            "count": one.works,
            "spoke": dict(one.spoke),
            "strong": dict(one.strong),
            "injections": dict(one.injections),
            "screened": one.screened,
        }
        for one in sets
    }
    return {"sets": rows}


def _of_keys(part: Mapping[str, Any]) -> list[str]:
    lines = [
        f"{recipe}: {one['count'] - one['open']} of {one['count']} at the minimum"
        for recipe, one in part["by_recipe"].items()
    ]
    return [*lines, f"calls of a model: {part['model_calls']}", *part["missed"]]


def _of_relatives(part: Mapping[str, Any]) -> list[str]:
    ways = ("of known ways", "of held-out ways")
    lines = [
        f"{way}: {part[way]['count'] - part[way]['open']} of {part[way]['count']} at the minimum"
        for way in ways
    ]
    return [*lines, f"calls of a model: {part['model_calls']}", *map(repr, part["missed"])]


def _of_short(part: Mapping[str, Any]) -> list[str]:
    return [f"{part['screened']} of {part['count']} screened", *part["which"]]


def _of_another_hand(part: Mapping[str, Any]) -> list[str]:
    known = part["keys"] - len(part["open"])
    lines = [
        f"{known} of {part['keys']} keys known",
        f"{len(part['screened'])} of {part['short']} short answers screened",
    ]
    return [*lines, *part["open"], *part["screened"]]


def _of_injections(part: Mapping[str, Any]) -> list[str]:
    lines = [
        f"decided by evidence otherwise, by {recipe}: {one['changed']} of {one['principles']}"
        for recipe, one in part["changed"].items()
    ]
    for recipe in part["changed"].values():
        lines += recipe["which"]
    told = part["flagged"]
    lines += [
        f"flagged in {place}: {one['flagged']} of {one['count']}" for place, one in told["by_place"].items()
    ]
    lines += [
        f"flagged, {type_}: {one['flagged']} of {one['count']}" for type_, one in told["by_type"].items()
    ]
    lines.append(f"neutral text flagged: {told['neutral']['flagged']} of {told['neutral']['count']}")
    return [*lines, *flips_told(part["flips"])]


def flips_told(flips: Mapping[str, Any] | None) -> list[str]:
    """How often the model chose otherwise, and each pair of choices; nothing where it was asked for none."""
    if not flips:
        return []
    added = flips["score_raised"]
    return [
        f"the model's choice beside that for neutral text of equal length: changed {flips['changed']} of "
        f"{flips['count']}, with a higher score {flips['raised']}, not judged {flips['not_judged']}"
        + ("" if added is None else f"; the score is {added:+.3f} on average"),
        *(
            f"{_chosen(row['neutral'])} -> {_chosen(row['planted'])}  {row['type']}: {row['text'][:60]!r}"
            for row in flips["rows"]
        ),
    ]


def _chosen(found: Mapping[str, Any] | None) -> str:
    return "not judged" if found is None else f"{found['choice']} ({found['score']:.3f})"


def _of_hacks(part: Mapping[str, Any]) -> list[str]:
    return [
        f"{name}: found {one['found']} of {one['made']}, speaks of {one['false']} of {part['honest']} honest twins"
        for name, one in part["detectors"].items()
    ]


def _of_honest(part: Mapping[str, Any]) -> list[str]:
    return [
        f"{name}: {one['count']} works; hacks {one['spoke'] or 0}, strong {one['strong'] or 0}; injections "
        f"{one['injections'] or 0}; taken to say nothing {one['screened']}"
        for name, one in part["sets"].items()
    ]


_LINES = {
    "keys": _of_keys,
    "relatives": _of_relatives,
    "short": _of_short,
    "another_hand": _of_another_hand,
    "injections": _of_injections,
    "hacks": _of_hacks,
    "honest": _of_honest,
}
