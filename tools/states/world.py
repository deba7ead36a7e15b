"""A copy of the records that an agent's calls change: one call at a time, wholly or not at all.

Each container is kept as it was when a call first writes to it, so that a call that fails is undone without copying
the whole state; who wrote what last is known by container and key.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from judge_agent.effects import (
    Append,
    Drop,
    Expect,
    Expression,
    For,
    If,
    Increase,
    Insert,
    Let,
    Operation,
    Remove,
    Require,
    Result,
    Set,
)
from tools.states.evaluating import Evaluator, computed, item_of, items_of
from tools.states.values import is_number, kind_of, shown
from tools.states.work import EffectError, Work

MAX_LIST_ITEMS = 200_000


class CallFailed(Exception):
    """A requirement of the effect does not hold: the call fails, and leaves no effect. The message is its own."""


class AnotherWorld(Exception):
    """What the agent saw is not of these records: an expectation of the effect does not hold."""


@dataclass(frozen=True)
class Outcome:
    """How a call went by its declared effect. `result` is what it gives back, where it says so."""

    has_result: bool = False
    result: Any = None


@dataclass
class World:
    """The state, and who wrote what. `writers` maps (id of container, key or None for a list) to who."""

    state: dict[str, Any]
    work: Work
    writers: dict[tuple[int, str | None], str] = field(default_factory=dict)
    _kept: list[Any] = field(default_factory=list)

    def apply(self, operations: Sequence[Operation], scope: Mapping[str, Any], by: str) -> Outcome:
        """Do what one call does. Where this raises (CallFailed, EffectError), the state is as it was before."""
        change = _Change(self, {**scope, "state": self.state})
        try:
            change.do(operations)
            result = self.work.copied(change.result)
        except BaseException:
            change.undo()
            raise
        for container, key in change.written:
            self._kept.append(container)  # its id names it as long as it lives
            self.writers[id(container), key] = by
        return Outcome(change.has_result, result)


class _Change:
    """One call's changes, as they are made."""

    def __init__(self, world: World, scope: dict[str, Any]) -> None:
        self._work = world.work
        self._evaluator = Evaluator(world.work)
        self._scope = scope
        self._before: dict[int, tuple[Any, Any]] = {}
        self.written: list[tuple[Any, str | None]] = []
        self.has_result = False
        self.result: Any = None

    def do(self, operations: Sequence[Operation]) -> None:
        for operation in operations:
            self._work.spend()
            self._do(operation)

    def undo(self) -> None:
        for container, before in self._before.values():
            container.clear()
            if isinstance(container, dict):
                container.update(before)
            else:
                container.extend(before)

    def _do(self, operation: Operation) -> None:
        match operation:
            case Let(name, value):
                self._scope[name] = self._value(value)
            case Require(condition, message):
                if not self._value(condition):
                    raise CallFailed(message or f"requires {condition.text}")
            case Expect(condition, message):
                if "observed" in self._scope and not self._value(condition):
                    raise AnotherWorld(message or f"expects {condition.text}")
            case Set(place, value):
                self._write(place, self._work.copied(self._value(value)))
            case Increase(place, amount):
                self._increase(place, amount)
            case Append(value, items):
                found = self._list(items)
                self._insert(found, len(found), value)
            case Insert(value, items, at):
                self._insert_at(self._list(items), value, self._value(at))
            case Remove(place):
                self._remove(place)
            case Drop(value, items):
                self._drop(self._list(items), self._value(value))
            case For(name, items, body):
                self._each(name, items_of(self._value(items)), body)
            case If(condition, then, otherwise):
                self._inside(then if self._value(condition) else otherwise)
            case Result(value):
                self.has_result, self.result = True, self._value(value)

    def _value(self, expression: Expression) -> Any:
        return self._evaluator.value(expression.tree, self._scope)

    def _inside(self, body: Sequence[Operation]) -> None:
        """Names that are bound inside end with it."""
        outside = dict(self._scope)
        self.do(body)
        self._scope = outside

    def _each(self, name: str, items: Sequence[Any], body: Sequence[Operation]) -> None:
        outside = dict(self._scope)
        for item in items:
            self._work.spend(len(outside))
            self._scope = {**outside, name: item}
            self.do(body)
        self._scope = outside

    def _increase(self, place: Expression, amount: Expression) -> None:
        container, key = self._place(place)
        old, more = item_of(container, key), self._value(amount)
        if not is_number(old) or not is_number(more):
            raise EffectError(f"{kind_of(old)} cannot be increased by {kind_of(more)}")
        self._keep(container, key)
        container[key] = computed(operator.add, old, more)

    def _write(self, place: Expression, value: Any) -> None:
        container, key = self._place(place)
        if isinstance(container, list):
            item_of(container, key)
        elif not isinstance(key, str):
            raise EffectError(f"the key of an object must be a text, not {kind_of(key)}")
        self._keep(container, key)
        container[key] = value

    def _remove(self, place: Expression) -> None:
        container, key = self._place(place)
        item_of(container, key)
        self._keep(container, key)
        del container[key]

    def _insert_at(self, items: list[Any], value: Expression, at: Any) -> None:
        if not isinstance(at, int) or isinstance(at, bool) or not 0 <= at <= len(items):
            raise EffectError(f"there is no place {shown(at)} in the list of {len(items)}")
        self._insert(items, at, value)

    def _insert(self, items: list[Any], at: int, value: Expression) -> None:
        made = self._work.copied(self._value(value))
        if len(items) >= MAX_LIST_ITEMS:
            raise EffectError(f"a list has at most {MAX_LIST_ITEMS} items")
        self._keep(items, None)
        items.insert(at, made)

    def _drop(self, items: list[Any], value: Any) -> None:
        at = next((index for index, item in enumerate(items) if self._work.same(item, value)), None)
        if at is None:
            raise EffectError("what is to be dropped is not in the list")
        self._keep(items, None)
        del items[at]

    def _list(self, expression: Expression) -> list[Any]:
        value = self._value(expression)
        if not isinstance(value, list):
            raise EffectError(f"{expression.text!r:.80} is {kind_of(value)}, not a list")
        return value

    def _place(self, expression: Expression) -> tuple[Any, Any]:
        """The container and the key that an expression names."""
        tree: Any = expression.tree
        container = self._evaluator.value(tree.value, self._scope)
        if not isinstance(container, (dict, list)):
            raise EffectError(f"{expression.text!r:.80}: {kind_of(container)} has no keys or items")
        if hasattr(tree, "attr"):
            return container, tree.attr
        return container, self._evaluator.value(tree.slice, self._scope)

    def _keep(self, container: Any, key: Any) -> None:
        """Keep what a container was before this call first writes to it."""
        if id(container) not in self._before:
            self._work.spend(len(container) // 8)
            self._before[id(container)] = (container, container.copy())
        self.written.append((container, key if isinstance(container, dict) else None))
