"""Places in a state, by JSON pointer (RFC 6901) with `*` for any key or index, and what is said of them: which do not
count, and which lists have no order.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tools.states.multisets import Item, Same, left_over, unlike_written
from tools.states.values import is_number

_EVERY = "*"
_IN_RANK_DIGITS = 9
_OF_ITEMS = ""  # the key of a shape under which the shape of a list's items is
Path = tuple[str, ...]
Shape = dict[str, Any]


@dataclass(frozen=True)
class Rules:
    """`ignore` and `unordered` are patterns of places. `partly`: only keys that the required state has count."""

    ignore: tuple[Path, ...]
    unordered: tuple[Path, ...]
    partly: bool
    tick: Callable[[int], None]

    def ignores(self, path: Path) -> bool:
        return bool(self.ignore) and _any_fits(self.ignore, path)

    def has_no_order(self, path: Path) -> bool:
        return bool(self.unordered) and _any_fits(self.unordered, path)

    def left_over(
        self, found: list[Any], wanted: list[Any], path: Path, same: Same
    ) -> tuple[list[int], list[int]]:
        """The indexes of the items of two lists without an order, at `path`, that have no partner in the other."""
        if self._names_an_item(path):
            # What counts of an item then depends on its place: nothing but the comparison says which are the same.
            alike = [Item(index, None) for index in range(max(len(found), len(wanted)))]
            return left_over(alike[: len(found)], alike[: len(wanted)], same)
        inside = (*path, _EVERY)
        shape = _shape_of(wanted).get(_OF_ITEMS, {}) if self.partly else None
        rest = unlike_written(*(dict(enumerate(map(self._written, items))) for items in (found, wanted)))
        rest = unlike_written(
            {index: self._written(self._plain(found[index], inside, shape, None)) for index in rest[0]},
            {index: self._written(self._plain(wanted[index], inside, shape, None)) for index in rest[1]},
        )
        return left_over(
            [self._item(index, found[index], inside, shape) for index in rest[0]],
            [self._item(index, wanted[index], inside, shape) for index in rest[1]],
            same,
        )

    def _item(self, index: int, value: Any, path: Path, shape: Shape | None) -> Item:
        numbers: list[float] = []
        plain = self._plain(value, path, shape, numbers)
        # Of a part that is required, what else an item has says nothing of what could be its partner.
        return Item(index, None if self.partly else self._written(plain), tuple(numbers))

    def _written(self, plain: Any) -> str:
        self.tick(1)
        return json.dumps(plain, sort_keys=True)

    def _plain(self, value: Any, path: Path, shape: Shape | None, numbers: list[float] | None) -> Any:
        """A value without what does not count, in one order. With `numbers`, each goes there, and a 0 to its place."""
        self.tick(1)
        if isinstance(value, dict):
            keys = sorted(value if shape is None else value.keys() & shape.keys())
            return {
                key: self._plain(value[key], (*path, key), _inside(shape, key), numbers)
                for key in keys
                if not self.ignores((*path, key))
            }
        if isinstance(value, list):
            kept = [
                (item, (*path, str(index)))
                for index, item in enumerate(value)
                if not self.ignores((*path, str(index)))
            ]
            if self.has_no_order(path):
                return self._plain_in_one_order(kept, shape, numbers)
            return [self._plain(item, at, _inside(shape, _OF_ITEMS), numbers) for item, at in kept]
        if not is_number(value):
            return value
        if numbers is not None:
            numbers.append(_rank(value))
            return 0
        return int(value) if isinstance(value, float) and value.is_integer() else value

    def _plain_in_one_order(
        self, items: list[tuple[Any, Path]], shape: Shape | None, numbers: list[float] | None
    ) -> list[Any]:
        """The numbers are put in the order of the items too: else equal lists had other ranks."""
        made = []
        for item, at in items:
            inner: list[float] | None = None if numbers is None else []
            plain = self._plain(item, at, _inside(shape, _OF_ITEMS), inner)
            made.append((self._written(plain), inner or [], plain))
        made.sort(key=lambda one: one[:2])
        if numbers is not None:
            numbers += [number for _, inner, _ in made for number in inner]
        return [plain for _, _, plain in made]

    def _names_an_item(self, path: Path) -> bool:
        """Whether a pattern says something of one item of this list, or of a list in it, by an index."""
        return any(
            _any_fits([pattern[: len(path)]], path) and any(part.isdecimal() for part in pattern[len(path) :])
            for pattern in (*self.ignore, *self.unordered)
        )


def parts_of(pointer: str) -> Path:
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:])


def pointer_to(path: Path) -> str:
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in path)


def _any_fits(patterns: Sequence[Path], path: Path) -> bool:
    return any(
        len(pattern) == len(path)
        and all(part in (_EVERY, key) for part, key in zip(pattern, path, strict=True))
        for pattern in patterns
    )


def _shape_of(value: Any) -> Shape:
    """All keys that a value has, and that those of its items have together."""
    shape: Shape = {}
    level = [(value, shape)]
    for one, keys in level:
        if isinstance(one, dict):
            level += [(inner, keys.setdefault(key, {})) for key, inner in one.items()]
        elif isinstance(one, list):
            level += [(inner, keys.setdefault(_OF_ITEMS, {})) for inner in one]
    return shape


def _inside(shape: Shape | None, key: str) -> Shape | None:
    return None if shape is None else shape.get(key, {})


def _rank(number: float) -> float:
    """A number without what calculating changes in its last digits."""
    try:
        return float(f"{number:.{_IN_RANK_DIGITS}g}")
    except OverflowError:
        return math.copysign(math.inf, number) if isinstance(number, float) else math.inf
