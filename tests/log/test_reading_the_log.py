"""Reading: queries that reach nothing but the log, accounts, redaction, and the command line."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from judge_agent.cli import main
from judge_agent.errors import InvalidRequest
from judge_agent.log import heads_in, read, redact, show, verify
from judge_agent.log.querying import query
from judge_agent.seams.storage import AuditEvent
from judge_agent.store import SqliteStore

ANSWER = {"choices": [{"content": "Scores: 7\x1b[2J", "reasoning": "I think hard"}]}
JUDGMENT = {
    "candidates": [
        {
            "id": "a",
            "status": "scored",
            "reward": 0.0,
            "passed": False,
            "vector": {"tool_use": 0.0},
            "principles": [
                {
                    "name": "valid_tool_calls",
                    "kind": "hard",
                    "dimension": "tool_use",
                    "score": 0.0,
                    "decided_by": "evidence",
                    "reason": "seats is missing",
                    "citations": [{"evidence_id": "ev1"}],
                }
            ],
            "steps": [
                {"step_id": "s1", "label": "bad", "score": 0.0, "first_error": True, "reason": "bad call"}
            ],
        }
    ],
    "flags": {"fallback_principles": 1},
}


def judged(judgment: str = "jdg_1") -> list[AuditEvent]:
    usage = {"usage": {"prompt": 12, "completion": 3}, "seconds": 0.25}
    finding = {"bearing": "refutes", "strength": "decisive", "reason": "seats is missing", "step_id": "s1"}
    checked = {"status": "ok", "seconds": 0.01}
    return [
        AuditEvent(
            "judgment.accepted", judgment, "t1", None, {"recipe": "default"}, {"request": {"task": "x"}}
        ),
        AuditEvent(
            "tool.call",
            judgment,
            "t1",
            "gather",
            checked,
            {"tool": "check", "answer": {"findings": [finding]}},
        ),
        AuditEvent(
            "model.call", judgment, "t1", "critique", usage, {"messages": ["judge this"], "answer": ANSWER}
        ),
        AuditEvent("model.call", judgment, "t1", "critique", {"failure_kind": "model_timeout", "seconds": 5}),
        AuditEvent(
            "judgment.done", judgment, "t1", None, {"state": "done", "seconds": 0.5}, {"judgment": JUDGMENT}
        ),
    ]


@pytest.fixture
def full(logged: Any) -> Any:
    logged.append([*judged("jdg_1"), *judged("jdg_2")])
    return logged


def test_sql_sees_events_and_contents(full: Any) -> None:
    by_type = query(full.folder, "SELECT type, count(*) AS n FROM events GROUP BY type ORDER BY type")
    assert by_type.columns == ("type", "n")
    assert ("model.call", 4) in by_type.rows
    tokens = query(full.folder, "SELECT sum((fields->>'$.usage.prompt')::INT) FROM events")
    assert tokens.rows == ((24,),)
    texts = query(
        full.folder,
        "SELECT text FROM events JOIN contents USING (writer, segment, line) WHERE name = 'request' LIMIT 1",
    )
    assert json.loads(texts.rows[0][0]) == {"task": "x"}


def test_rows_past_the_limit_are_told(full: Any) -> None:
    table = query(full.folder, "SELECT * FROM events", max_rows=3)
    assert (len(table.rows), table.truncated) == (3, True)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_text('{file}')",
        "SELECT * FROM '{file}'",
        "SELECT * FROM read_csv('{file}')",
        "SELECT * FROM read_json('{log}')",
        "SELECT * FROM glob('/*')",
        "SELECT * FROM read_blob('http://127.0.0.1:9/x')",
        "COPY events TO '{file}.out'",
        "COPY (SELECT 1) TO '{file}.out'",
        "ATTACH '{file}.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "PRAGMA database_list",
        "CREATE TABLE x AS SELECT 1",
        "DROP VIEW events",
        "DELETE FROM loaded_events",
        "INSERT INTO loaded_events SELECT * FROM loaded_events",
        "EXPORT DATABASE '{file}.d'",
        "SELECT 1; DROP VIEW events",
        "SELECT * FROM folder",
        "SELECT * FROM query('DROP VIEW events')",
        "SELECT getenv('PATH')",
        "SELECT",
        "",
        "nonsense",
    ],
)
def test_sql_reaches_nothing_but_the_log(full: Any, tmp_path: Path, sql: str) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("top secret")
    with pytest.raises(InvalidRequest):
        query(full.folder, sql.format(file=secret, log=full.segments[0]))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log", "secret.txt"]
    assert verify(full.folder, full.heads).status == "intact"


def test_endless_sql_is_stopped(full: Any) -> None:
    with pytest.raises(InvalidRequest, match="timeout_seconds"):
        query(full.folder, "SELECT count(*) FROM range(10000000) a, range(10000000) b", timeout_seconds=0.3)


def test_sql_over_memory_is_stopped(full: Any) -> None:
    with pytest.raises(InvalidRequest):
        query(
            full.folder,
            "SELECT list(a.range) FROM range(100000000) a",
            memory_limit="60MB",
            timeout_seconds=20,
        )


def test_a_torn_line_does_not_stop_a_query(full: Any) -> None:
    with full.segments[0].open("ab") as file:
        file.write(b'{"type": "x"')
    assert query(full.folder, "SELECT count(*) FROM events").rows == ((10,),)


def test_an_account_tells_what_decided_and_what_it_cost(full: Any) -> None:
    account = show(full.folder, "jdg_1")
    assert account is not None
    for told in ("tenant t1", "12 prompt", "model_timeout", "decisive refutes step s1", "decided by evidence (ev1)",
                 "seats is missing", "first error", "fallback_principles", "passed False"):  # fmt: skip
        assert told in account, account
    assert "I think hard" not in account
    assert "jdg_2" not in account
    assert show(full.folder, "jdg_") is None


def test_an_account_with_reasoning_is_safe_for_a_terminal(full: Any) -> None:
    account = show(full.folder, "jdg_1", reasoning=True)
    assert account is not None
    assert "I think hard" in account
    assert "\x1b" not in account
    assert "\\x1b" in account


def redacted(logged: Any, judgment: str) -> int:
    return asyncio.run(redact(logged.folder, judgment, anchor=logged.anchor))


def test_redaction_removes_the_texts_and_keeps_the_chain(full: Any) -> None:
    assert redacted(full, "jdg_1") == 6
    on_disk = b"".join(path.read_bytes() for path in full.folder.iterdir())
    assert on_disk.count(b"I think hard") == 1
    report = verify(full.folder, full.heads)
    assert report.status == "intact"
    assert sum(file.redacted for file in report.files) == 6
    assert all(value is None for event in read(full.folder, "jdg_1") for value in event.contents.values())
    account = show(full.folder, "jdg_1", reasoning=True)
    assert account is not None
    assert "redacted" in account
    assert redacted(full, "jdg_1") == 0
    assert redacted(full, "jdg_9") == 0


def test_redaction_is_safe_beside_a_running_writer(logged: Any, make_event: Any) -> None:
    async def run() -> None:
        async with logged.writer() as log:
            for number in range(20):
                await log.append(make_event(number, judgment=f"jdg_{number % 2}"))
                await redact(logged.folder, "jdg_0", anchor=logged.anchor)

    asyncio.run(run())
    assert verify(logged.folder, logged.heads).status == "intact"
    assert query(logged.folder, "SELECT count(*) FROM contents").rows == ((10,),)


@pytest.fixture
def data_dir(tmp_path: Path, logged: Any) -> Path:
    """A service's folder, whose database keeps the heads."""

    async def run() -> None:
        async with SqliteStore.opened(tmp_path / "judge.db") as store:
            logged.anchor = store.set_head
            async with logged.writer() as log:
                for event in judged():
                    await log.append(event)

    asyncio.run(run())
    return tmp_path


def test_the_store_keeps_the_heads(data_dir: Path, logged: Any) -> None:
    heads = heads_in(data_dir / "judge.db")
    assert [(key, head.count) for key, head in heads.items()] == [(("w1", "000001"), 6)]
    assert verify(logged.folder, heads).status == "intact"


def test_audit_verify_tells_by_its_exit_code(
    data_dir: Path, logged: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", "--data-dir", str(data_dir), "verify"]) == 0
    assert "intact" in capsys.readouterr().out
    path = logged.segments[0]
    whole = path.read_bytes()
    path.write_bytes(b"".join(whole.splitlines(keepends=True)[:-1]))
    assert main(["audit", "--data-dir", str(data_dir), "verify"]) == 1
    assert "REMOVED  w1-000001.jsonl line 6" in capsys.readouterr().out
    path.write_bytes(whole + b'{"torn')
    assert main(["audit", "--data-dir", str(data_dir), "verify", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["problems"][0]["kind"] == "torn"
    assert main(["audit", "--data-dir", str(tmp_path / "none"), "verify"]) == 3


def test_audit_verify_without_its_database_is_incomplete(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in data_dir.glob("judge.db*"):
        path.unlink()
    assert main(["audit", "--data-dir", str(data_dir), "verify"]) == 2
    assert "anchored nowhere" in capsys.readouterr().err


def test_heads_are_read_beside_a_writing_service(data_dir: Path) -> None:
    with closing(sqlite3.connect(data_dir / "judge.db")) as connection:
        connection.execute("BEGIN IMMEDIATE")
        assert heads_in(data_dir / "judge.db")


def test_audit_show_prints_an_account(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "--data-dir", str(data_dir), "show", "jdg_1", "--reasoning"]) == 0
    assert "I think hard" in capsys.readouterr().out
    assert main(["audit", "--data-dir", str(data_dir), "show", "jdg_9"]) == 3
    assert "jdg_9" in capsys.readouterr().err


@pytest.mark.parametrize("form", ["table", "json", "csv"])
def test_audit_query_prints_rows(data_dir: Path, capsys: pytest.CaptureFixture[str], form: str) -> None:
    sql = "SELECT type, line FROM events ORDER BY line LIMIT 2"
    assert main(["audit", "--data-dir", str(data_dir), "query", sql, "--format", form]) == 0
    out = capsys.readouterr().out
    if form == "json":
        assert json.loads(out)[1] == {"type": "tool.call", "line": 2}
    elif form == "csv":
        assert list(csv.reader(io.StringIO(out))) == [
            ["type", "line"],
            ["judgment.accepted", "1"],
            ["tool.call", "2"],
        ]
    else:
        assert out.splitlines()[0].split() == ["type", "line"]
    assert main(["audit", "--data-dir", str(data_dir), "query", "DROP VIEW events"]) == 3


def test_audit_finds_the_data_folder_of_the_service(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JUDGE_DATA_DIR", str(data_dir))
    assert main(["audit", "verify"]) == 0
    assert "intact: 6 lines" in capsys.readouterr().out
