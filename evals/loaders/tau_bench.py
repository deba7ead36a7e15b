"""tau-bench's airline trajectories (2406.12045): rewarded by the records they end in.

The request holds the records before the dialogue, what the tools do to them, and the calls that were right
(`evals/tau/episodes.py`): the end state follows from these. `reward` and the rest of `info` are the label's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from evals.loaders.item import Entry, Item, Outcome, Request, Suite
from evals.loaders.rows import Row, object_of, rows_of
from evals.tau import episodes

FILE = "gpt-4o-airline.json"


def _read(folder: Path, /) -> Sequence[Entry]:
    paths = {name: folder / "airline_env" / f"{name}.json" for name in episodes.TABLES}
    world = episodes.packed({name: object_of(path).data for name, path in paths.items()})
    found = [_episode(row) for row in rows_of(folder / FILE)]
    return [Entry(one.name, _category(one), partial(_item, one, world)) for one in found]


def _episode(row: Row) -> episodes.Episode:
    try:
        return episodes.episode_of(row.data)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        field = str(error.args[0]) if isinstance(error, KeyError) else "info, reward or traj"
        raise row.error(field, f"is missing or of another form ({type(error).__name__})") from error


def _category(episode: episodes.Episode) -> str:
    return "airline/success" if episode.reward >= 1.0 else "airline/failure"


def _item(episode: episodes.Episode, world: bytes) -> Item:
    body = episodes.request(episode, hashlib.sha256(world).hexdigest())
    kept = {name: body[name] for name in ("task", "candidates", "resources", "granularity")}
    return Item(episode.name, _category(episode), Request(kept, (world,)), Outcome(episode.reward >= 1.0))


SUITE = Suite(
    name="tau_bench",
    decided_by="end_state",
    is_given=True,
    read=_read,
    origin="github.com/sierra-research/tau-bench, historical_trajectories and envs/airline/data",
    known_from="published files",
)
