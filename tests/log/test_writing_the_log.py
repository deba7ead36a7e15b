"""Writing: order, crashes, concurrency, failing disks and anchors, secrets."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from judge_agent.errors import StoreError
from judge_agent.log import AuditLogWriter, Head, read, verify
from judge_agent.log.secret_patterns import without_secrets
from judge_agent.log.writer import ANCHORS_WAIT_SECONDS
from judge_agent.seams.storage import AuditEvent, AuditLog


def test_many_concurrent_appends_share_few_writes_and_are_all_there(logged: Any, make_event: Any) -> None:
    anchored: list[int] = []

    async def run() -> None:
        async def anchor(writer: str, segment: str, count: int, head: str) -> None:
            anchored.append(count)
            await logged.anchor(writer, segment, count, head)

        async with AuditLogWriter(logged.folder, anchor=anchor) as writer:
            log: AuditLog = writer
            await asyncio.gather(*(log.append(make_event(number)) for number in range(500)))

    asyncio.run(run())
    assert len(anchored) < 30
    assert anchored == sorted(anchored)
    assert [event.fields["number"] for event in read(logged.folder)] == list(range(500))
    assert verify(logged.folder, logged.heads).status == "intact"


def test_two_writers_in_one_folder_keep_chains_of_their_own(logged: Any, make_event: Any) -> None:
    async def run() -> None:
        async with logged.writer() as first, logged.writer() as second:
            await asyncio.gather(*(w.append(make_event(n)) for n in range(20) for w in (first, second)))

    asyncio.run(run())
    assert {writer for writer, _ in logged.heads} == {"w1", "w2"}
    assert verify(logged.folder, logged.heads).status == "intact"
    assert len(list(read(logged.folder))) == 40


def test_a_full_segment_is_followed_by_a_chained_one(logged: Any, make_event: Any) -> None:
    logged.append([make_event(number) for number in range(12)], segment_max_bytes=2_000)
    assert len(logged.segments) > 2
    assert verify(logged.folder, logged.heads).status == "intact"


def test_files_are_private(logged: Any, make_event: Any) -> None:
    before = os.umask(0)
    try:
        logged.append([make_event()])
    finally:
        os.umask(before)
    assert stat.S_IMODE(logged.folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in logged.folder.iterdir()} == {0o600}


def test_a_torn_end_is_incomplete_until_the_writer_comes_back(logged: Any, make_event: Any) -> None:
    logged.append([make_event(1), make_event(2)])
    with logged.segments[0].open("ab") as file:
        file.write(b'{"contents":{},"fields":{"num')
    assert verify(logged.folder, logged.heads).status == "incomplete"
    logged.append([make_event(3)])
    report = verify(logged.folder, logged.heads)
    assert (report.status, report.problems) == ("intact", ())
    assert any("cut off" in note for note in report.notes)
    assert [event.fields["number"] for event in read(logged.folder)] == [1, 2, 3]


def test_a_torn_end_that_grew_after_the_writer_came_back_is_tampering(logged: Any, make_event: Any) -> None:
    logged.append([make_event(1)])
    with logged.segments[0].open("ab") as file:
        file.write(b'{"con')
    logged.append([make_event(2)])
    with logged.segments[0].open("ab") as file:
        file.write(b"tents")
    assert verify(logged.folder, logged.heads).status != "intact"


def test_lines_past_the_anchor_are_open_until_the_writer_goes_on(logged: Any, make_event: Any) -> None:
    logged.append([make_event(1), make_event(2)])
    line = json.loads(logged.segments[0].read_bytes().splitlines()[1])
    logged.heads["w1", "000001"] = Head(2, line["hash"])
    report = verify(logged.folder, logged.heads)
    assert report.status == "incomplete"
    assert [(problem.kind, problem.line) for problem in report.problems] == [("unanchored", 3)]
    logged.append([make_event(3)])
    report = verify(logged.folder, logged.heads)
    assert report.status == "intact"
    assert any("past the anchors" in note for note in report.notes)


KILLED = """
import asyncio, sys
from pathlib import Path
from judge_agent.log import AuditLogWriter
from judge_agent.seams.storage import AuditEvent
async def anchor(writer, segment, count, head):
    print(writer, segment, count, head, flush=True)
async def main():
    async with AuditLogWriter(Path(sys.argv[1]), anchor=anchor, segment_max_bytes=20_000) as log:
        async def endless(k):
            while True:
                await log.append(AuditEvent("tool.call", f"jdg_{k}", "t", "gather", {}, {"text": "x" * 200}))
        await asyncio.gather(*(endless(k) for k in range(8)))
asyncio.run(main())
"""


def test_a_killed_writer_leaves_a_log_that_verifies_and_goes_on(logged: Any, make_event: Any) -> None:
    for lines in (5, 40, 150):
        command = [sys.executable, "-c", KILLED, str(logged.folder)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for _ in range(lines):
                writer, segment, count, head = process.stdout.readline().split()
                logged.heads[writer, segment] = Head(int(count), head)
            process.send_signal(signal.SIGKILL)
            for line in process.stdout:
                if len(parts := line.split()) == 4 and len(parts[3]) == 64:
                    logged.heads[parts[0], parts[1]] = Head(int(parts[2]), parts[3])
        assert verify(logged.folder, logged.heads).status in ("intact", "incomplete")
    logged.append([make_event(1)])
    assert verify(logged.folder, logged.heads).status == "intact"
    assert {writer for writer, _ in logged.heads} == {"w1"}


def test_a_failing_anchor_fails_appends_until_it_works_again(logged: Any, make_event: Any) -> None:
    failing = False

    async def anchor(writer: str, segment: str, count: int, head: str) -> None:
        if failing:
            raise OSError("the database is away")
        await logged.anchor(writer, segment, count, head)

    async def run() -> None:
        nonlocal failing
        async with AuditLogWriter(logged.folder, anchor=anchor) as log:
            await log.append(make_event(1))
            failing = True
            await log.append(make_event(2))
            await asyncio.sleep(2 * ANCHORS_WAIT_SECONDS)
            with pytest.raises(StoreError, match="database is away"):
                await log.append(make_event(3))
            failing = False
            await log.append(make_event(9))

    asyncio.run(run())
    assert verify(logged.folder, logged.heads).status == "intact"


def test_an_end_that_is_not_anchored_at_closing_is_an_error(logged: Any, make_event: Any) -> None:
    opened = False

    async def anchor(writer: str, segment: str, count: int, head: str) -> None:
        if opened:
            raise OSError("the database is away")

    async def run() -> None:
        nonlocal opened
        async with AuditLogWriter(logged.folder, anchor=anchor) as log:
            opened = True
            await log.append(make_event(1))

    with pytest.raises(StoreError, match="could not be anchored"):
        asyncio.run(run())


def test_a_log_that_is_being_written_verifies(logged: Any, make_event: Any) -> None:
    async def run() -> None:
        async with logged.writer() as log:
            await log.append(make_event(1))
            heads = dict(logged.heads)
            await log.append(make_event(2))
            report = verify(logged.folder, heads)
            assert report.status == "intact"
            assert any("written now by w1" in note for note in report.notes)

    asyncio.run(run())


def test_a_full_disk_fails_the_append_and_a_new_segment_goes_on(logged: Any, make_event: Any) -> None:
    """A file size limit stands in for the full disk: the write stops in the middle of a line."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    async def run() -> None:
        async with logged.writer() as log:
            await log.append(make_event(1, contents={}))
            resource.setrlimit(resource.RLIMIT_FSIZE, (1_500, before[1]))
            try:
                with pytest.raises(StoreError, match="could not be written"):
                    await log.append(make_event(2, fields={"long": "x" * 3_000}, contents={}))
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, before)
            await log.append(make_event(3, contents={}))

    try:
        asyncio.run(run())
    finally:
        signal.signal(signal.SIGXFSZ, ignored)
    assert len(logged.segments) == 2
    assert verify(logged.folder, logged.heads).status == "intact"
    assert [event.fields["number"] for event in read(logged.folder)] == [1, 3]


def test_opening_the_log_closes_what_a_crash_left_open(logged: Any, make_event: Any) -> None:
    logged.append([make_event(1)])
    with logged.segments[0].open("ab") as file:
        file.write(b'{"con')
    logged.append([])
    assert verify(logged.folder, logged.heads).status == "intact"


def test_a_log_that_cannot_be_anchored_does_not_open(logged: Any) -> None:
    async def anchor(writer: str, segment: str, count: int, head: str) -> None:
        raise StoreError("the database is away")

    async def run() -> None:
        async with AuditLogWriter(logged.folder, anchor=anchor):
            pass

    with pytest.raises(StoreError, match="database is away"):
        asyncio.run(run())
    logged.append([])
    assert {writer for writer, _ in logged.heads} == {"w1"}


def test_an_unusable_folder_is_a_store_error(tmp_path: Path, logged: Any) -> None:
    (tmp_path / "file").write_text("")
    logged.folder = tmp_path / "file"

    async def run() -> None:
        async with logged.writer():
            pass

    with pytest.raises(StoreError, match="cannot be used"):
        asyncio.run(run())


def test_a_closed_log_refuses(logged: Any, make_event: Any) -> None:
    with pytest.raises(StoreError, match="not open"):
        asyncio.run(logged.writer().append(make_event()))


def test_a_cancelled_append_does_not_stop_the_others(logged: Any, make_event: Any) -> None:
    async def run() -> None:
        async with logged.writer() as log:
            tasks = [asyncio.create_task(log.append(make_event(number))) for number in range(10)]
            await asyncio.sleep(0)
            tasks[3].cancel()
            done = await asyncio.gather(*tasks, return_exceptions=True)
            assert [type(result) for result in done].count(asyncio.CancelledError) == 1
            await log.append(make_event(10))

    asyncio.run(run())
    assert verify(logged.folder, logged.heads).status == "intact"


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(
        st.tuples(st.dictionaries(st.text(), json_like), st.dictionaries(st.text(), json_like)), max_size=4
    )
)
def test_any_event_is_written_and_read_back(tmp_path: Path, events: list[Any]) -> None:
    folder = tmp_path / str(len(list(tmp_path.iterdir())))
    heads: dict[tuple[str, str], Head] = {}

    async def anchor(writer: str, segment: str, count: int, head: str) -> None:
        heads[writer, segment] = Head(count, head)

    async def run() -> None:
        async with AuditLogWriter(folder, anchor=anchor) as log:
            for fields, contents in events:
                await log.append(AuditEvent("tool.call", "j", "t", None, fields, contents))

    asyncio.run(run())
    assert verify(folder, heads).status == "intact"
    back = list(read(folder))
    assert len(back) == len(events)
    for (_, contents), event in zip(events, back, strict=True):
        assert event.contents.keys() == contents.keys()
        texts = {name: text for name, text in contents.items() if isinstance(text, str) and len(text) < 8}
        assert {name: event.contents[name] for name in texts} == texts


def test_lone_surrogates_and_control_characters_survive(logged: Any, make_event: Any) -> None:
    text = 'a\ud800b\u2028c\x00d\n{"hash":"0"}'
    logged.append([make_event(1, contents={"prompt": text})])
    assert next(iter(read(logged.folder))).contents == {"prompt": text}
    assert verify(logged.folder, logged.heads).status == "intact"


SECRETS = [
    "sk-proj-abcdEFGH1234567890abcd", "sk-ant-api03-AbCd1234567890efghijkl", "jk_0123456789abcdefABCDEF0123456789",
    "ghp_abcdefghijklmnopqrstuvwxyz0123456789", "github_pat_11ABCDEFG0abcdefghijkl_mnop", "AKIAIOSFODNN7EXAMPLE",
    "AIzaSyA1234567890abcdefghijklmnopqrstuv", "xoxb-123456789012-abcdefABCDEF", "hf_abcdefghijklmnopqrstuvwxyz0123",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nIBAAKC\n-----END RSA PRIVATE KEY-----",
    "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXkt",
]  # fmt: skip


@pytest.mark.parametrize("secret", SECRETS)
def test_secrets_never_reach_the_disk(logged: Any, make_event: Any, secret: str) -> None:
    told = {"headers": {"Authorization": f"Bearer {secret}"}, "note": f"use {secret} please", secret: 1}
    logged.append(
        [make_event(1, fields=told, contents={"prompt": f"my key is {secret}", "call": {"key": secret}})]
    )
    on_disk = b"".join(path.read_bytes() for path in logged.folder.iterdir()).decode()
    assert json.dumps(secret)[1:-1] not in on_disk
    assert "[redacted: " in on_disk
    assert verify(logged.folder, logged.heads).status == "intact"


HARMLESS = [
    "basic understanding-of-the-matter", "the password is needed", "sk-learn", "def get_password(): return input()",
    "prompt_tokens", "key: value", "https://example.com/a?b=c", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822c",
    "bearer of bad news", "pk_customer_orders", "-----BEGIN CERTIFICATE-----", "secret = os.environ",
]  # fmt: skip


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_no_secret_stays(text: str) -> None:
    assert without_secrets({"prompt": text, "usage": {"prompt_tokens": 5}}) == {
        "prompt": text,
        "usage": {"prompt_tokens": 5},
    }


@pytest.mark.parametrize(
    "unit", ["eyJ-", "eyJaaaaaaaa.", "sk-", "-----BEGIN PRIVATE KEY-----", "a_api_key=", "bearer ", "://a:"]
)
def test_looking_for_secrets_takes_linear_time(unit: str) -> None:
    import time

    began = time.process_time()
    without_secrets(unit * (400_000 // len(unit)))
    assert time.process_time() - began < 4
