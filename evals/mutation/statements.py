"""Kinds of mistakes in what a program does, and when."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from evals.mutation.sites import Kind, Replacement, Surroundings

_SIMPLE = (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Expr)
_LOOPS = (ast.For, ast.While)


def negated_condition(node: ast.AST, around: Surroundings) -> Iterator[Replacement]:
    """A condition that holds where it should not."""
    if isinstance(node, (ast.If, ast.While, ast.IfExp)):
        node.test = ast.UnaryOp(ast.Not(), node.test)
        yield node
    elif isinstance(node, ast.comprehension) and node.ifs:
        node.ifs[0] = ast.UnaryOp(ast.Not(), node.ifs[0])
        yield node


def missing_branch(node: ast.AST, around: Surroundings) -> Iterator[Replacement]:
    """One side of a condition forgotten."""
    if isinstance(node, ast.If):
        yield node.orelse or [ast.Pass()]
        yield node.body
    elif isinstance(node, ast.IfExp):
        yield node.orelse
        yield node.body
    elif isinstance(node, ast.comprehension) and node.ifs:
        yield ast.comprehension(node.target, node.iter, node.ifs[1:], node.is_async)


def missing_statement(node: ast.AST, around: Surroundings) -> Iterator[Replacement]:
    if isinstance(node, _SIMPLE):
        yield ast.Pass()


def missing_return(node: ast.AST, around: Surroundings) -> Iterator[Replacement]:
    """The value is made and dropped, or None is returned."""
    if isinstance(node, ast.Return) and node.value is not None:
        yield ast.Expr(node.value)
        yield ast.Return(None)


def printed_result(node: ast.AST, around: Surroundings) -> Iterator[Replacement]:
    """The value is shown, not returned."""
    if isinstance(node, ast.Return) and node.value is not None:
        yield ast.Expr(ast.Call(ast.Name("print", ast.Load()), [node.value], []))


def loop_cut_short(node: ast.AST, around: Surroundings) -> Iterator[Replacement]:
    """A loop that ends after its first round, or goes on where it should end."""
    if isinstance(node, _LOOPS):
        node.body = [*node.body, ast.Break()]
        yield node
    elif isinstance(node, ast.Break):
        yield ast.Pass()
    elif isinstance(node, ast.Continue):
        yield ast.Break()


def endless_loop(node: ast.AST, around: Surroundings) -> Iterator[Replacement]:
    """A loop that never ends: beside a loop or a return, or because nothing moves it on."""
    forever = ast.While(ast.Constant(True), [ast.Pass()], [])
    if isinstance(node, ast.While):
        node.test = ast.Constant(True)
        yield node
    elif isinstance(node, ast.For):
        node.body = [forever]
        yield node
    elif isinstance(node, ast.Return):
        yield [forever, node]


def swallowed_exception(node: ast.AST, around: Surroundings) -> Iterator[Replacement]:
    """Something goes wrong in or before a statement, and nobody hears of it."""
    if isinstance(node, (*_SIMPLE, ast.Return, ast.If)):
        yield _quiet([_raise("ValueError"), node])
    elif isinstance(node, _LOOPS):
        node.body = [*node.body, _raise("LookupError")]
        yield _quiet([node])


def _quiet(body: list[ast.stmt]) -> ast.Try:
    ignore = ast.ExceptHandler(ast.Name("Exception", ast.Load()), None, [ast.Pass()])
    return ast.Try(body, [ignore], [], [])


def _raise(name: str) -> ast.Raise:
    return ast.Raise(ast.Name(name, ast.Load()), None)


def ended_process(node: ast.AST, around: Surroundings) -> Iterator[Replacement]:
    """The whole program ends, as if all were well, where a value should be returned."""
    if isinstance(node, ast.Return):
        yield ast.Raise(ast.Call(ast.Name("SystemExit", ast.Load()), [ast.Constant(0)], []), None)
        leave = ast.Attribute(
            ast.Call(ast.Name("__import__", ast.Load()), [ast.Constant("os")], []), "_exit", ast.Load()
        )
        yield ast.Expr(ast.Call(leave, [ast.Constant(0)], []))


KINDS: tuple[Kind, ...] = (
    negated_condition,
    missing_branch,
    missing_statement,
    missing_return,
    printed_result,
    loop_cut_short,
    endless_loop,
    swallowed_exception,
    ended_process,
)
