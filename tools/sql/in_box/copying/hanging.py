"""Finds which columns of a table hang together in every given row, so that a copy moves them together or not at all.

Looked for are: one value for each value of another column; NULL exactly where another column has some value, or NULL;
numbers that others add up or multiply to, that a share was taken from, or that follow another by a line; days between
two dates, an age beside a birthday, a year, month or weekday beside its date; a class beside the range that it stands
for; texts that hold another's.

Does not know whether this is a rule or an accident: what is taken for a rule in vain is only varied less.
"""

from __future__ import annotations

import datetime
import decimal
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations, pairwise, permutations
from typing import Any

from tools.sql.in_box.copying.shapes import decimals_of

MAX_PAIRED = 12  # columns of a table that are tried together
MAX_IN_FOURS = 7
LEAST_ROWS = 3
LEAST_MARKED = 6  # rows of which one class, or more, is NULL elsewhere
LEAST_SPREAD = 3  # of ages and counted years, months and weeks
ACCIDENT = 0.07  # how likely classes may have ranges of their own by accident
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_PLACES = (0, 1, 2, -1, -2, -3)  # of words in a text
_NO_TEXT = re.compile(r"[\W_]+")
_TWO: tuple[Callable[[float, float], float], ...] = (
    lambda a, b: a + b,
    lambda a, b: a * b,
    lambda a, b: a * (1 - b),
    lambda a, b: a * (1 + b),
    lambda a, b: a * (1 - b / 100),
    lambda a, b: a * (1 + b / 100),
    lambda a, b: a * b / 100,
)
_THREE: tuple[Callable[[float, float, float], float], ...] = (
    lambda a, b, c: a + b + c,
    lambda a, b, c: a + b - c,
    lambda a, b, c: a * b * c,
    lambda a, b, c: a * b + c,
    lambda a, b, c: a * b - c,
    lambda a, b, c: a * b * (1 - c),
    lambda a, b, c: a * b * (1 + c),
    lambda a, b, c: a * b * (1 - c / 100),
    lambda a, b, c: a * b * (1 + c / 100),
)
_OF_A_DATE: tuple[Callable[[datetime.datetime], object], ...] = (
    lambda day: day.year,
    lambda day: day.month,
    lambda day: (day.month + 2) // 3,
    lambda day: day.isocalendar()[1],
    lambda day: day.weekday(),
    lambda day: day.weekday() > 4,
    lambda day: (day.year, day.month),
    lambda day: day.hour,
)
_UNITS = (1.0, 24.0, 1440.0, 86400.0, 1 / 7, 1 / 365.25, 12 / 365.25)  # in a day
_EPOCH = datetime.datetime(1970, 1, 1)
Cell = Any
Row = tuple[Cell, ...]


def hanging(rows: Sequence[Row], keys: set[int]) -> list[tuple[int, ...]]:
    """Sets of columns that hang together. `keys`: columns that name rows, which all others follow trivially."""
    if len(rows) < 2:
        return []
    width = len(rows[0])
    sets = list(range(width))
    for one in _found(rows, width, keys):
        first = min(sets[at] for at in one)
        joined = {sets[at] for at in one}
        sets = [first if mark in joined else mark for mark in sets]
    groups = [tuple(at for at in range(width) if sets[at] == mark) for mark in dict.fromkeys(sets)]
    return [group for group in groups if len(group) > 1]


def _found(rows: Sequence[Row], width: int, keys: set[int]) -> Iterator[tuple[int, ...]]:
    free = [at for at in range(width) if at not in keys]
    for one, other in permutations(free, 2):
        if follows_column(rows, one, other) or _null_follows(rows, one, other):
            yield one, other
    for one, other in permutations(range(width), 2):
        if other in free and _holds(rows, one, other):
            yield one, other
    for one, other in combinations(free, 2):
        if _share_a_word(rows, one, other):
            yield one, other
    numbers = [at for at in free if are_numbers(rows, at)][:MAX_PAIRED]
    days = [at for at in range(width) if _are_days(rows, at)][:MAX_PAIRED]
    yield from _of_numbers(rows, numbers)
    yield from _of_dates(rows, free, numbers, days)
    for group in free:
        for at in (*numbers, *days):
            if at != group and _has_ranges(rows, group, at):
                yield group, at


def follows(rows: Sequence[Row], by: Callable[[Row], Cell], what: Callable[[Row], Cell]) -> bool:
    """Whether equal values of one go with equal values of the other, more than once, and not all are the same."""
    seen: dict[Cell, Cell] = {}
    again: dict[Cell, None] = {}
    try:
        for row in rows:
            key, value = by(row), what(row)
            if key is None:
                continue
            if key in seen:
                if seen[key] != value:
                    return False
                again[key] = None
            seen[key] = value
        return len(again) > 1 and len(set(seen.values())) > 1
    except TypeError:
        return False


def follows_column(rows: Sequence[Row], by: int, at: int) -> bool:
    """`follows`, of two columns."""
    return follows(rows, lambda row: row[by], lambda row: row[at])


def _null_follows(rows: Sequence[Row], one: int, other: int) -> bool:
    """Whether a column is NULL just where another is, or just where it has some values, each of several rows."""
    nulls = [row[other] is None for row in rows]
    if all(nulls) or not any(nulls) or len(rows) < LEAST_ROWS:
        return False
    theirs = [row[one] is None for row in rows]
    if theirs == nulls:
        return True
    if sum(theirs) > 1 and all(null for null, their in zip(nulls, theirs, strict=True) if their):
        return True  # what has not been sent has not arrived
    if len(rows) < LEAST_MARKED:
        return follows(rows, lambda row: (row[one],), lambda row: row[other] is None)
    by_value: dict[Cell, set[bool]] = {}
    try:
        for row, null in zip(rows, nulls, strict=True):
            by_value.setdefault(row[one], set()).add(null)
    except TypeError:
        return False
    return 1 < len(by_value) <= max(2, int(0.6 * len(rows))) and all(
        len(own) == 1 for own in by_value.values()
    )


def are_numbers(rows: Sequence[Row], at: int) -> bool:
    known = [row[at] for row in rows if row[at] is not None]
    return bool(known) and all(
        isinstance(value, (int, float, decimal.Decimal)) and not isinstance(value, bool) for value in known
    )


def moment(value: Cell) -> datetime.datetime | None:
    """A date, or a text that begins as one."""
    if isinstance(value, datetime.datetime):
        return value.replace(tzinfo=None)
    if isinstance(value, datetime.date):
        return datetime.datetime(value.year, value.month, value.day)
    if isinstance(value, str) and _DAY.match(value):
        try:
            return datetime.datetime.fromisoformat(value).replace(tzinfo=None)
        except ValueError:
            return None
    return None


def _are_days(rows: Sequence[Row], at: int) -> bool:
    known = [row[at] for row in rows if row[at] is not None]
    return bool(known) and all(moment(value) is not None for value in known)


def _number(value: Cell) -> float:
    found = moment(value)
    return (found - _EPOCH) / datetime.timedelta(days=1) if found is not None else float(value)


def _known(rows: Sequence[Row], places: Sequence[int]) -> list[tuple[float, ...]]:
    """The numbers at these places of the rows that have all of them."""
    return [
        tuple(_number(row[at]) for at in places) for row in rows if all(row[at] is not None for at in places)
    ]


def _of_numbers(rows: Sequence[Row], numbers: Sequence[int]) -> Iterator[tuple[int, ...]]:
    for total in numbers:
        places = decimals(rows, total)
        others = [at for at in numbers if at != total]
        for pair in permutations(others, 2):
            if _is_any_of(_known(rows, (*pair, total)), _TWO, places):
                yield *pair, total
        for three in permutations(others, 3) if len(numbers) <= MAX_IN_FOURS else ():
            if _is_any_of(_known(rows, (*three, total)), _THREE, places):
                yield *three, total
    for one, other in combinations(numbers, 2):
        if _is_a_line(_known(rows, (one, other))):
            yield one, other


def decimals(rows: Sequence[Row], at: int) -> int:
    """The places behind the point of a column's numbers."""
    return max((decimals_of(row[at]) for row in rows if row[at] is not None), default=0)


def _is_any_of(
    known: Sequence[tuple[float, ...]], forms: Sequence[Callable[..., float]], places: int
) -> bool:
    if len(known) < LEAST_ROWS or len({row[-1] for row in known}) < 2:
        return False
    slack = 0.5 * 10**-places if places else 0.0  # a result is rounded to the places that are seen
    return any(all(_near(form(*row[:-1]), row[-1], slack) for row in known) for form in forms)


def _near(one: float, other: float, slack: float = 0.0) -> bool:
    return math.isfinite(one) and abs(one - other) <= slack + 1e-6 * max(1.0, abs(one), abs(other))


def _is_a_line(known: Sequence[tuple[float, ...]]) -> bool:
    points = sorted(set(known))
    if len(points) < LEAST_ROWS or points[0][0] == points[-1][0] or points[0][1] == points[-1][1]:
        return False
    slope = (points[-1][1] - points[0][1]) / (points[-1][0] - points[0][0])
    return all(_near(points[0][1] + slope * (one - points[0][0]), other) for one, other in points)


def _of_dates(
    rows: Sequence[Row], free: Sequence[int], numbers: Sequence[int], days: Sequence[int]
) -> Iterator[tuple[int, ...]]:
    for number in numbers:
        for pair in permutations(days, 2):
            if _is_between(_known(rows, (*pair, number))):
                yield *pair, number
        for day in days:
            if _is_age(_known(rows, (day, number))):
                yield day, number
    for day in days:
        for at in free:
            if at != day and any(_is_part(rows, day, at, part) for part in _OF_A_DATE):
                yield day, at


def _is_between(known: Sequence[tuple[float, ...]]) -> bool:
    """Whether a number counts the days (hours, years, ...) from one date to the other, or one more."""
    if len(known) < LEAST_ROWS or len({row[2] for row in known}) < 2:
        return False
    counted = [row[2] for row in known]
    coarse = max(counted) - min(counted) >= LEAST_SPREAD and all(map(float.is_integer, counted))
    for unit in _UNITS:
        if unit < 1 and not coarse:
            continue
        rest = [number - (end - start) * unit for start, end, number in known]
        if max(rest) - min(rest) <= (1e-6 if unit >= 1 else 1.0) and abs(rest[0]) <= 1.01:
            return True
    return False


def _is_age(known: Sequence[tuple[float, ...]]) -> bool:
    """Whether a number and a date go on by the same, the one up and the other down, as an age does."""
    if len(known) < LEAST_ROWS or len({row[1] for row in known}) < LEAST_ROWS:
        return False
    numbers = [row[1] for row in known]
    if max(numbers) - min(numbers) < LEAST_SPREAD or not all(map(float.is_integer, numbers)):
        return False
    for unit in (1.0, 1 / 365.25):
        sums = [number + day * unit for day, number in known]
        if max(sums) - min(sums) <= (1e-6 if unit == 1 else 1.01):
            return True
    return False


def _is_part(rows: Sequence[Row], day: int, at: int, part: Callable[[datetime.datetime], object]) -> bool:
    pairs = [
        (part(found), row[at])
        for row in rows
        if row[at] is not None and (found := moment(row[day])) is not None
    ]
    if len(pairs) < LEAST_ROWS:
        return False
    same = all(isinstance(one, int) and one == other for one, other in pairs)
    return (same and len(set(pairs)) > 1) or follows(pairs, lambda row: row[0], lambda row: row[1])


def _has_ranges(rows: Sequence[Row], group: int, at: int) -> bool:
    """Whether the values of a class lie in a range of its own, where that is no accident of few rows."""
    values: dict[Cell, list[float]] = {}
    try:
        for row in rows:
            if row[at] is not None:
                values.setdefault(row[group], []).append(_number(row[at]))
    except TypeError:
        return False
    count = sum(map(len, values.values()))
    if not 1 < len(values) <= max(2, count // 2):
        return False
    ranges = sorted((min(own), max(own)) for own in values.values())
    if any(low <= before for (_, before), (low, _) in pairwise(ranges)):
        return False
    ways = math.lgamma(len(values) + 1) - math.lgamma(count + 1)
    ways += sum(math.lgamma(len(own) + 1) for own in values.values())
    return math.exp(ways) <= ACCIDENT


def _holds(rows: Sequence[Row], at: int, part: int) -> bool:
    """Whether a text holds another column's in every row: a year beside its date, a name in a full name."""
    pairs = [
        (_plain(row[at]), _plain(row[part])) for row in rows if row[at] is not None and row[part] is not None
    ]
    if not isinstance(next((row[at] for row in rows if row[at] is not None), None), (str, datetime.date)):
        return False
    inner = Counter(part for _, part in pairs)
    if len(pairs) < LEAST_ROWS or len(inner) < 2 or not all(inner):
        return False
    if all(len(part) > 2 and part in whole for whole, part in pairs):
        return True
    return len(pairs) > LEAST_ROWS and any(
        all(fits(whole, part) for whole, part in pairs) for fits in (str.startswith, str.endswith)
    )


def _share_a_word(rows: Sequence[Row], one: int, other: int) -> bool:
    """Whether a word of one text is a word of the other in every row, at the same places: the host of two addresses."""
    pairs = [(row[one], row[other]) for row in rows if row[one] is not None and row[other] is not None]
    if len(pairs) < LEAST_ROWS or not all(isinstance(value, str) for pair in pairs for value in pair):
        return False
    if _are_days(rows, one) and _are_days(rows, other):
        return False  # two days of one year are no rule
    words = [tuple(_NO_TEXT.split(value.casefold()) for value in pair) for pair in pairs]
    if all(len(word) == 1 for pair in words for word in pair):
        return False
    return any(
        all(_word(left, at) == _word(right, to) != "" for left, right in words)
        and len({_word(left, at) for left, _ in words}) > 1
        for at in _PLACES
        for to in _PLACES
    )


def _word(words: Sequence[str], at: int) -> str:
    return words[at] if -len(words) <= at < len(words) else ""


def _plain(value: Cell) -> str:
    return _NO_TEXT.sub("", str(value).casefold())
