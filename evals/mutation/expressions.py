"""Kinds of mistakes within an expression."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from evals.mutation.sites import Kind, Replacement, Surroundings

_OPERATORS: dict[type[ast.operator], tuple[type[ast.operator], ...]] = {
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Add, ast.FloorDiv),
    ast.Div: (ast.FloorDiv, ast.Mult),
    ast.FloorDiv: (ast.Div, ast.Mult),
    ast.Mod: (ast.FloorDiv,),
    ast.Pow: (ast.Mult,),
    ast.BitXor: (ast.BitOr,),
    ast.BitAnd: (ast.BitOr,),
    ast.BitOr: (ast.BitAnd,),
    ast.LShift: (ast.RShift,),
    ast.RShift: (ast.LShift,),
}
_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.GtE),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.LtE),
    ast.Eq: (ast.NotEq, ast.GtE),
    ast.NotEq: (ast.Eq,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}
_BUILTINS = {
    "min": "max",
    "max": "min",
    "any": "all",
    "all": "any",
    "sum": "max",
    "len": "sum",
    "sorted": "list",
    "set": "list",
    "abs": "round",
    "int": "float",
    "str": "repr",
    "enumerate": "list",
    "list": "tuple",
    "tuple": "list",
    "reversed": "iter",
    "round": "int",
    "filter": "map",
    "ceil": "floor",
    "floor": "ceil",
    "upper": "lower",
    "lower": "upper",
    "isupper": "islower",
    "islower": "isupper",
    "isdigit": "isalpha",
    "isalpha": "isdigit",
    "startswith": "endswith",
    "endswith": "startswith",
    "append": "extend",
    "extend": "append",
    "find": "rfind",
    "index": "count",
    "count": "index",
    "keys": "values",
    "values": "keys",
    "add": "discard",
    "strip": "lstrip",
    "split": "splitlines",
    "nlargest": "nsmallest",
    "nsmallest": "nlargest",
    "search": "match",
    "match": "search",
}
_WRAPPINGS = ("str", "float", "list", "tuple", "set", "bool", "iter", "bytes", "repr", "dict")
MAX_VARIABLES = 3


def wrong_operator(node: ast.AST, around: Surroundings) -> Iterator[Replacement]:
    """An arithmetic, logical or bitwise operator in place of another."""
    if isinstance(node, ast.operator):
        for other in _OPERATORS.get(type(node), ()):
            yield other()
    elif isinstance(node, ast.boolop):
        yield ast.Or() if isinstance(node, ast.And) else ast.And()
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield node.operand


def wrong_comparison(node: ast.AST, around: Surroundings) -> Iterator[Replacement]:
    """A comparison that includes its bound, excludes it, or looks the other way."""
    if isinstance(node, ast.cmpop):
        for other in _COMPARISONS.get(type(node), ()):
            yield other()


def off_by_one(node: ast.AST, around: Surroundings) -> Iterator[Replacement]:
    """The end of a range, an index or the bound of a slice, moved by one."""
    for sign in (ast.Add, ast.Sub):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "range":
            for place, argument in enumerate(node.args[:2]):
                moved = [*node.args]
                moved[place] = _moved(argument, sign)
                yield ast.Call(node.func, moved, [])
        elif isinstance(node, ast.Subscript) and not isinstance(node.slice, (ast.Slice, ast.Tuple)):
            yield ast.Subscript(node.value, _moved(node.slice, sign), node.ctx)
        elif isinstance(node, ast.Slice):
            if node.lower is not None:
                yield ast.Slice(_moved(node.lower, sign), node.upper, node.step)
            if node.upper is not None:
                yield ast.Slice(node.lower, _moved(node.upper, sign), node.step)


def _moved(value: ast.expr, sign: type[ast.operator]) -> ast.expr:
    return ast.BinOp(value, sign(), ast.Constant(1))


def constant_changed(node: ast.AST, around: Surroundings) -> Iterator[Replacement]:
    """Another number, text or truth value."""
    if not isinstance(node, ast.Constant):
        return
    value = node.value
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, int):
        yield ast.Constant(value + 1)
        yield ast.Constant(0 if value else 2)
    elif isinstance(value, float):
        yield ast.Constant(value * 1.5 + 0.25)
    elif isinstance(value, str):
        yield ast.Constant(value + "x")
        yield ast.Constant(value[1:])


def wrong_builtin(node: ast.AST, around: Surroundings) -> Iterator[Replacement]:
    """A function or method of the standard library in place of its neighbour."""
    if not isinstance(node, ast.Call):
        return
    function = node.func
    if isinstance(function, ast.Name) and function.id in _BUILTINS:
        yield ast.Call(ast.Name(_BUILTINS[function.id], ast.Load()), node.args, node.keywords)
    elif isinstance(function, ast.Attribute) and function.attr in _BUILTINS:
        other = ast.Attribute(function.value, _BUILTINS[function.attr], ast.Load())
        yield ast.Call(other, node.args, node.keywords)


def swapped_arguments(node: ast.AST, around: Surroundings) -> Iterator[Replacement]:
    """The first two arguments of a call, or the two sides of an operator, the wrong way round."""
    if isinstance(node, ast.Call) and len(node.args) > 1:
        first, second, *rest = node.args
        yield ast.Call(node.func, [second, first, *rest], node.keywords)
    elif isinstance(node, ast.BinOp):
        yield ast.BinOp(node.right, node.op, node.left)


def wrong_variable(node: ast.AST, around: Surroundings) -> Iterator[Replacement]:
    """Another variable of the same program."""
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in around.names:
        place = around.names.index(node.id)
        others = (*around.names[place + 1 :], *around.names[:place])
        for other in others[:MAX_VARIABLES]:
            yield ast.Name(other, ast.Load())


def wrong_type(node: ast.AST, around: Surroundings) -> Iterator[Replacement]:
    """The right value as something else: text, a list of it, a float, an iterator."""
    if not isinstance(node, ast.Return) or node.value is None:
        return
    for name in _WRAPPINGS:
        yield ast.Return(ast.Call(ast.Name(name, ast.Load()), [node.value], []))
    yield ast.Return(ast.List([node.value], ast.Load()))
    yield ast.Return(ast.Tuple([node.value], ast.Load()))
    yield ast.Return(ast.Lambda(_NO_ARGUMENTS, node.value))


_NO_ARGUMENTS = ast.arguments([], [], None, [], [], None, [])

KINDS: tuple[Kind, ...] = (
    wrong_operator,
    wrong_comparison,
    off_by_one,
    constant_changed,
    wrong_builtin,
    swapped_arguments,
    wrong_variable,
    wrong_type,
)
