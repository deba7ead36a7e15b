"""Several services, each with a folder of its own, on one PostgreSQL: their logs, their keys, and they themselves."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from judge_agent.log import AuditLogWriter, verify
from judge_agent.log.shared_heads import SharedHeads
from judge_agent.seams.storage import AuditEvent
from judge_agent.store.postgres import PostgresStore

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]
ROOT = Path(__file__).parents[2]


async def _log(store: PostgresStore, folder: Path, *, lines: int) -> None:
    heads = SharedHeads(store, folder)
    async with AuditLogWriter(folder, anchor=heads.set_head, last_anchored=heads.last_segment) as log:
        for index in range(lines):
            await log.append(AuditEvent("judgment.done", f"j{index}", "ada"))


async def test_each_folder_is_checked_against_its_own_ends(database_url: str, tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    async with PostgresStore.opened(database_url) as store:
        await _log(store, one, lines=5)
        await _log(store, other, lines=2)
        await _log(store, other, lines=1)
        for folder in (one, other):
            report = verify(folder, await SharedHeads(store, folder).heads())
            assert report.status == "intact", report
        [segment] = one.glob("*-000001.jsonl")
        segment.write_bytes(b"".join(segment.read_bytes().splitlines(keepends=True)[:-1]))
        assert verify(one, await SharedHeads(store, one).heads()).status == "tampered"
        assert verify(other, await SharedHeads(store, other).heads()).status == "intact"


async def test_a_segment_that_is_gone_stays_missed_when_its_writer_goes_on(
    database_url: str, tmp_path: Path
) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    async with PostgresStore.opened(database_url) as store:
        for folder in (one, other, one, other):
            await _log(store, folder, lines=3)
        for file in one.glob("w1-000002.*"):
            file.unlink()
        await _log(store, one, lines=9)
        await _log(store, one, lines=9)
        report = verify(one, await SharedHeads(store, one).heads())
        assert {(problem.kind, problem.file) for problem in report.problems} == {
            ("missing_segment", "w1-000002.jsonl")
        }
        assert report.status == "tampered"
        await _log(store, other, lines=1)
        assert verify(other, await SharedHeads(store, other).heads()).status == "intact"


def _program(*arguments: str, url: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "JUDGE_DATABASE_URL": url, "JUDGE_DATA_DIR": str(folder)}
    command = [sys.executable, "-m", "judge_agent.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment)


async def test_audit_verify_and_keys_use_the_database_of_the_settings(
    database_url: str, tmp_path: Path
) -> None:
    async with PostgresStore.opened(database_url) as store:
        await _log(store, tmp_path / "log", lines=3)
        verified = _program("audit", "verify", url=database_url, folder=tmp_path)
        assert verified.returncode == 0, verified
        assert "intact: 4 lines" in verified.stdout
        named = _program("audit", "verify", "--data-dir", str(tmp_path), url=database_url, folder=tmp_path)
        assert named.returncode == 0, named
        added = _program("keys", "add", "ada", url=database_url, folder=tmp_path)
        assert added.returncode == 0, added
        [key] = await store.keys()
        assert key.tenant == "ada"
    assert not (tmp_path / "judge.db").exists()


@contextmanager
def _serving(url: str, folder: Path) -> Iterator[tuple[subprocess.Popen[str], httpx.Client]]:
    """`judge-agent serve` as an operator starts it, in a folder of its own."""
    settings = {"DATABASE_URL": url, "DATA_DIR": str(folder), "MODEL": "none", "SANDBOX": "none", "PORT": "0"}
    environment = os.environ | {f"JUDGE_{name}": value for name, value in settings.items()}
    command = [sys.executable, "-m", "judge_agent.cli", "serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as running:
        try:
            assert running.stdout is not None
            found = re.findall(r"http://\S+?:\d+", running.stdout.readline())[0]
            with httpx.Client(base_url=found, timeout=40) as http:
                yield running, http
        finally:
            running.kill()


def test_two_services_as_operators_start_them_are_one(database_url: str, tmp_path: Path) -> None:
    body = json.loads((ROOT / "evals/examples/support_agent.json").read_text()) | {"recipe": "verify"}
    one_folder, other_folder = tmp_path / "one", tmp_path / "other"
    with (
        _serving(database_url, one_folder) as (one, http),
        _serving(database_url, other_folder) as (_, beside),
    ):
        headers = {"Idempotency-Key": "k"}
        posted = http.post("/v1/judgments", json=body, headers=headers)
        assert posted.status_code == 200, posted.text
        found = beside.get(f"/v1/judgments/{posted.json()['id']}").json()
        assert found["candidates"] == posted.json()["candidates"]
        assert found["candidates"][0]["status"] == "scored"
        replayed = beside.post("/v1/judgments", json=body, headers=headers)
        assert replayed.json()["id"] == posted.json()["id"]
        other = beside.post("/v1/judgments", json=body | {"seed": 7}, headers={"Prefer": "respond-async"})
        ended = http.get(other.headers["location"], headers={"Prefer": "wait=20"}).json()
        assert ended["state"] == "done"
        one.send_signal(signal.SIGTERM)
        assert one.wait(20) == 0
        assert beside.post("/v1/judgments", json=body).status_code == 200
        assert _program("audit", "verify", url=database_url, folder=one_folder).returncode == 0
