"""Where an end state differs from the one that was required, by JSON pointer (RFC 6901)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tools.states.values import same_leaf
from tools.states.work import Work

MAX_DIFFERENCES = 200
WRITTEN_OUT_DEPTH = 2
_EVERY = "*"
_ABSENT = object()
_SCALARS = (int, float, str, type(None))
Path = tuple[str, ...]


@dataclass(frozen=True)
class Difference:
    """One place. `kind` is of the end state beside the required one; `by` is who wrote there last, if anyone did."""

    pointer: str
    kind: str
    found: Any
    wanted: Any
    by: str | None


class Comparison:
    """Compares states; `ignore` and `unordered` are pointers in which `*` is any key or index."""

    def __init__(
        self,
        work: Work,
        *,
        ignore: Sequence[str] = (),
        unordered: Sequence[str] = (),
        partly: bool = False,
        writers: Mapping[tuple[int, str | None], str] | None = None,
    ) -> None:
        self._work = work
        self._ignore = [_parts(pointer) for pointer in ignore]
        self._unordered = [_parts(pointer) for pointer in unordered]
        self._partly = partly
        self._writers = writers or {}

    def differences(self, found: Any, wanted: Any) -> tuple[Difference, ...]:
        """The first MAX_DIFFERENCES places, in the order of the required state; none where both are the same."""
        kept: list[Difference] = []
        for difference in self._walk(found, wanted, (), None):
            kept.append(difference)
            if len(kept) == MAX_DIFFERENCES:
                break
        return tuple(kept)

    def _walk(self, found: Any, wanted: Any, path: Path, by: str | None) -> Iterator[Difference]:
        self._work.spend()
        if _any_fits(self._ignore, path):
            return
        if found is _ABSENT or wanted is _ABSENT:
            kind = "missing" if found is _ABSENT else "not expected"
            yield Difference(_pointer(path), kind, _shown(found), _shown(wanted), by)
        elif isinstance(found, dict) and isinstance(wanted, dict):
            yield from self._objects(found, wanted, path, by)
        elif isinstance(found, list) and isinstance(wanted, list):
            yield from self._lists(found, wanted, path, by)
        elif not same_leaf(found, wanted):
            yield Difference(_pointer(path), "another value", found, wanted, by)

    def _objects(
        self, found: dict[str, Any], wanted: dict[str, Any], path: Path, by: str | None
    ) -> Iterator[Difference]:
        extra = [] if self._partly else [key for key in found if key not in wanted]
        for key in [*wanted, *extra]:
            writer = self._writers.get((id(found), key), by)
            inside = found.get(key, _ABSENT), wanted.get(key, _ABSENT)
            if len(path) < WRITTEN_OUT_DEPTH and self._is_written_alike(*inside):
                continue
            yield from self._walk(*inside, (*path, key), writer)

    def _is_written_alike(self, one: Any, other: Any) -> bool:
        """Whether two values write out to the same text: most records of a large state do, and it is soon seen."""
        if isinstance(one, _SCALARS) or isinstance(other, _SCALARS):
            return False
        text = repr(one)
        self._work.spend(len(text) // 256)
        return text == repr(other)

    def _lists(self, found: list[Any], wanted: list[Any], path: Path, by: str | None) -> Iterator[Difference]:
        by = self._writers.get((id(found), None), by)
        if self._unordered and _any_fits(self._unordered, path):
            found, wanted = _in_one_order(found), _in_one_order(wanted)
        for index in range(max(len(found), len(wanted))):
            inside = [items[index] if index < len(items) else _ABSENT for items in (found, wanted)]
            yield from self._walk(inside[0], inside[1], (*path, str(index)), by)


def _in_one_order(items: list[Any]) -> list[Any]:
    """Sorted by their JSON text, in which 1.0 is written as 1."""
    return sorted(items, key=lambda item: json.dumps(_plain(item), sort_keys=True))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _parts(pointer: str) -> Path:
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:])


def _pointer(path: Path) -> str:
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in path)


def _any_fits(patterns: Sequence[Path], path: Path) -> bool:
    return any(
        len(pattern) == len(path)
        and all(part in (_EVERY, key) for part, key in zip(pattern, path, strict=True))
        for pattern in patterns
    )


def _shown(value: Any) -> Any:
    return None if value is _ABSENT else value
