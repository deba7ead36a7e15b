"""`python -m evals long --data FOLDER`: the longest pairs through a small window; prints what was read of them.

The folder holds `plan_rewardbench` as published. The judge runs in this process on a scripted model that opens spans as
they come and judges nothing well: the figures are of the machine (no prompt past the window, what stood open, what was
left without a score), not of anybody's judgment. `--model embedded` asks the embedded model instead. Ends with 1 where
a prompt and its answer exceeded the window.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from api.settings import from_environment
from evals.bench.machine import machine
from evals.options import whole
from evals.pairs_in import Pair, pairs_in
from judge_agent.errors import InvalidRequest
from judge_agent.journal import MemoryJournal, MemorySharedResults
from judge_agent.judge import Judge
from judge_agent.log import MemoryLog
from judge_agent.models import ScriptedModel
from judge_agent.models.scripted import ScriptedRequest, by_schema
from judge_agent.schema import JudgmentRequest
from judge_agent.seams.model import ChatMessage, ChatModel, Completion, ModelInfo
from tools import CheckToolCalls, GrepSpans, ListSpans, OpenSpan

SET = "plan_rewardbench"
WINDOW = 8192
SECONDS = 3600.0
_CLOSED = re.compile(r"^\[([\w.]+)\] .*\(not opened, \d+ characters\)", re.MULTILINE)
PRINCIPLES = (
    "The calls that the agent made are those that the task asks for, with arguments that it gives.",
    "What the agent says at the end agrees with what its tools returned.",
)


def add_parser(names: Any) -> None:
    parser = names.add_parser("long", help="the longest pairs within a small window: what is read of them")
    parser.add_argument("--data", type=Path, required=True, help=f"folder of the benchmark data ({SET})")
    parser.add_argument("--pairs", type=whole(), default=20, help="so many of the longest pairs (20)")
    parser.add_argument("--window", type=whole(1024), default=WINDOW, help="tokens of the window (8192)")
    parser.add_argument("--recipe", default="default", help="the recipe (default)")
    parser.add_argument("--model", choices=("scripted", "embedded"), default="scripted")
    parser.add_argument("--json", action="store_true", help="end with one JSON object on a line")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    try:
        pairs = sorted(pairs_in(SET, arguments.data), key=_size, reverse=True)[: arguments.pairs]
    except InvalidRequest as error:
        print(error, file=sys.stderr)
        return 2
    found = asyncio.run(_judged(pairs, arguments))
    told = found.told()
    print(f"{len(pairs)} longest pairs of {SET}, recipe {arguments.recipe}, {arguments.model} model")
    print(f"machine: {machine()}")
    for name, value in told.items():
        print(f"{name:>28}: {value}")
    if arguments.json:
        print(json.dumps(told))
    return 1 if found.over else 0


def _size(pair: Pair) -> int:
    return len(json.dumps(pair.body["candidates"]))


@dataclass
class Figures:
    """What was counted over all candidates; `shares` are those of candidates that were indexed."""

    window: int
    calls: int = 0
    largest: int = 0
    over: int = 0
    candidates: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    shares: list[float] = field(default_factory=list)
    relevant_unread: list[int] = field(default_factory=list)
    relevant_all_read: int = 0
    spans_opened: int = 0
    seconds: float = 0.0

    def told(self) -> Mapping[str, Any]:
        indexed = len(self.shares)
        return {
            "window, tokens": self.window,
            "model calls": self.calls,
            "largest prompt with answer": self.largest,
            "calls past the window": self.over,
            "candidates": self.candidates,
            "longer than the window": indexed,
            "statuses": dict(self.statuses),
            "unscored share": round(self.statuses["unscored"] / max(1, self.candidates), 4),
            "failures": dict(self.failures),
            "share read, mean": round(sum(self.shares) / indexed, 4) if indexed else None,
            "share read, least": min(self.shares, default=None),
            "all relevant spans read": f"{self.relevant_all_read} of {indexed}",
            "relevant spans left, most": max(self.relevant_unread, default=0),
            "spans opened by calls": self.spans_opened,
            "seconds": round(self.seconds, 1),
        }


class Measured:
    """A model as it is, with the size of what it is asked."""

    def __init__(self, model: ChatModel, figures: Figures) -> None:
        self._model, self._figures = model, figures

    async def info(self) -> ModelInfo:
        return await self._model.info()

    async def count_tokens(self, messages: Sequence[ChatMessage]) -> int:
        return await self._model.count_tokens(messages)

    async def complete(self, messages: Sequence[ChatMessage], **asked: Any) -> Completion:
        size = await self._model.count_tokens(messages) + int(asked.get("max_tokens", 0))
        figures = self._figures
        figures.calls += 1
        figures.largest = max(figures.largest, size)
        figures.over += size > figures.window
        return await self._model.complete(messages, **asked)

    async def likelihood(
        self, messages: Sequence[ChatMessage], continuation: str, *, timeout_seconds: float = 60.0
    ) -> Completion:
        return await self._model.likelihood(messages, continuation, timeout_seconds=timeout_seconds)

    async def aclose(self) -> None:
        await self._model.aclose()


async def _judged(pairs: Sequence[Pair], arguments: argparse.Namespace) -> Figures:
    figures = Figures(arguments.window)
    model: ChatModel = _scripted(arguments.window)
    if arguments.model == "embedded":
        from judge_agent.models.embedded import EmbeddedModel

        model = EmbeddedModel(cache_dir=from_environment({}).cache_dir / "weights")
        figures.window = (await model.info()).context_window
    judge = Judge(
        model=Measured(model, figures),
        tools=(CheckToolCalls(), ListSpans(), GrepSpans(), OpenSpan()),
        journal=MemoryJournal(),
        shared=MemorySharedResults(),
        log=MemoryLog(),
    )
    started = time.monotonic()
    for number, pair in enumerate(pairs):
        body = {**pair.request(arguments.recipe, SECONDS), "granularity": ["outcome"]}
        body["principles"] = [{"description": said} for said in PRINCIPLES]
        request = JudgmentRequest.model_validate(body)
        judgment = await judge.judge(request, judgment_id=f"long-{number}", tenant="evals", created=0.0)
        for one in judgment.candidates:
            figures.candidates += 1
            figures.statuses[one.status] += 1
            if one.failure_kind is not None:
                figures.failures[one.failure_kind] += 1
            if one.coverage.spans:
                figures.shares.append(one.coverage.share or 0.0)
                figures.relevant_unread.append(len(one.coverage.relevant_unread))
                figures.relevant_all_read += not one.coverage.relevant_unread
        figures.spans_opened += sum(item.tool == OpenSpan.name for item in judgment.evidence)
    figures.seconds = time.monotonic() - started
    await model.aclose()
    return figures


def _scripted(window: int) -> ScriptedModel:
    """Opens the middle one of the spans that are not open, twice a candidate; answers all else by its schema."""

    def asked(request: ScriptedRequest) -> Any:
        closed = _CLOSED.findall(request.text)
        opened = request.text.count("open_span(") + request.text.count("already")
        if not closed or opened > 1:
            return {"thought": "That will do.", "call": {"tool": "done"}}
        span = closed[len(closed) // 2]
        return {"thought": "Let me see.", "call": {"tool": OpenSpan.name, "arguments": {"span": span}}}

    return ScriptedModel(
        rules=[("Ask for one tool call", asked)], otherwise=by_schema(), context_window=window
    )
