"""Reads the operations of declared effects out of JSON: each is an object whose first key says what it does.

    {"let": "user", "be": "state.users[args.user_id]"}        name a place or a value
    {"require": "args.id in state.users", "else": "no user"}  where it is false, the call fails and leaves no effect
    {"expect": "result.id == args.id", "else": "..."}         false: the agent saw other records
    {"set": "user.email", "to": "args.email"}                 write a key or an item
    {"increase": "user.balance", "by": "-args.amount"}        add to a number
    {"append": "args.item", "to": "user.items"}               to the end of a list
    {"insert": "args.item", "into": "user.items", "at": "0"}
    {"remove": "user.cards[args.card]"}                       a key or an item
    {"drop": "args.item", "from": "user.items"}               the first item that is equal; there must be one
    {"for": "item", "in": "args.items", "do": [...]}
    {"if": "args.amount > 0", "then": [...], "else": [...]}
    {"result": "user"}                                        what the call gives back, for comparison

What is written is a copy. Names are `args` (of the call), `state`, `observed` (the text of the call's result as the
agent saw it), `result` (the same, read as JSON) and what `let`, `for` and comprehensions bind. `expect` is passed over
where no result was seen, as in the calls of a reference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from judge_agent.effects.expressions import CONSTANTS, FUNCTIONS, Expression, NotAnExpression, read_expression

ROOTS = frozenset(("args", "state", "observed", "result"))
MAX_OPERATIONS = 400
MAX_NESTING = 8
MAX_MESSAGE_CHARS = 500


@dataclass(frozen=True)
class Let:
    name: str
    value: Expression


@dataclass(frozen=True)
class Require:
    condition: Expression
    message: str


@dataclass(frozen=True)
class Expect:
    condition: Expression
    message: str


@dataclass(frozen=True)
class Set:
    place: Expression
    value: Expression


@dataclass(frozen=True)
class Increase:
    place: Expression
    amount: Expression


@dataclass(frozen=True)
class Append:
    value: Expression
    items: Expression


@dataclass(frozen=True)
class Insert:
    value: Expression
    items: Expression
    at: Expression


@dataclass(frozen=True)
class Remove:
    place: Expression


@dataclass(frozen=True)
class Drop:
    value: Expression
    items: Expression


@dataclass(frozen=True)
class For:
    name: str
    items: Expression
    body: tuple[Operation, ...]


@dataclass(frozen=True)
class If:
    condition: Expression
    then: tuple[Operation, ...]
    otherwise: tuple[Operation, ...]


@dataclass(frozen=True)
class Result:
    value: Expression


Operation = Let | Require | Expect | Set | Increase | Append | Insert | Remove | Drop | For | If | Result


class WrongOperation(ValueError):
    """An operation that cannot be read. `field` is its place inside of the list, such as `2.then.0.require`."""

    def __init__(self, field: str, message: str, value: Any) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message
        self.value = value


def read_operations(raw: Sequence[Mapping[str, Any]]) -> tuple[Operation, ...]:
    """Read the operations of one effect. Raises WrongOperation."""
    return _Reader().read(raw, frozenset(ROOTS), "", 0)


class _Reader:
    """Reads one effect; counts its operations, and knows which names are bound where."""

    def __init__(self) -> None:
        self._count = 0

    def read(self, raw: Any, scope: frozenset[str], where: str, depth: int) -> tuple[Operation, ...]:
        if not isinstance(raw, (list, tuple)):
            raise WrongOperation(where or "0", f"must be a list of operations, not {type(raw).__name__}", raw)
        if depth > MAX_NESTING:
            raise WrongOperation(where, f"is nested deeper than {MAX_NESTING} levels", None)
        found: list[Operation] = []
        for index, item in enumerate(raw):
            field = f"{where}.{index}".lstrip(".")
            self._count += 1
            if self._count > MAX_OPERATIONS:
                raise WrongOperation(field, f"an effect has at most {MAX_OPERATIONS} operations", None)
            operation = self._operation(item, scope, field, depth)
            if isinstance(operation, Let):
                scope = scope | {operation.name}
            found.append(operation)
        return tuple(found)

    def _operation(self, item: Any, scope: frozenset[str], field: str, depth: int) -> Operation:
        if not isinstance(item, Mapping):
            raise WrongOperation(field, f"must be an object, not {type(item).__name__}", item)
        verb = next((verb for verb in _KEYS if verb in item), None)
        if verb is None:
            raise WrongOperation(field, f"must have one of {', '.join(_KEYS)}", dict(item))
        needed, possible = _KEYS[verb]
        wrong = [key for key in item if key not in possible]
        wrong += [key for key in needed if key not in item]
        if wrong:
            raise WrongOperation(
                f"{field}.{str(wrong[0])[:64]}",
                f"{verb!r} has the keys {', '.join(possible)}",
                item.get(wrong[0]),
            )
        return _READ[verb](_Fields(item, scope, field, depth, self))


@dataclass(frozen=True)
class _Fields:
    """The keys of one operation, read as what they are to be."""

    item: Mapping[str, Any]
    scope: frozenset[str]
    field: str
    depth: int
    reader: _Reader

    def expression(self, key: str) -> Expression:
        try:
            return read_expression(self.item[key], self.scope)
        except NotAnExpression as error:
            raise WrongOperation(f"{self.field}.{key}", str(error), self.item[key]) from error

    def place(self, key: str) -> Expression:
        expression = self.expression(key)
        if not expression.is_place:
            raise WrongOperation(
                f"{self.field}.{key}",
                "must name a key or an item, such as state.users['a'].age",
                self.item[key],
            )
        return expression

    def name(self, key: str) -> str:
        name = self.item[key]
        taken = ROOTS | CONSTANTS.keys() | FUNCTIONS.keys()
        if not isinstance(name, str) or not name.isidentifier() or len(name) > 64 or name in taken:
            raise WrongOperation(f"{self.field}.{key}", "must be a name that is not taken", name)
        return name

    def message(self, key: str) -> str:
        message = self.item.get(key, "")
        if not isinstance(message, str) or len(message) > MAX_MESSAGE_CHARS:
            raise WrongOperation(
                f"{self.field}.{key}", f"must be a text of at most {MAX_MESSAGE_CHARS} characters", message
            )
        return message

    def body(self, key: str, *bound: str) -> tuple[Operation, ...]:
        scope = self.scope | frozenset(bound)
        return self.reader.read(self.item.get(key, ()), scope, f"{self.field}.{key}", self.depth + 1)


def _for(fields: _Fields) -> For:
    name = fields.name("for")
    return For(name, fields.expression("in"), fields.body("do", name))


# The keys that an operation needs, and those that it may have.
_KEYS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "let": (("be",), ("let", "be")),
    "require": ((), ("require", "else")),
    "expect": ((), ("expect", "else")),
    "set": (("to",), ("set", "to")),
    "increase": (("by",), ("increase", "by")),
    "append": (("to",), ("append", "to")),
    "insert": (("into", "at"), ("insert", "into", "at")),
    "remove": ((), ("remove",)),
    "drop": (("from",), ("drop", "from")),
    "for": (("in", "do"), ("for", "in", "do")),
    "if": (("then",), ("if", "then", "else")),
    "result": ((), ("result",)),
}
_READ: Mapping[str, Callable[[_Fields], Operation]] = {
    "let": lambda f: Let(f.name("let"), f.expression("be")),
    "require": lambda f: Require(f.expression("require"), f.message("else")),
    "expect": lambda f: Expect(f.expression("expect"), f.message("else")),
    "set": lambda f: Set(f.place("set"), f.expression("to")),
    "increase": lambda f: Increase(f.place("increase"), f.expression("by")),
    "append": lambda f: Append(f.expression("append"), f.expression("to")),
    "insert": lambda f: Insert(f.expression("insert"), f.expression("into"), f.expression("at")),
    "remove": lambda f: Remove(f.place("remove")),
    "drop": lambda f: Drop(f.expression("drop"), f.expression("from")),
    "for": _for,
    "if": lambda f: If(f.expression("if"), f.body("then"), f.body("else")),
    "result": lambda f: Result(f.expression("result")),
}
