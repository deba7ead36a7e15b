"""The bench of tools: two sides in turns, a bound that is held or not, and the exit code that says so."""

from __future__ import annotations

import argparse
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest

from evals.__main__ import main
from evals.bench.beside import TOOL, Call, Part, PartLacking, as_json, in_turns
from evals.bench.tools import run

pytestmark = pytest.mark.anyio


async def nothing(turn: int) -> None:
    """A call that costs next to nothing."""


def part(bound_ms: float) -> Part:
    @asynccontextmanager
    async def opened() -> AsyncIterator[Mapping[str, Call]]:
        yield {TOOL: nothing, "bare": nothing}

    return Part("made", "made for the test", bound_ms, opened)


async def test_both_sides_are_called_equally_often_and_at_least_five_times() -> None:
    sides = await in_turns(part(60_000.0), 0.001)
    assert len(sides[TOOL].milliseconds) == len(sides["bare"].milliseconds) >= 5


async def test_a_p50_past_its_bound_is_told() -> None:
    assert as_json(part(60_000.0), await in_turns(part(60_000.0), 0.001))["holds"] is True
    assert as_json(part(0.0), await in_turns(part(0.0), 0.001))["holds"] is False


def test_a_part_that_cannot_be_measured_is_neither_held_nor_past_its_bound(
    capsys: pytest.CaptureFixture[str],
) -> None:
    @asynccontextmanager
    async def opened() -> AsyncIterator[Mapping[str, Call]]:
        raise PartLacking("pip install it")
        yield {}

    lacking = Part("absent", "x", 2.0, opened)
    asked = argparse.Namespace(only=None, seconds=0.01, json=True)
    assert run(asked, [lacking, part(60_000.0)]) == 2
    assert "absent is not measured: pip install it" in capsys.readouterr().err
    assert run(asked, [lacking, part(0.0)]) == 1
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert set(told) == {"made", "machine"}
    assert told["made"]["holds"] is False


@pytest.mark.slow
def test_the_search_is_measured_beside_tantivy(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "tools", "--only", "search", "--seconds", "0.5", "--json"]) in (0, 1)
    told = json.loads(capsys.readouterr().out.splitlines()[-1])["search"]
    assert told["tool"]["p50_ms"] > told["tantivy"]["p50_ms"] > 0
