"""Evaluates checked expressions over JSON values, a counted number of steps at a time.

A name that is bound to a part of the state is that part, not a copy; what operators and functions make is new. What
Python would do out of kindness is an error here: adding true to a number, repeating a text, comparing 1 with '1'.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping
from typing import Any

from judge_agent.effects import Expression
from judge_agent.effects.expressions import CONSTANTS
from tools.states.functions import MAX_INTEGER_BITS, call_function
from tools.states.values import exact, is_number, kind_of, same_number, shown
from tools.states.work import EffectError, Work

MAX_LENGTH = 200_000
Scope = Mapping[str, Any]


def evaluate(expression: Expression, scope: Scope, work: Work) -> Any:
    """The value of an expression. Raises EffectError where it has none, TooMuchWork and TimeoutError."""
    return Evaluator(work).value(expression.tree, scope)


class Evaluator:
    """Knows each kind of node that the language has."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._kinds: Mapping[type[ast.AST], Callable[[Any, Scope], Any]] = {
            ast.Constant: lambda node, scope: node.value,
            ast.Name: self._name,
            ast.Attribute: lambda node, scope: item_of(self.value(node.value, scope), node.attr),
            ast.Subscript: lambda node, scope: item_of(
                self.value(node.value, scope), self.value(node.slice, scope)
            ),
            ast.List: lambda node, scope: [self.value(item, scope) for item in node.elts],
            ast.Dict: self._object,
            ast.BoolOp: self._bool,
            ast.IfExp: lambda node, scope: self.value(
                node.body if self.value(node.test, scope) else node.orelse, scope
            ),
            ast.UnaryOp: self._unary,
            ast.BinOp: lambda node, scope: self._binary(
                node.op, self.value(node.left, scope), self.value(node.right, scope)
            ),
            ast.Compare: self._compare,
            ast.Call: lambda node, scope: call_function(
                node.func.id, [self.value(item, scope) for item in node.args], self._work
            ),
            ast.ListComp: self._comprehension,
            ast.GeneratorExp: self._comprehension,
        }

    def value(self, node: ast.AST, scope: Scope) -> Any:
        self._work.spend()
        return self._kinds[type(node)](node, scope)

    def _name(self, node: ast.Name, scope: Scope) -> Any:
        if node.id in scope:
            return scope[node.id]
        if node.id in CONSTANTS:
            return CONSTANTS[node.id]
        raise EffectError(f"{node.id!r} has no value here")

    def _object(self, node: ast.Dict, scope: Scope) -> dict[str, Any]:
        made = {}
        for key_node, value_node in zip(node.keys, node.values, strict=True):
            assert key_node is not None
            key = self.value(key_node, scope)
            if not isinstance(key, str):
                raise EffectError(f"the key of an object must be a text, not {kind_of(key)}")
            made[key] = self.value(value_node, scope)
        return made

    def _bool(self, node: ast.BoolOp, scope: Scope) -> Any:
        stops_at = isinstance(node.op, ast.Or)
        value: Any = None
        for item in node.values:
            value = self.value(item, scope)
            if bool(value) is stops_at:
                return value
        return value

    def _unary(self, node: ast.UnaryOp, scope: Scope) -> Any:
        value = self.value(node.operand, scope)
        if isinstance(node.op, ast.Not):
            return not value
        if not is_number(value):
            raise EffectError(f"there is no minus of {kind_of(value)}")
        return bounded(-value)

    def _binary(self, operator: ast.operator, one: Any, other: Any) -> Any:
        if isinstance(operator, ast.Add) and type(one) is type(other) and isinstance(one, (str, list)):
            length = len(one) + len(other)
            self._work.spend(length // 4)
            if length > MAX_LENGTH:
                raise EffectError(f"a text or a list is longer than {MAX_LENGTH}")
            return one + other
        if not is_number(one) or not is_number(other):
            raise EffectError(f"there is no arithmetic of {kind_of(one)} and {kind_of(other)}")
        return computed(_ARITHMETIC[type(operator)], one, other)

    def _compare(self, node: ast.Compare, scope: Scope) -> bool:
        left = self.value(node.left, scope)
        for operator, right_node in zip(node.ops, node.comparators, strict=True):
            right = self.value(right_node, scope)
            if not self._holds(operator, left, right):
                return False
            left = right
        return True

    def _holds(self, operator: ast.cmpop, left: Any, right: Any) -> bool:
        if isinstance(operator, (ast.Eq, ast.NotEq)):
            return self._work.same(left, right) is isinstance(operator, ast.Eq)
        if isinstance(operator, (ast.In, ast.NotIn)):
            return self._is_in(left, right) is isinstance(operator, ast.In)
        both_numbers = is_number(left) and is_number(right)
        if not both_numbers and not (isinstance(left, str) and isinstance(right, str)):
            raise EffectError(f"{kind_of(left)} and {kind_of(right)} have no order")
        if not both_numbers:
            self._work.spend(min(len(left), len(right)) // 64)
        elif same_number(left, right):  # as `==` says: what is no more than equal is not above
            return isinstance(operator, (ast.LtE, ast.GtE))
        return bool(_ORDER[type(operator)](left, right))

    def _is_in(self, item: Any, place: Any) -> bool:
        if isinstance(place, str):
            if not isinstance(item, str):
                raise EffectError(f"a text holds no {kind_of(item)}")
            self._work.spend(len(place) // 64)
            return item in place
        if isinstance(place, dict):
            return isinstance(item, str) and item in place
        if isinstance(place, list):
            return any(self._work.same(item, other) for other in place)
        raise EffectError(f"nothing is in {kind_of(place)}")

    def _comprehension(self, node: ast.ListComp | ast.GeneratorExp, scope: Scope) -> list[Any]:
        made: list[Any] = []
        self._generate(node, 0, scope, made)
        return made

    def _generate(
        self, node: ast.ListComp | ast.GeneratorExp, at: int, scope: Scope, made: list[Any]
    ) -> None:
        if at == len(node.generators):
            made.append(self.value(node.elt, scope))
            return
        generator = node.generators[at]
        assert isinstance(generator.target, ast.Name)
        for item in items_of(self.value(generator.iter, scope)):
            inner = {**scope, generator.target.id: item}
            if all(self.value(condition, inner) for condition in generator.ifs):
                self._generate(node, at + 1, inner, made)


def item_of(place: Any, key: Any) -> Any:
    """A key of an object, or an item of a list (negative: from its end). Raises EffectError where there is none."""
    if isinstance(place, dict):
        if isinstance(key, str) and key in place:
            return place[key]
        raise EffectError(f"there is no {shown(key)} in the object")
    if isinstance(place, list):
        if isinstance(key, int) and not isinstance(key, bool) and -len(place) <= key < len(place):
            return place[key]
        raise EffectError(f"there is no item {shown(key)} in the list of {len(place)}")
    raise EffectError(f"{kind_of(place)} has no {shown(key)}")


def items_of(value: Any) -> list[Any]:
    """The items of a list, or the keys of an object, as they are now."""
    if not isinstance(value, (list, dict)):
        raise EffectError(f"{kind_of(value)} has no items")
    return list(value)


def computed(operation: Callable[..., Any], *numbers: float) -> float:
    """What arithmetic gives, where it gives a number that JSON can say. Raises EffectError.

    Numbers count as they are written in decimals, so that 0.3 - 0.1 - 0.1 - 0.1 is 0.
    """
    try:
        if all(isinstance(number, int) for number in numbers):
            return bounded(operation(*numbers))
        return bounded(float(operation(*map(exact, numbers))))
    except OverflowError as error:
        raise EffectError("arithmetic failed: a number is not finite") from error
    except (ArithmeticError, ValueError) as error:
        raise EffectError(f"arithmetic failed: {error}") from error


def bounded(number: float) -> float:
    """Hold a result to what JSON can say. Raises EffectError."""
    if isinstance(number, int):
        if number.bit_length() > MAX_INTEGER_BITS:
            raise EffectError(f"a number has more than {MAX_INTEGER_BITS} bits")
    elif not math.isfinite(number):
        raise EffectError("a number is not finite")
    return number


_ARITHMETIC: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: lambda one, other: one + other,
    ast.Sub: lambda one, other: one - other,
    ast.Mult: lambda one, other: one * other,
    ast.Div: lambda one, other: one / other,
    ast.FloorDiv: lambda one, other: one // other,
    ast.Mod: lambda one, other: one % other,
}
_ORDER: Mapping[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Lt: lambda one, other: one < other,
    ast.LtE: lambda one, other: one <= other,
    ast.Gt: lambda one, other: one > other,
    ast.GtE: lambda one, other: one >= other,
}
