"""All kinds of mistakes, by the files that they stand in."""

from __future__ import annotations

from evals.mutation import expressions, statements, wholes
from evals.mutation.sites import Kind

KINDS: tuple[Kind, ...] = (*expressions.KINDS, *statements.KINDS, *wholes.KINDS)
