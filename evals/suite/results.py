"""What became of each item: one JSON line a judgment, kept as it ends, so that a stopped run goes on where it was."""

from __future__ import annotations

import fcntl
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple

from pydantic import Field, ValidationError

from evals.loaders.item import Item
from evals.suite.verdicts import Verdict, by_evidence, length_of, preferred_of, verdict_of
from judge_agent.errors import FailureKind, InvalidRequest
from judge_agent.schema import CandidateResult, Envelope, Judgment, PrincipleResult, Status, StepResult, Usage

Finish = Literal["judged", "crashed", "stuck"]


class Key(NamedTuple):
    """What one judgment of a run is of. `settings_sha256` is of the request with its recipe, budget and seed, and of
    what judges (model, prompts, tools): other settings make another judgment."""

    set: str
    item: str
    recipe: str
    with_tools: bool
    settings_sha256: str


class CandidateLine(Envelope):
    id: str
    status: Status
    failure_kind: FailureKind | None
    reward: float | None
    score: float | None
    passed: bool | None


class Result(Envelope):
    """One judged item. `verdict` is `none` where the judge gave no score; `by_evidence` what tools alone say.

    `started` and `ended` are seconds since 1970 as the client saw them, `seconds` the time that the judge counts.
    `decided_by` counts principles and steps by who decided them, `principle_failures` those that nobody did.
    `way_sha256` is of the settings and of what judges, without the item; `item_sha256` of the request and its label;
    null in files that are older than them.
    """

    set: str
    item: str
    category: str
    recipe: str
    with_tools: bool
    settings_sha256: str
    way_sha256: str | None = None
    item_sha256: str | None = None
    outcome: Finish
    error: str | None = None
    verdict: Verdict = "none"
    by_evidence: Verdict | None = None
    confidence: float | None = None
    order_consistency: float | None = None
    better_is_longer: bool | None = None
    prefers_longer: bool | None = None
    candidates: tuple[CandidateLine, ...] = ()
    decided_by: dict[str, int] = Field(default_factory=dict)
    principle_failures: dict[str, int] = Field(default_factory=dict)
    usage: Usage = Usage()
    started: float
    ended: float
    seconds: float | None = None
    judgment: str | None = None
    model: dict[str, Any]
    commit: str

    @property
    def key(self) -> Key:
        return Key(self.set, self.item, self.recipe, self.with_tools, self.settings_sha256)


def facts_of(judgment: Judgment, item: Item, max_seconds: float) -> dict[str, Any]:
    """The fields of a `Result` that follow from a finished judgment, which was to take `max_seconds` at most."""
    outcome, error = _outcome(judgment, max_seconds)
    principles = [p for candidate in judgment.candidates for p in candidate.principles]
    steps = [step for candidate in judgment.candidates for step in candidate.steps]
    return {
        "outcome": outcome,
        "error": error,
        "verdict": verdict_of(judgment, item.label),
        "by_evidence": by_evidence(judgment, item.label),
        "confidence": _confidence(judgment),
        "order_consistency": judgment.flags.get("comparison", {}).get("order_consistency"),
        **_length(judgment, item),
        "candidates": [
            {name: getattr(candidate, name) for name in CandidateLine.model_fields}
            for candidate in judgment.candidates
        ],
        "decided_by": _decided(principles, steps),
        "principle_failures": dict(Counter(p.failure_kind for p in principles if p.failure_kind)),
        "usage": judgment.usage,
        "seconds": judgment.seconds,
        "judgment": judgment.id,
    }


def _decided(principles: Sequence[PrincipleResult], steps: Sequence[StepResult]) -> dict[str, int]:
    found = [one.decided_by for one in principles] + [one.decided_by for one in steps]
    return dict(Counter(str(who) for who in found if who is not None))


def _confidence(judgment: Judgment) -> float | None:
    """That of the preferred one, or of the only one."""
    only = judgment.candidates[0] if len(judgment.candidates) == 1 else preferred_of(judgment)
    return only.confidence.value if only is not None else None


def _length(judgment: Judgment, item: Item) -> Mapping[str, bool]:
    chars = {one["id"]: len(json.dumps(one["trajectory"])) for one in item.request.body["candidates"]}
    found = length_of(judgment, item.label, chars)
    return {} if found is None else found._asdict()


def _outcome(judgment: Judgment, max_seconds: float) -> tuple[Finish, str | None]:
    """A judge that failed by its own fault crashed, also where it says so in good form."""
    failed: list[CandidateResult | PrincipleResult] = list(judgment.candidates)
    failed += [principle for candidate in judgment.candidates for principle in candidate.principles]
    internal = next((one for one in failed if one.failure_kind == "internal"), None)
    if internal is not None:
        return "crashed", f"internal: {internal.failure_reason}"
    if judgment.state != "done":
        return "crashed", f"it ended {judgment.state}"
    if judgment.seconds > max_seconds:
        return "stuck", f"it took {judgment.seconds:.0f} s of at most {max_seconds:.0f}"
    return "judged", None


class Results:
    """The results of a run, in the order in which they ended; kept in a file where there is one."""

    def __init__(self, earlier: Sequence[Result] = (), file: IO[bytes] | None = None) -> None:
        self._file = file
        self._last = {result.key: result for result in earlier}
        self.judged_again = 0

    def add(self, result: Result) -> None:
        """Keep a result; it is on its way to the disk when this returns."""
        if self._file is not None:
            self._file.write(result.model_dump_json().encode() + b"\n")
            self._file.flush()
        self.judged_again += result.key in self._last
        self._last[result.key] = result

    def is_judged(self, key: Key) -> bool:
        """Whether there is a judgment to keep: one that crashed or got stuck is tried again."""
        return key in self._last and self._last[key].outcome == "judged"

    @property
    def all(self) -> tuple[Result, ...]:
        return tuple(self._last.values())

    def of(self, keys: Sequence[Key]) -> list[Result]:
        return [self._last[key] for key in keys if key in self._last]

    def of_other_settings(self, keys: Sequence[Key]) -> int:
        """How many results there are of these items and recipes that other settings gave."""
        named = {key[:4] for key in keys}
        return sum(key[:4] in named and key not in keys for key in self._last)


def read(path: Path) -> list[Result]:
    """The results of a finished or stopped run. Raises InvalidRequest for anything else."""
    try:
        whole, _, _ = path.read_bytes().rpartition(b"\n")
    except OSError as error:
        raise InvalidRequest(str(path), f"cannot be read: {error.strerror}") from error
    return _results(path, whole)


@contextmanager
def opened(path: Path | None) -> Iterator[Results]:
    """The results in `path`, and those to come. Without a path they live as long as the run.

    A last line that was cut off by a kill is taken away. Raises InvalidRequest for a file that another run writes to,
    or that holds something else.
    """
    if path is None:
        yield Results()
        return
    with _file(path) as file:
        _lock(file, path)
        yield Results(_kept(file, path), file)


def _file(path: Path) -> IO[bytes]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("a+b")
    except OSError as error:
        raise InvalidRequest(str(path), f"cannot be written: {error.strerror}") from error


def _lock(file: IO[bytes], path: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise InvalidRequest(str(path), "another run writes to it") from error


def _kept(file: IO[bytes], path: Path) -> list[Result]:
    file.seek(0)
    whole, _, torn = file.read().rpartition(b"\n")
    results = _results(path, whole)
    if torn:
        file.truncate(file.seek(0, os.SEEK_END) - len(torn))
    return results


def _results(path: Path, whole: bytes) -> list[Result]:
    lines = whole.split(b"\n") if whole else []
    return [_result(path, number, line) for number, line in enumerate(lines, start=1) if line.strip()]


def _result(path: Path, number: int, line: bytes) -> Result:
    try:
        return Result.model_validate_json(line)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(map(str, first["loc"])) or "(all)"
        raise InvalidRequest(
            f"{path}, line {number}, field {field}", f"{first['msg']}; is it a result file?"
        ) from error
