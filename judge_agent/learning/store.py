"""Keeps sets of principles in a folder: NAME/vN.toml, one file a version, and NAME/head, the version in use.

A version is never changed. To roll back is to move the head: what it names has the hash that it had.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from judge_agent.errors import InvalidRequest, StoreError
from judge_agent.hashing import sha256_of
from judge_agent.schema import PrincipleSpec

NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_VERSION = re.compile(r"v([1-9][0-9]*)\.toml")


@dataclass(frozen=True)
class PrincipleSet:
    """One version of a set. `parent` is the hash of the version that it was made after, `provenance` how."""

    name: str
    version: int
    parent: str | None
    created: str
    principles: tuple[PrincipleSpec, ...]
    provenance: Mapping[str, Any]
    unused: tuple[Mapping[str, Any], ...] = ()
    sha256: str = ""

    @property
    def content(self) -> dict[str, Any]:
        """All but the hash, as it is kept."""
        return {
            "name": self.name,
            "version": self.version,
            "parent": self.parent or "",
            "created": self.created,
            "provenance": dict(self.provenance),
            "principles": [_plain(one) for one in self.principles],
            "unused": [dict(one) for one in self.unused],
        }

    @property
    def said(self) -> dict[str, Any]:
        """What a record says of it."""
        return {"name": self.name, "version": self.version, "sha256": self.sha256}


class PrincipleStore:
    """Sets of principles under one folder. One writer at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def names(self) -> list[str]:
        if not self._folder.is_dir():
            return []
        found = sorted(one.name for one in self._folder.iterdir() if NAME.fullmatch(one.name))
        return [name for name in found if self.versions(name)]

    def versions(self, name: str) -> list[int]:
        """The versions of a set, oldest first; none of a set that is not there."""
        folder = self._folder / _checked(name)
        found = [_VERSION.fullmatch(one.name) for one in folder.iterdir()] if folder.is_dir() else []
        return sorted(int(one.group(1)) for one in found if one)

    def head(self, name: str) -> int:
        """The version in use. Raises InvalidRequest for a set that is not there, StoreError for a head of nothing."""
        known = self.versions(name)
        if not known:
            raise InvalidRequest("name", f"{name!r} is no set of principles; there are {self.names()}")
        path = self._folder / name / "head"
        try:
            head = int(path.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise StoreError(f"{str(path)!r} names no version of {known}: {error}") from error
        if head not in known:
            raise StoreError(f"{str(path)!r} names version {head}, and there are {known}")
        return head

    def get(self, name: str, version: int | None = None) -> PrincipleSet:
        """Read a version, by default the one in use. Raises InvalidRequest for one not there, StoreError."""
        wanted = self.head(name) if version is None else version
        if wanted not in self.versions(name):
            raise InvalidRequest(
                "version", f"{wanted} of {name!r} is not there; there are {self.versions(name)}"
            )
        return read_set(self._folder / name / f"v{wanted}.toml")

    def add(self, made: PrincipleSet) -> PrincipleSet:
        """Keep a set as the next version of its name, and use it. Returns it with version, parent and hash."""
        known = self.versions(made.name)
        parent = self.get(made.name).sha256 if known else None
        numbered = replace(made, version=(known or [0])[-1] + 1, parent=parent)
        whole = replace(numbered, sha256=sha256_of(numbered.content))
        folder = self._folder / whole.name
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with (folder / f"v{whole.version}.toml").open("x", encoding="utf-8") as file:
                file.write(_toml(whole))
            self._use(whole.name, whole.version)
        except OSError as error:
            raise StoreError(f"cannot keep principles in {str(folder)!r}: {error}") from error
        return whole

    def rollback(self, name: str, version: int) -> PrincipleSet:
        """Use an earlier version, or a later one again. Raises InvalidRequest for one that is not there."""
        found = self.get(name, version)
        try:
            self._use(name, version)
        except OSError as error:
            raise StoreError(f"cannot change {str(self._folder / name / 'head')!r}: {error}") from error
        return found

    def _use(self, name: str, version: int) -> None:
        head = self._folder / name / "head"
        new = head.with_name("head.new")
        new.write_text(f"{version}\n", "utf-8")
        new.replace(head)


def read_set(path: Path) -> PrincipleSet:
    """Read a version. Raises StoreError for a file that is none, or whose content is not what its hash says."""
    try:
        data = tomllib.loads(path.read_text("utf-8"))
        found = PrincipleSet(
            name=data["name"],
            version=data["version"],
            parent=data["parent"] or None,
            created=data["created"],
            principles=tuple(PrincipleSpec.model_validate(one) for one in data["principles"]),
            provenance=data["provenance"],
            unused=tuple(data.get("unused", ())),
            sha256=data["sha256"],
        )
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError, ValidationError) as error:
        raise StoreError(f"principles file {str(path)!r}: {type(error).__name__}: {error}") from error
    if sha256_of(found.content) != found.sha256:
        raise StoreError(
            f"principles file {str(path)!r} was changed: its content has another hash than it says"
        )
    return found


def _checked(name: str) -> str:
    if not NAME.fullmatch(name):
        raise InvalidRequest(
            "name",
            f"{name!r} is no name of a set: small letters, digits, - and _, a letter first, 64 at most",
        )
    return name


def _plain(one: PrincipleSpec) -> dict[str, Any]:
    return {"name": one.name, "description": one.description, "kind": one.kind, "weight": one.weight}


def _toml(made: PrincipleSet) -> str:
    """A set as TOML: flat tables of texts and numbers, of which JSON's forms are TOML's, too."""
    content = made.content
    top = {name: content[name] for name in ("name", "version", "parent", "created")} | {"sha256": made.sha256}
    blocks = ["# Learned principles. A version is never edited: its hash is of its content.\n" + _table(top)]
    blocks.append("[provenance]\n" + _table(content["provenance"]))
    for kind in ("principles", "unused"):
        blocks += [f"[[{kind}]]\n{_table(one)}" for one in content[kind]]
    if not content["unused"]:
        blocks[0] += "unused = []\n"
    return "\n".join(blocks)


def _table(values: Mapping[str, str | int | float]) -> str:
    return "".join(f"{name} = {_value(value)}\n" for name, value in values.items())


def _value(value: str | int | float | Sequence[Any]) -> str:
    # Of control characters TOML takes none but escaped, and JSON leaves one as it is.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
