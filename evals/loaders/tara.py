"""TARA (2310.01045): pairs of answers that a tool tells apart; `actions`, `score` and `score_agent` are the label's.

Two sets of one folder. `tara_code` comes with the tests that decide it. `themis_tara` is sums, dates and weather, the
last with its table: which call tells its answers apart is the judge's to find out.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from evals.loaders.item import Entry, Item, Suite
from evals.loaders.making import check, ranked
from evals.loaders.rows import Row, rows_of
from evals.tara.rows import FILES, Pair, pair_of, resources_of
from judge_agent.errors import InvalidRequest

CODE = ("code",)
OTHERS = tuple(name for name in FILES if name not in CODE)


def _read(names: Sequence[str], folder: Path, /) -> Sequence[Entry]:
    there = [name for name in names if (folder / FILES[name]).is_file()]
    if not there:
        raise InvalidRequest(str(folder), f"holds none of {', '.join(FILES[name] for name in names)}")
    return [entry for name in there for entry in _entries(name, folder)]


def _entries(name: str, folder: Path) -> list[Entry]:
    try:
        resources = resources_of(folder, name)
    except (OSError, ValueError) as error:
        raise InvalidRequest(str(folder), f"no table: {type(error).__name__}: {error}") from error
    pairs = [(row, _pair(row, name, resources)) for row in rows_of(folder / FILES[name])]
    return [Entry(f"{name}:{row.number}", name, partial(_item, row, name, pair)) for row, pair in pairs]


def _pair(row: Row, name: str, resources: dict[str, object]) -> Pair:
    row.text("question")
    for side in ("pos_answer", "neg_answer"):
        row.part(side).text("answer", may_be_empty=True)
    if name == "code":
        row.texts("test_list")
    try:
        return pair_of(dict(row.data), name, resources)
    except (KeyError, IndexError) as error:
        raise row.error(str(error.args[0]), f"{type(error).__name__}: {error}") from error


def _item(row: Row, name: str, pair: Pair) -> Item:
    task = {"prompt": pair.question, "reference": pair.reference}
    own = {"resources": pair.resources} if pair.resources else {}
    item = ranked(f"{name}:{row.number}", name, task, [pair.better], [pair.worse], **own)
    check(row, item)
    return item


ORIGIN = "github.com/ernie-research/Tool-Augmented-Reward-Model, data/"
SUITE = Suite(
    name="themis_tara",
    decided_by="reference",
    is_given=False,
    read=partial(_read, OTHERS),
    origin=ORIGIN,
    known_from="published files",
)
CODE_SUITE = Suite(
    name="tara_code",
    decided_by="test",
    is_given=True,
    read=partial(_read, CODE),
    origin=ORIGIN,
    known_from="published files",
    folder="themis_tara",
)
