"""A stopped run keeps what it has and goes on from there; a judgment that crashed or got stuck ends it with 1."""

from __future__ import annotations

import asyncio
import fcntl
import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from judge_agent.judge import Judge
from judge_agent.models.scripted import Held, ScriptedModel
from judge_agent.schema import Judgment
from tests.evals_suite import benchmarks
from tests.evals_suite.conftest import Ran, lines_of
from tests.service.served import Served, serving_in_a_thread

Evals = Callable[..., Ran]
ITEMS = "items.jsonl"
ROOT = Path(__file__).resolve().parents[2]
OWNER = """
import sys, time
from pathlib import Path
from evals.service import running
with running(Path(sys.argv[1]), model="none", settings={"JUDGE_SANDBOX": "none"}) as url:
    print(url, flush=True)
    time.sleep(60)
"""


class SleeplessJudge(Judge):
    """Never ends, whatever the budget."""

    async def judge(self, *_: Any, **__: Any) -> Judgment:
        await asyncio.Event().wait()
        raise AssertionError


class FaultyJudge(Judge):
    async def judge(self, *_: Any, **__: Any) -> Judgment:
        raise RuntimeError("the fault of the judge")


def arguments(data: Path, out: Path, served: Served) -> list[object]:
    return ["run", "judgebench", "--data", data, "--recipe", "arena", "--url", served.url,
            "--out", out, "--json"]  # fmt: skip


def knowing() -> ScriptedModel:
    return ScriptedModel(otherwise=benchmarks.oracle)


def test_a_run_with_the_same_file_judges_only_what_is_missing(
    evals: Evals, data: Path, tmp_path: Path
) -> None:
    out, model = tmp_path / "out", knowing()
    with serving_in_a_thread(model=model) as served:
        assert evals(*arguments(data, out, served), "--limit", 3).summary["total"]["items"] == 3
        first, calls = (out / ITEMS).read_bytes(), len(model.requests)
        ran = evals(*arguments(data, out, served), "--limit", 4)
        assert len(model.requests) == calls + 2
        again = evals(*arguments(data, out, served), "--limit", 4)
        assert len(model.requests) == calls + 2
    assert (out / ITEMS).read_bytes().startswith(first)
    assert len(lines_of(out)) == 4
    assert (ran.summary["total"]["items"], ran.summary["total"]["right"]) == (4, 4)
    assert again.summary == ran.summary
    assert again.err == ""


def test_a_line_that_a_kill_cut_off_is_judged_again(evals: Evals, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with serving_in_a_thread(model=knowing()) as served:
        evals(*arguments(data, out, served))
        path = out / ITEMS
        path.write_bytes(path.read_bytes()[:-40])
        ran = evals(*arguments(data, out, served))
    assert ran.summary["total"]["items"] == len(lines_of(out)) == 4
    assert len(ran.err.splitlines()) == 1


def test_another_budget_is_another_judgment(evals: Evals, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with serving_in_a_thread(model=knowing()) as served:
        evals(*arguments(data, out, served))
        ran = evals(*arguments(data, out, served), "--seconds", 60)
    assert ran.summary["total"]["items"] == 4
    assert len(lines_of(out)) == 8


def test_results_of_another_model_are_left_alone_and_not_counted(
    evals: Evals, data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with serving_in_a_thread(model=knowing()) as served:
        evals(*arguments(data, out, served))
    with serving_in_a_thread(model=ScriptedModel(otherwise="It depends.", id="another")) as served:
        ran = evals(*arguments(data, out, served))
    assert (ran.code, ran.summary["total"]["items"], ran.summary["total"]["right"]) == (0, 4, 0)
    assert "4 results of other settings or another judge stay in the file and are not counted" in ran.err
    assert len(lines_of(out)) == 8


@pytest.mark.parametrize(
    ("text", "said"),
    [("{}\n", "line 1, field set"), ("no result\n", "line 1, field (all)"), ("[1]\n\n{}\n", "line 1, field")],
)
def test_a_file_of_something_else_is_left_as_it_is(
    text: str, said: str, evals: Evals, data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / ITEMS).write_text(text)
    with serving_in_a_thread(model=knowing()) as served:
        ran = evals(*arguments(data, out, served))
    assert (ran.code, (out / ITEMS).read_text()) == (2, text)
    assert f"{out / ITEMS}, {said}" in ran.err


def test_a_judgment_that_never_ends_is_stuck_and_the_run_ends_with_1(
    evals: Evals, data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with serving_in_a_thread(judge_type=SleeplessJudge) as served:
        ran = evals(*arguments(data, out, served), "--seconds", 0.2, "--grace", 0.1, "--limit", 2)
    assert (ran.code, ran.summary["stuck"], ran.summary["crashed"]) == (1, 2, 0)
    assert (ran.summary["total"]["items"], ran.summary["total"]["none"]) == (2, 2)
    assert {line["outcome"] for line in lines_of(out)} == {"stuck"}


def test_a_judge_that_fails_by_its_own_fault_crashed_and_is_asked_again_by_the_next_run(
    evals: Evals, data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with serving_in_a_thread(judge_type=FaultyJudge) as served:
        ran = evals(*arguments(data, out, served))
    assert (ran.code, ran.summary["crashed"], ran.summary["stuck"]) == (1, 4, 0)
    assert "the fault of the judge" in ran.err
    with serving_in_a_thread(model=knowing()) as served:
        mended = evals(*arguments(data, out, served))
    assert (mended.code, mended.summary["crashed"], mended.summary["total"]["right"]) == (0, 0, 4)
    assert "judged again, for they had crashed or got stuck: 4" in mended.out
    assert len(lines_of(out)) == 8


def test_a_refused_request_crashed_and_the_others_go_on(evals: Evals, data: Path, tmp_path: Path) -> None:
    rows = benchmarks.rows("judgebench", 3)
    rows[1]["response_B"] = "long " * 1000
    benchmarks.write(data, "judgebench", rows)
    with serving_in_a_thread(model=knowing(), max_body_bytes=3000) as served:
        ran = evals(*arguments(data, tmp_path / "out", served))
    assert (ran.code, ran.summary["crashed"], ran.summary["total"]["right"]) == (1, 1, 2)
    assert "413" in ran.err


def test_a_run_whose_service_goes_away_stops_and_leaves_the_rest_for_later(
    evals: Evals, data: Path, tmp_path: Path
) -> None:
    found, calls = list[Served](), itertools.count(1)

    def leaving(request: Any) -> Any:
        if next(calls) <= 4:
            return benchmarks.oracle(request)
        found[0].server.stop()
        return Held(asyncio.Event(), "")

    out = tmp_path / "out"
    with serving_in_a_thread(model=ScriptedModel(otherwise=leaving)) as served:
        found.append(served)
        ran = evals(*arguments(data, out, served), "--seconds", 2, "--grace", 1, "--at-once", 1)
    assert ran.code == 1
    assert "the service is gone" in ran.err
    assert (ran.summary["asked"], ran.summary["crashed"] + ran.summary["stuck"]) == (4, 1)
    assert ran.summary["total"]["right"] == 2
    assert len(lines_of(out)) == 3


def test_a_terminated_run_says_what_it_has_and_goes_on_from_there(
    evals: Evals, data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    processes, calls = list[subprocess.Popen[bytes]](), itertools.count(1)

    def terminating(request: Any) -> Any:
        if next(calls) != 5:
            return benchmarks.oracle(request)
        processes[0].send_signal(signal.SIGTERM)
        return Held(asyncio.Event(), "")

    with serving_in_a_thread(model=ScriptedModel(otherwise=terminating)) as served:
        command = [sys.executable, "-m", "evals", *map(str, arguments(data, out, served)), "--at-once", "1"]
        process = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        processes.append(process)
        said, _ = process.communicate(timeout=60)
        assert process.returncode == 143
        assert len(lines_of(out)) == 2
        assert b"| 2 of 4 |" in said
        ran = evals(*arguments(data, out, served))
    assert (ran.code, ran.summary["total"]["items"], ran.summary["total"]["right"]) == (0, 4, 4)


def test_a_service_does_not_outlive_the_run_that_started_it(tmp_path: Path) -> None:
    command = [sys.executable, "-c", OWNER, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        url = owner.stdout.readline().decode().strip()
        assert httpx.get(f"{url}/health").status_code == 200
        owner.kill()
    ends = time.monotonic() + 40
    while time.monotonic() < ends:
        try:
            httpx.get(f"{url}/health", timeout=5)
        except httpx.TransportError:
            return
        time.sleep(0.1)
    pytest.fail(f"the service at {url} is still there")


def test_two_runs_do_not_write_to_one_file(evals: Evals, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    with (out / ITEMS).open("ab") as other, serving_in_a_thread(model=knowing()) as served:
        fcntl.flock(other, fcntl.LOCK_EX)
        ran = evals(*arguments(data, out, served))
    assert (ran.code, "another run writes to it" in ran.err) == (2, True)
