"""What a loader makes of a benchmark's row: a request that may be asked, and a label that may not.

The two are of different types and in different fields. What asks the service takes a `Request` alone, what counts takes
a judgment and a `Label`; nothing takes both before the judgment is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

DecidedBy = Literal["test", "reference", "query", "end_state", "human", "none"]


@dataclass(frozen=True)
class Request:
    """The body of `POST /v1/judgments` without recipe, tools and budget. `uploads` are posted as blobs before it."""

    body: Mapping[str, Any]
    uploads: tuple[bytes | Path, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class Better:
    """Each candidate of `chosen` is better than each other one of the request."""

    chosen: frozenset[str]


@dataclass(frozen=True)
class Outcome:
    """Whether the only candidate of the request did what was asked."""

    succeeded: bool


@dataclass(frozen=True)
class FirstError:
    """The first wrong step of the only candidate, counted from 0 over its assistant turns; None where none is."""

    step: int | None


Label = Better | Outcome | FirstError


@dataclass(frozen=True)
class Item:
    """One question to the judge. `id` is unique in its set, `category` what figures and strata are grouped by."""

    id: str
    category: str
    request: Request
    label: Label = field(repr=False)


class Entry(NamedTuple):
    """An item that may be costly to make. `make` gives None where its row turns out to be of no use."""

    id: str
    category: str
    make: Callable[[], Item | None]


def ready(items: Sequence[Item]) -> Iterator[Entry]:
    """Entries of items that are made already."""
    for item in items:
        yield Entry(item.id, item.category, partial(_itself, item))


def _itself(item: Item) -> Item:
    return item


class Hub(NamedTuple):
    """Where a set stands on the Hugging Face hub: which splits of which configurations."""

    repository: str
    splits: tuple[str, ...]
    configs: tuple[str | None, ...] = (None,)


class Read(Protocol):
    def __call__(self, folder: Path, /) -> Sequence[Entry]:
        """All entries of the folder. Raises InvalidRequest naming file, line and field, and OSError."""
        ...


@dataclass(frozen=True)
class Suite:
    """A set of a benchmark: how its folder is read, and what decides its labels.

    `decided_by` says what the label rests on; `is_given` whether the request holds it, as tests, a reference, a query
    or an end state: figures of such sets stand apart from reference-free ones. `origin` is where the format is
    published, `known_from` where this loader knows it from.
    """

    name: str
    decided_by: DecidedBy
    is_given: bool
    read: Read = field(repr=False)
    origin: str
    known_from: Literal["published files", "published description"]
    hub: Hub | None = None
    folder: str | None = None

    @property
    def folder_name(self) -> str:
        """The folder of its files; two sets may share one."""
        return self.folder or self.name
