"""Sets of learned principles that requests may name, as they were when they were read: in use, or by version."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from judge_agent.errors import InvalidRequest
from judge_agent.learning.store import PrincipleSet, PrincipleStore
from judge_agent.schema import JudgmentRequest


class NamedPrinciples:
    """Sets by NAME, which is the version in use, and by NAME@VERSION."""

    def __init__(self, known: Mapping[str, PrincipleSet] | None = None) -> None:
        self._known = dict(known or {})

    def of(self, request: JudgmentRequest) -> PrincipleSet | None:
        """The set that a request names; None where it names none. Raises InvalidRequest for one that is not there."""
        name = request.principles_from
        if name is None:
            return None
        if name not in self._known:
            known = (
                sorted(self._known)
                or "none: JUDGE_PRINCIPLES_DIR names the folder of `judge-agent principles`"
            )
            raise InvalidRequest(
                "principles_from", f"{name!r} is no set of principles here; there are {known}"
            )
        return self._known[name]

    def given(self, request: JudgmentRequest) -> JudgmentRequest:
        """The request with the principles in place of their name. Raises InvalidRequest as `of` does."""
        found = self.of(request)
        if found is None:
            return request
        return request.model_copy(update={"principles": found.principles, "principles_from": None})


def load_principles(folder: Path | None) -> NamedPrinciples:
    """Read all versions of all sets in a folder; None is none. Raises StoreError naming the file that is wrong."""
    if folder is None:
        return NamedPrinciples()
    store, known = PrincipleStore(folder), dict[str, PrincipleSet]()
    for name in store.names():
        known |= {f"{name}@{version}": store.get(name, version) for version in store.versions(name)}
        known[name] = store.get(name)
    return NamedPrinciples(known)
