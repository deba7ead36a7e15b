"""Reads CNF in DIMACS form; bounded, and exact about what is wrong."""

from __future__ import annotations

MAX_VARIABLES = 20_000
MAX_LITERALS = 400_000


class NotRead(Exception):
    """The text is no problem of its format. The message says where."""


def clauses_of(text: str) -> tuple[int, list[list[int]]]:
    """The number of variables, and the clauses. Raises NotRead."""
    declared: tuple[int, int] | None = None
    clauses: list[list[int]] = []
    open_clause: list[int] = []
    count = 0
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if not words or words[0] in ("c", "%"):
            continue
        if words[0] == "p":
            declared = _header(words, number)
            continue
        if declared is None:
            raise NotRead(f"line {number}: a clause before the header 'p cnf VARIABLES CLAUSES'")
        for word in words:
            literal = _literal(word, number, declared[0])
            count += 1
            if count > MAX_LITERALS:
                raise NotRead(f"more than {MAX_LITERALS} literals")
            if literal:
                open_clause.append(literal)
            else:
                clauses.append(open_clause)
                open_clause = []
    if open_clause:
        clauses.append(open_clause)
    if declared is None:
        raise NotRead("there is no header 'p cnf VARIABLES CLAUSES'")
    if len(clauses) != declared[1]:
        raise NotRead(f"the header says {declared[1]} clauses, there are {len(clauses)}")
    return declared[0], clauses


def _header(words: list[str], number: int) -> tuple[int, int]:
    is_header = len(words) == 4 and words[1] == "cnf" and all(w.isascii() and w.isdigit() for w in words[2:])
    if not is_header or max(map(len, words[2:])) > 9:
        raise NotRead(f"line {number}: the header must be 'p cnf VARIABLES CLAUSES'")
    variables = int(words[2])
    if variables > MAX_VARIABLES:
        raise NotRead(f"{variables} variables; the limit is {MAX_VARIABLES}")
    return variables, int(words[3])


def _literal(word: str, number: int, variables: int) -> int:
    digits = word.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 9):
        raise NotRead(f"line {number}: {word[:40]!r} is no literal")
    literal = int(word)
    if abs(literal) > variables:
        raise NotRead(f"line {number}: {literal} is past the {variables} variables of the header")
    return literal
