"""SIGKILLs over the whole service, single workers and boxes, under load; then what must hold is looked for.

Every accepted judgment and every joined group has ended, once, in the database and in the log alike; a reward is the
right one or none; the log verifies; and after a kill of a worker or a box the service goes on by itself. What a kill of
the whole service ends is started again here, as a supervisor would.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

from api.groups.settling import UNLOGGED_SECONDS
from evals.bench.process_tree import below
from evals.bench.service import model_server
from evals.kill_clients import Ledger, group_problems
from evals.kill_load import Load, all_ended, all_settled
from evals.service import free_port, start, stop, wait_until_ready
from judge_agent.log import read
from judge_agent.log.ends import ENDS, ended_twice

Target = Literal["service", "worker", "box"]
TARGETS: tuple[Target, ...] = ("service", "worker", "box")
LATENCY_SECONDS = 0.1
# A worker that dies young is started again after ever longer pauses, so the service is killed as a whole now and then.
KILLS_A_LIFE = 5
# What was settled so long ago without an end in the log gets it from whichever process is there.
LOGGED_SECONDS = 3 * UNLOGGED_SECONDS
BETWEEN_SECONDS = (0.2, 1.5)


async def kill_under_load(
    folder: Path, kills: int, seed: int, targets: tuple[Target, ...], database_url: str | None = None
) -> list[str]:
    """Kill so often; returns what does not hold. `targets` are taken in turn."""
    shutil.rmtree(folder, ignore_errors=True)
    chance = random.Random(seed)  # noqa: S311 - reproducible
    with model_server(LATENCY_SECONDS) as model, _service(folder, model, database_url) as service:
        load = Load(lambda: service.url)
        loading = asyncio.create_task(load.run())
        killed = Counter[str]()
        await asyncio.to_thread(service.start)
        while sum(killed.values()) < kills:
            await asyncio.sleep(chance.uniform(*BETWEEN_SECONDS))
            if service.has_ended:
                load.ledger.wrong("the service ended though only a part of it was killed")
                await asyncio.to_thread(service.start)
            target = targets[sum(killed.values()) % len(targets)]
            whole = target == "service" or (len(targets) == 1 and service.kills >= KILLS_A_LIFE)
            if (pid := service.chosen("service" if whole else target, chance)) is None:
                continue  # no box runs at this moment
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                killed[target] += 1
                service.kills += 1
            if whole:
                await asyncio.to_thread(service.start)
            if loading.done():
                break
        load.stop()
        await loading
        ledger = load.ledger
        ended = await all_ended(service.url)
        groups = await all_settled(service.url, ledger.groups)
        # A life in which nobody is killed: its writers go on in the chains of the log that the killed ones left, and
        # the ends of groups that were settled at a kill come into the log.
        await asyncio.to_thread(service.stop)
        await asyncio.to_thread(service.start)
        with suppress(TimeoutError):
            async with asyncio.timeout(LOGGED_SECONDS):
                while _group_log_problems(folder / "log", groups):  # noqa: ASYNC110 - another process writes it
                    await asyncio.sleep(1.0)
        await asyncio.to_thread(service.stop)
        told = Counter(_outcome(one) for one in ended.values())
        print(
            f"killed {dict(killed)}; {len(ended)} accepted of {dict(ledger.done)}; ended as {dict(told)}",
            flush=True,
        )
        return [
            *ledger.problems,
            *_problems(ledger, ended),
            *group_problems(ledger, groups),
            *_log_problems(folder / "log", ended),
            *_group_log_problems(folder / "log", groups),
            *_verified(folder, database_url),
        ]


def _outcome(judgment: Mapping[str, Any]) -> str:
    candidate = (judgment.get("candidates") or [{}])[0]
    return f"{judgment['state']}/{candidate.get('failure_kind') or candidate.get('status')}"


def _problems(ledger: Ledger, ended: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What of the judgments is not as it should be. Those of a facade have no number: its answers were looked at."""
    problems = [f"{one} was accepted and is lost" for one in ledger.accepted.keys() - ended.keys()]
    numbered = {name: one["metadata"].get("number") for name, one in ended.items()}
    problems += [
        f"{name} is {one['state']}"
        for name, one in ended.items()
        if one["state"] != "done"
        and (one["state"], numbered[name] in ledger.called_off) != ("cancelled", True)
    ]
    counts = Counter(number for number in numbered.values() if number is not None)
    problems += [
        f"request {number} was accepted {count} times" for number, count in counts.items() if count > 1
    ]
    for name, one in ended.items():
        right = ledger.right.get(numbered[name], 1.0)
        rewards = [candidate["reward"] for candidate in one["candidates"]]
        if any(reward not in (None, right) for reward in rewards):
            problems.append(f"{name} (request {numbered[name]}) has the rewards {rewards}, right is {right}")
    return problems


def _group_log_problems(log: Path, groups: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Each group's end is in the log. A kill between its line and the note of it has it written again, as it was."""
    told: dict[str, set[str]] = {id_: set() for id_ in groups}
    for one in read(log):
        if one.type == "group.settled" and one.judgment_id in told:
            members = [(member["index"], member["reward"]) for member in one.fields["members"]]
            told[one.judgment_id].add(str((one.fields["state"], members)))
    wanted = {
        id_: str((group["state"], [(member["index"], member["reward"]) for member in group["members"]]))
        for id_, group in groups.items()
    }
    return [
        f"the log has {sorted(ends)} of group {id_}, the database {wanted[id_]}"
        for id_, ends in told.items()
        if ends != {wanted[id_]}
    ]


def _log_problems(log: Path, ended: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """One end each, with the reward of the row; an end that is marked as superseded does not count."""
    lines: list[dict[str, Any]] = [
        {"judgment_id": one.judgment_id, "type": one.type, "fields": one.fields}
        for one in read(log)
        if one.type in (*ENDS, "judgment.superseded")
    ]
    problems = [f"the log holds two ends of {one}" for one in ended_twice(lines)]
    late = {
        (one["judgment_id"], one["fields"]["lease"]) for one in lines if one["type"] == "judgment.superseded"
    }
    logged = {
        str(one["judgment_id"]): [candidate["reward"] for candidate in one["fields"]["candidates"]]
        for one in lines
        if one["type"] in ENDS and (one["judgment_id"], one["fields"].get("lease")) not in late
    }
    for name, one in ended.items():
        rewards = [candidate["reward"] for candidate in one["candidates"]]
        if name not in logged and rewards != [None] * len(rewards):
            problems.append(f"{name} has a reward and no end in the log")
        elif name in logged and logged[name] != rewards:
            problems.append(f"{name} has the rewards {rewards}, and {logged[name]} in the log")
    return problems


def _verified(folder: Path, database_url: str | None) -> list[str]:
    """What `judge-agent audit verify` says, where that is not that all is intact."""
    command = [sys.executable, "-m", "judge_agent.cli", "audit", "verify", "--data-dir", str(folder)]
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, **_environment(database_url)}, check=False
    )
    return (
        [] if done.returncode == 0 else [f"audit verify ended with {done.returncode}: {done.stdout[-1500:]}"]
    )


def _environment(database_url: str | None) -> dict[str, str]:
    return {"JUDGE_DATABASE_URL": database_url} if database_url else {}


@contextmanager
def _service(folder: Path, model: str, database_url: str | None) -> Any:
    service = _Service(folder, model, database_url)
    try:
        yield service
    finally:
        service.stop()


class _Service:
    """A service of two workers on one data folder, started again as often as it is killed."""

    def __init__(self, folder: Path, model: str, database_url: str | None) -> None:
        self._folder = folder
        self._model = model
        self._settings = {
            "JUDGE_MODEL_NAME": "fixed",
            "JUDGE_WORKERS": "2",
            "JUDGE_LEASE_SECONDS": "2",
            **_environment(database_url),
        }
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"http://127.0.0.1:{free_port()}"
        self.kills = 0

    def start(self) -> None:
        """Start, once what is left of an earlier life is over, and wait until it is ready."""
        if self._process is not None:
            self._process.wait()
        self.kills = 0
        output, port = self._folder / "service.out", int(self.url.rpartition(":")[2])
        self._process = start(
            self._folder, port=port, model=self._model, output=output, settings=self._settings
        )
        wait_until_ready(self._process, self.url, output)

    @property
    def has_ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def stop(self) -> None:
        if self._process is not None:
            stop(self._process)

    def chosen(self, target: Target, chance: random.Random) -> int | None:
        """The pid of a process of this kind; None where there is none now."""
        assert self._process is not None
        workers = [pid for pid in below(self._process.pid) if b"api.worker" in _command(pid)]
        if target == "service":
            return self._process.pid
        if target == "worker":
            return chance.choice(workers) if workers else None
        boxes = [pid for worker in workers for pid in below(worker)]
        return chance.choice(boxes) if boxes else None


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:  # it has ended meanwhile
        return b""
