"""Lines that somebody took out of the log stay missed after its writer has gone on, with the real store as anchor."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from judge_agent.errors import StoreError
from judge_agent.log import AuditLogWriter, Report, heads_in, verify
from judge_agent.store.sqlite import SqliteStore

pytestmark = pytest.mark.anyio
SEGMENT_BYTES = 4_000


def _removed(path: Path) -> None:
    path.unlink()
    path.with_suffix(".contents").unlink()


def _emptied(path: Path) -> None:
    path.write_bytes(b"")


def _without_header_end(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:20])


def _shortened(path: Path) -> None:
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:2]))


DEEDS: tuple[Callable[[Path], None], ...] = (
    _removed,
    Path.unlink,
    _emptied,
    _without_header_end,
    _shortened,
)
deeds = pytest.mark.parametrize("deed", DEEDS, ids=lambda deed: str(deed.__name__).strip("_"))


def _writer(folder: Path, store: SqliteStore, **given: Any) -> AuditLogWriter:
    return AuditLogWriter(folder / "log", anchor=store.set_head, last_anchored=store.last_segment, **given)


def _verified(folder: Path) -> Report:
    return verify(folder / "log", heads_in(folder / "judge.db"))


@deeds
@pytest.mark.parametrize("lines", [0, 5, 60])
async def test_a_restart_does_not_heal_over_the_last_segment(
    tmp_path: Path, make_event: Any, deed: Callable[[Path], None], lines: int
) -> None:
    async with SqliteStore.opened(tmp_path / "judge.db") as store:
        for _ in range(2):
            async with _writer(tmp_path, store) as log:
                for number in range(20):
                    await log.append(make_event(number))
        deed(tmp_path / "log/w1-000002.jsonl")
        assert _verified(tmp_path).status == "tampered"
        for _ in range(2):
            async with _writer(tmp_path, store) as log:
                for number in range(lines):
                    await log.append(make_event(number))
            report = _verified(tmp_path)
            assert report.status == "tampered"
            assert "w1-000002.jsonl" in {problem.file for problem in report.problems}
        assert [head.segment for head in await store.heads()] == ["000001", "000002", "000003", "000004"]


@deeds
async def test_a_running_service_does_not_heal_over_a_full_segment(
    tmp_path: Path, make_event: Any, deed: Callable[[Path], None]
) -> None:
    folder = tmp_path / "log"
    async with SqliteStore.opened(tmp_path / "judge.db") as store:
        async with _writer(tmp_path, store, segment_max_bytes=SEGMENT_BYTES) as log:
            while not (folder / "w1-000003.jsonl").exists() or _size(folder, "w1-000003") < SEGMENT_BYTES:
                await log.append(make_event(1))
        full = (await store.heads())[-1]
        async with _writer(tmp_path, store, segment_max_bytes=SEGMENT_BYTES) as log:
            while not (folder / "w1-000005.jsonl").exists():
                await log.append(make_event(2))
            while _size(folder, "w1-000005") < SEGMENT_BYTES:
                await log.append(make_event(2))
            deed(folder / "w1-000005.jsonl")
            for number in range(60):
                await log.append(make_event(number))
            assert _verified(tmp_path).status == "tampered"
        report = _verified(tmp_path)
        assert report.status == "tampered"
        assert {problem.file for problem in report.problems} <= {"w1-000005.jsonl", "w1-000005.contents"}
        heads = {head.segment: head for head in await store.heads()}
    assert heads[full.segment] == full
    assert len(heads) == int(max(heads)), "every number is anchored once"


def _size(folder: Path, name: str) -> int:
    return sum((folder / f"{name}{suffix}").stat().st_size for suffix in (".jsonl", ".contents"))


async def test_a_writer_that_is_not_told_of_the_anchors_does_not_replace_them(
    tmp_path: Path, make_event: Any
) -> None:
    async with SqliteStore.opened(tmp_path / "judge.db") as store:
        async with AuditLogWriter(tmp_path / "log", anchor=store.set_head) as log:
            await log.append(make_event(1))
        heads = await store.heads()
        _removed(tmp_path / "log/w1-000001.jsonl")
        with pytest.raises(StoreError, match="w1-000001 is anchored already"):
            async with AuditLogWriter(tmp_path / "log", anchor=store.set_head):
                pass
        assert await store.heads() == heads


@pytest.mark.parametrize(
    "left",
    [{".jsonl": b""}, {".jsonl": b"", ".contents": b""}, {".jsonl": b'{"type":"segm', ".contents": b""},
     {".jsonl": b"", ".contents": b'{"line":1,'}],
    ids=["log only", "both files", "torn header", "contents came first"],
)  # fmt: skip
async def test_a_crash_right_after_rotation_is_gone_on_after(
    tmp_path: Path, make_event: Any, left: dict[str, bytes]
) -> None:
    async with SqliteStore.opened(tmp_path / "judge.db") as store:
        async with _writer(tmp_path, store) as log:
            await log.append(make_event(1))
        for suffix, text in left.items():
            (tmp_path / f"log/w1-000002{suffix}").write_bytes(text)
        assert _verified(tmp_path).status in ("intact", "incomplete")
        async with _writer(tmp_path, store) as log:
            await log.append(make_event(2))
        report = _verified(tmp_path)
    assert (report.status, report.lines, len(report.files)) == ("intact", 4, 2)
