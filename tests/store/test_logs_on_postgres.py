"""The ends of logs in one PostgreSQL: several folders with writers of one name, checked each by itself; and keys."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from judge_agent.log import AuditLogWriter, verify
from judge_agent.log.shared_heads import SharedHeads
from judge_agent.seams.storage import AuditEvent
from judge_agent.store.postgres import PostgresStore

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]


async def _log(store: PostgresStore, folder: Path, *, lines: int) -> None:
    async with AuditLogWriter(folder, anchor=SharedHeads(store, folder).set_head) as log:
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
