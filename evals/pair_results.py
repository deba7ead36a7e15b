"""What became of each pair: one JSON line a judgment, kept as it ends, so that a stopped run goes on where it was."""

from __future__ import annotations

import fcntl
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple

from pydantic import Field, ValidationError

from evals.pair_sets import Pair
from judge_agent.errors import FailureKind, InvalidRequest
from judge_agent.schema import CandidateResult, Envelope, Judgment, PrincipleResult, Status, Usage

Verdict = Literal["right", "wrong", "tie", "none"]
Outcome = Literal["judged", "crashed", "stuck"]


class Key(NamedTuple):
    """What one judgment of a run is of. Another request (other data, other budget) is another judgment."""

    set: str
    pair: str
    recipe: str
    request_sha256: str


class CandidateLine(Envelope):
    id: str
    status: Status
    failure_kind: FailureKind | None
    reward: float | None
    score: float | None


class PairResult(Envelope):
    """One judged pair. `verdict` is `none` where a reward is null; `chosen` is the label, `preferred` the judge's.

    `started` and `ended` are seconds since 1970 as the client saw them, `seconds` the time that the judge counts.
    `decided_by` counts principles by who decided them, `principle_failures` those that nobody did.
    """

    set: str
    pair: str
    recipe: str
    request_sha256: str
    outcome: Outcome
    error: str | None = None
    verdict: Verdict = "none"
    chosen: str
    preferred: str | None = None
    candidates: tuple[CandidateLine, ...] = ()
    order_consistency: float | None = None
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
        return Key(self.set, self.pair, self.recipe, self.request_sha256)


def facts_of(judgment: Judgment, pair: Pair, max_seconds: float) -> dict[str, Any]:
    """The fields of a `PairResult` that follow from a finished judgment, which was to take `max_seconds` at most."""
    preferred = judgment.preference.winner if judgment.preference else None
    outcome, error = _outcome(judgment, max_seconds)
    principles = [p for candidate in judgment.candidates for p in candidate.principles]
    return {
        "outcome": outcome,
        "error": error,
        "verdict": _verdict(judgment, preferred, pair.chosen),
        "preferred": preferred,
        "candidates": [
            {name: getattr(candidate, name) for name in CandidateLine.model_fields}
            for candidate in judgment.candidates
        ],
        "order_consistency": judgment.flags.get("comparison", {}).get("order_consistency"),
        "decided_by": dict(Counter(p.decided_by for p in principles if p.decided_by)),
        "principle_failures": dict(Counter(p.failure_kind for p in principles if p.failure_kind)),
        "usage": judgment.usage,
        "seconds": judgment.seconds,
        "judgment": judgment.id,
    }


def _outcome(judgment: Judgment, max_seconds: float) -> tuple[Outcome, str | None]:
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


def _verdict(judgment: Judgment, preferred: str | None, chosen: str) -> Verdict:
    if any(candidate.reward is None for candidate in judgment.candidates):
        return "none"
    if preferred is None:
        return "tie"
    return "right" if preferred == chosen else "wrong"


class Results:
    """The results of a run, in the order in which they ended; kept in a file where there is one."""

    def __init__(self, earlier: Sequence[PairResult] = (), file: IO[bytes] | None = None) -> None:
        self._file = file
        self._last = {result.key: result for result in earlier}
        self.judged_again = 0

    def add(self, result: PairResult) -> None:
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
    def all(self) -> tuple[PairResult, ...]:
        return tuple(self._last.values())

    def of(self, keys: Sequence[Key]) -> list[PairResult]:
        return [self._last[key] for key in keys if key in self._last]


@contextmanager
def opened(path: Path | None, model: dict[str, Any]) -> Iterator[Results]:
    """The results in `path`, and those to come. Without a path they live as long as the run.

    A last line that was cut off by a kill is taken away. Raises InvalidRequest for a file that another run writes to,
    that holds something else, or that another model filled.
    """
    if path is None:
        yield Results()
        return
    with _file(path) as file:
        _lock(file, path)
        earlier = _read(file, path)
        for number, result in enumerate(earlier, start=1):
            if result.model != model:
                raise InvalidRequest(
                    f"{path}, line {number}, field model",
                    f"was judged by {result.model}, and this run asks {model}; give another --out",
                )
        yield Results(earlier, file)


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


def _read(file: IO[bytes], path: Path) -> list[PairResult]:
    file.seek(0)
    whole, _, torn = file.read().rpartition(b"\n")
    lines = whole.split(b"\n") if whole else []
    results = [_result(path, number, line) for number, line in enumerate(lines, start=1) if line.strip()]
    if torn:
        file.truncate(file.seek(0, os.SEEK_END) - len(torn))
    return results


def _result(path: Path, number: int, line: bytes) -> PairResult:
    try:
        return PairResult.model_validate_json(line)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(map(str, first["loc"])) or "(all)"
        raise InvalidRequest(
            f"{path}, line {number}, field {field}", f"{first['msg']}; is it a result file?"
        ) from error
