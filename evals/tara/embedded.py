"""The embedded model's own figure: the judge with that model in place of the pickers, which asks for tools itself.

It gets what the pickers' tools get: the table, the tests. Judgments are kept in a file, one JSON line each, and a run
that was stopped goes on from there; the pairs of the sets take turns, so that one that is stopped has some of each.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

from evals.service import running
from evals.tara.rows import Pair
from judge_agent.client import JudgeClient

MODEL_SECONDS = 600.0


def ask_embedded(sets: Mapping[str, Sequence[Pair]], limit: int, out: Path | None) -> dict[str, Counter[str]]:
    """Judge the first `limit` pairs of each set by the recipe `default`, and count what became of them, by set.

    `none`: a candidate of the pair was left without a score. `out` keeps the judgments; what it holds is not asked.
    """
    with tempfile.TemporaryDirectory() as folder:
        kept = out or Path(folder) / "pairs.jsonl"
        done = _read(kept)
        due = [(name, pair) for name, pair in _in_turn(sets, limit) if (name, pair.name) not in done]
        if due:
            done |= _asked(due, Path(folder) / "service", kept)
    told = {name: Counter[str]() for name in sets}
    for name, pair in _in_turn(sets, limit):
        told[name][done[name, pair.name]] += 1
    return told


def _asked(due: Sequence[tuple[str, Pair]], folder: Path, kept: Path) -> dict[tuple[str, str], str]:
    done = dict[tuple[str, str], str]()
    with (
        running(folder, model="embedded") as url,
        JudgeClient(url, timeout_seconds=MODEL_SECONDS) as client,
        kept.open("a", encoding="utf-8") as lines,
    ):
        for name, pair in due:
            judgment = client.judge(pair.request(MODEL_SECONDS))
            scores = {one.id: one.score for one in judgment.candidates}
            asked = [one.tool for one in judgment.evidence if one.tool]
            line = {
                "set": name,
                "pair": pair.name,
                "verdict": _verdict(scores),
                "scores": scores,
                "tools": asked,
            }
            lines.write(json.dumps(line) + "\n")
            lines.flush()
            done[name, pair.name] = _verdict(scores)
    return done


def _verdict(scores: Mapping[str, float | None]) -> str:
    better, worse = scores["better"], scores["worse"]
    if better is None or worse is None:
        return "none"
    return "right" if better > worse else "wrong" if better < worse else "tie"


def _read(kept: Path) -> dict[tuple[str, str], str]:
    lines = kept.read_text("utf-8").splitlines() if kept.exists() else []
    rows: list[dict[str, Any]] = [json.loads(line) for line in lines]
    return {(row["set"], row["pair"]): row["verdict"] for row in rows}


def _in_turn(sets: Mapping[str, Sequence[Pair]], limit: int) -> list[tuple[str, Pair]]:
    named = [[(name, pair) for pair in pairs[:limit]] for name, pairs in sets.items()]
    return [one for one in chain.from_iterable(zip_longest(*named)) if one is not None]
