"""Matches a candidate's calls with one list of expected ones, as well as the rules allow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, takewhile

from judge_agent.schema import CallRules, ExpectedCall
from judge_agent.trajectory import Call
from tools.calls.credit import Asked, Credit, Crediting, values_asked
from tools.calls.equality import Equality
from tools.calls.pairing import Pairs, best_in_order, best_pairs

# A complete pair outweighs whatever all the others could gain by partial credit.
COMPLETE_BONUS = 10**9
CREDIT_UNITS = 10**6
TOOLRL_UNITS = 10**9
MAX_COMPARED_PAIRS = 100_000


@dataclass(frozen=True)
class Match:
    """`pairs`: index of the expected call by index of the made one, with what that pair is worth.

    `toolrl` is ToolRL's match score (arXiv 2504.13958, section 3.3) over its largest value: names, then keys and values
    of every expected call, of the pairing that earns most of these, which need not be the one in `pairs`. It keeps to
    the order that the rules ask for, and takes an argument that is rightly left out for a right one.
    """

    made: int
    expected: int
    pairs: Mapping[int, tuple[int, Credit]]
    extra: tuple[int, ...]
    free: tuple[int, ...]
    missing: tuple[int, ...]
    toolrl: float

    @property
    def wrong(self) -> tuple[int, ...]:
        return tuple(index for index, (_, credit) in self.pairs.items() if not credit.complete)

    @property
    def complete(self) -> bool:
        """Whether every expected call was made as expected."""
        return not self.missing and not self.wrong

    @property
    def recall(self) -> float:
        return self._credits / self.expected if self.expected else 1.0

    @property
    def precision(self) -> float:
        """Credit for each call that counts: paired ones, and extra ones."""
        counted = len(self.pairs) + len(self.extra)
        return self._credits / counted if counted else float(not self.expected)

    @property
    def f1(self) -> float:
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0

    @property
    def _credits(self) -> float:
        return sum(credit.share for _, credit in self.pairs.values())


def comparable(made: Sequence[Call], expected: Sequence[ExpectedCall]) -> int:
    """How many of the calls, from the first one on, can be compared: each with all expected ones of its name."""
    columns = Counter(one.name for one in expected)
    pairs = accumulate(columns[call.name] for call in made)
    return sum(1 for _ in takewhile(lambda found: found <= MAX_COMPARED_PAIRS, pairs))


def match(
    made: Sequence[Call], expected: Sequence[ExpectedCall], rules: CallRules, *, deadline: float
) -> Match:
    """Find the best pairing: most complete pairs first, then most credit.

    Raises TimeoutError past `deadline`. For so many calls that it takes long: `comparable`.
    """
    equality = Equality(rules, deadline=deadline)
    asked = _asked(expected, rules, equality)
    credits = _credits(made, expected, asked, rules, equality)

    def weight(row: int, column: int) -> int:
        credit = credits.get((row, column))
        if credit is None:
            return 0
        return COMPLETE_BONUS * credit.complete + round(credit.share * CREDIT_UNITS)

    pairs = _paired(made, expected, rules, weight, deadline)
    paired = {row: (column, credits[row, column]) for row, column in sorted(pairs.items())}
    unpaired = [row for row in range(len(made)) if row not in paired]
    free = tuple(row for row in unpaired if made[row].name in rules.free)
    taken = {column for column, _ in paired.values()}
    missing = tuple(column for column in range(len(expected)) if column not in taken)
    return Match(
        made=len(made),
        expected=len(expected),
        pairs=paired,
        extra=tuple(row for row in unpaired if row not in set(free)) if rules.extra == "counted" else (),
        free=free if rules.extra == "counted" else tuple(unpaired),
        missing=missing,
        toolrl=_toolrl(made, expected, asked, rules, credits, pairs, deadline),
    )


def _toolrl(
    made: Sequence[Call],
    expected: Sequence[ExpectedCall],
    asked: Sequence[Mapping[str, Asked]],
    rules: CallRules,
    credits: Mapping[tuple[int, int], Credit],
    pairs: Pairs,
    deadline: float,
) -> float:
    earned = {at: one.keys + one.right_values + one.excused for at, one in credits.items()}
    if len(pairs) < len(expected) or not all(credits[at].complete for at in pairs.items()):
        pairs = _most_earning(made, expected, rules, earned, deadline)
    most = 1 + len(expected) + sum(map(values_asked, asked))
    return (_overlap(made, expected, rules) + sum(earned[at] for at in pairs.items())) / most


def _most_earning(
    made: Sequence[Call],
    expected: Sequence[ExpectedCall],
    rules: CallRules,
    earned: Mapping[tuple[int, int], float],
    deadline: float,
) -> Pairs:
    def weight(row: int, column: int) -> int:
        return round(earned.get((row, column), 0.0) * TOOLRL_UNITS)

    return _paired(made, expected, rules, weight, deadline)


def _asked(
    expected: Sequence[ExpectedCall], rules: CallRules, equality: Equality
) -> list[Mapping[str, Asked]]:
    crediting = {one.name: Crediting(one.name, rules, equality) for one in expected}
    return [crediting[one.name].asked(one) for one in expected]


def _credits(
    made: Sequence[Call],
    expected: Sequence[ExpectedCall],
    asked: Sequence[Mapping[str, Asked]],
    rules: CallRules,
    equality: Equality,
) -> dict[tuple[int, int], Credit]:
    """Credits of the pairs that share a name; a call whose arguments are no object has none."""
    columns: dict[str, list[int]] = {}
    for column, one in enumerate(expected):
        columns.setdefault(one.name, []).append(column)
    found = {}
    for name, theirs in columns.items():
        crediting = Crediting(name, rules, equality)
        for row, call in enumerate(made):
            if call.name == name and call.arguments is not None:
                given = crediting.counted(call.arguments)
                for column in theirs:
                    found[row, column] = crediting.credit(given, asked[column])
    return found


def _paired(
    made: Sequence[Call],
    expected: Sequence[ExpectedCall],
    rules: CallRules,
    weight: Callable[[int, int], int],
    deadline: float,
) -> Pairs:
    """Only calls of one name pair, so each name is paired by itself unless the order of all counts."""
    if rules.order == "strict":
        rows, columns = range(len(made)), range(len(expected))
        return best_in_order([[weight(row, column) for column in columns] for row in rows], deadline=deadline)
    pairs: Pairs = {}
    pairing = best_in_order if rules.order == "per_name" else best_pairs
    for name in dict.fromkeys(call.name for call in expected):
        mine = [row for row, call in enumerate(made) if call.name == name]
        theirs = [column for column, call in enumerate(expected) if call.name == name]
        weights = [[weight(row, column) for column in theirs] for row in mine]
        found = pairing(weights, deadline=deadline)
        pairs |= {mine[row]: theirs[column] for row, column in found.items()}
    return pairs


def _overlap(made: Sequence[Call], expected: Sequence[ExpectedCall], rules: CallRules) -> float:
    wanted = {call.name for call in expected}
    # A free tool counts only where it is expected.
    used = {call.name for call in made} - (set(rules.free) - wanted)
    every = used | wanted
    return len(used & wanted) / len(every) if every else 1.0
