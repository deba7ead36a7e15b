"""Every kind of tampering, done to real files, is found and named by its line."""

from __future__ import annotations

import asyncio
import json
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest

from judge_agent.log import redact, verify
from judge_agent.log.lines import FIRST, encode

CASES: list[dict[str, Any]] = tomllib.loads((Path(__file__).parent / "tampering.toml").read_text())["case"]


@pytest.fixture
def written(logged: Any, make_event: Any) -> Any:
    logged.append([make_event(n) for n in range(5)])
    logged.append([make_event(n) for n in range(5, 8)])
    return logged


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_what_was_done_to_the_log_is_named(written: Any, case: dict[str, Any]) -> None:
    path = written.folder / f"{case.get('file', 'w1-000001')}.jsonl"
    for step in case["do"]:
        tamper(path, *shlex.split(step))
    report = verify(written.folder, written.heads)
    found = [(problem.kind, problem.file, problem.line or 0) for problem in report.problems]
    assert report.status == case.get("status", "tampered")
    for kind, file, line in case["expect"]:
        assert (kind, file, line) in found, found
    if not case["expect"]:
        assert found == []


@pytest.mark.parametrize(
    "case",
    [case for case in CASES if case.get("status", "tampered") == "tampered"],
    ids=lambda case: str(case["name"]),
)
def test_what_was_done_to_the_log_is_named_after_its_writer_has_gone_on(
    written: Any, make_event: Any, case: dict[str, Any]
) -> None:
    path = written.folder / f"{case.get('file', 'w1-000001')}.jsonl"
    for step in case["do"]:
        tamper(path, *shlex.split(step))
    for _ in range(2):
        written.append([make_event(n) for n in range(12)])
    report = verify(written.folder, written.heads)
    assert report.status == "tampered"
    assert {file for _, file, _ in case["expect"]} <= {problem.file for problem in report.problems}
    assert sorted(written.heads) == [("w1", f"{number:06d}") for number in range(1, 5)]


@pytest.mark.parametrize("number", [2, 7])
def test_an_empty_file_after_the_end_does_not_close_it(logged: Any, make_event: Any, number: int) -> None:
    logged.append([make_event(n) for n in range(3)])
    tamper(logged.segments[0], "extend")
    (logged.folder / f"w1-{number:06d}.jsonl").write_bytes(b"")
    report = verify(logged.folder, logged.heads)
    assert report.status == "incomplete"
    assert [(one.kind, one.file, one.line) for one in report.problems] == [
        ("unanchored", "w1-000001.jsonl", 5)
    ]


def test_without_heads_the_end_is_incomplete_and_the_middle_is_still_guarded(written: Any) -> None:
    assert verify(written.folder, None).status == "incomplete"
    tamper(written.segments[0], "remove", "6")
    assert verify(written.folder, None).status == "tampered"


def test_a_folder_without_a_log_is_empty(tmp_path: Path) -> None:
    assert verify(tmp_path, {}).status == "empty"
    assert verify(tmp_path / "none", {}).status == "empty"


def tamper(path: Path, action: str, *arguments: str) -> None:
    """Do one thing to a segment, as someone with an editor, or with this project's code, would."""
    contents = path.with_suffix(".contents")
    lines = path.read_bytes().splitlines(keepends=True)
    if action.startswith("content-"):
        _tamper_contents(contents, action, *arguments)
        return
    if action == "delete":
        path.unlink()
        return
    if action == "delete-both":
        path.unlink()
        contents.unlink()
        return
    if action == "become":
        lines = (path.parent / f"{arguments[0]}.jsonl").read_bytes().splitlines(keepends=True)
    elif action == "tail":
        lines.append(lines[-1][: int(arguments[0])])
    elif action == "cut":
        lines[-1] = lines[-1][: int(arguments[0])]
    else:
        _tamper_lines(lines, action, *arguments)
    path.write_bytes(b"".join(lines))


def _tamper_lines(lines: list[bytes], action: str, *arguments: str) -> None:
    at = int(arguments[0]) - 1 if arguments and arguments[0].isdigit() else 0
    if action == "replace":
        before, after = arguments[1].encode(), arguments[2].encode()
        assert before in lines[at]
        lines[at] = lines[at].replace(before, after)
    elif action == "rehash-badly":
        lines[at] = (
            lines[at][:-67] + (b"0" * 64 if lines[at][-67:-3] != b"0" * 64 else b"1" * 64) + lines[at][-3:]
        )
    elif action == "rewrite":
        lines[at] = _forged(lines[at], node="forged")
    elif action == "rechain":
        previous = json.loads(lines[at - 1])["hash"]
        for index in range(at, len(lines)):
            lines[index] = _forged(lines[index], node="forged", previous=previous)
            previous = json.loads(lines[index])["hash"]
    elif action == "remove":
        del lines[at]
    elif action == "truncate":
        del lines[int(arguments[0]) :]
    elif action == "copy":
        lines.insert(int(arguments[1]), lines[at])
    elif action == "swap":
        other = int(arguments[1]) - 1
        lines[at], lines[other] = lines[other], lines[at]
    elif action == "insert":
        lines.insert(at, _forged(lines[at], node="forged"))
    elif action == "extend":
        last = json.loads(lines[-1])
        lines.append(_forged(lines[-1], line=last["line"] + 1, previous=last["hash"], contents={}))
    elif action == "redact-line":
        last = json.loads(lines[-1])
        told = {"lines": {f"{last['writer']}-{last['segment']}.jsonl": [1, 2, 3]}}
        chained = {"line": last["line"] + 1, "previous": last["hash"], "contents": {}}
        lines.append(_forged(lines[-1], type="content.redacted", fields=told, **chained))
    else:
        lines.insert(at, {"rubbish": b"not a line\n", "blank": b"\n"}[action])


def _forged(line: bytes, /, **changes: Any) -> bytes:
    data = {key: value for key, value in json.loads(line).items() if key != "hash"}
    return encode({**data, **changes})[0]


def _tamper_contents(path: Path, action: str, *arguments: str) -> None:
    if action == "content-delete":
        path.unlink()
        return
    raw = path.read_bytes()
    if action == "content-replace":
        assert arguments[0].encode() in raw
        path.write_bytes(raw.replace(arguments[0].encode(), arguments[1].encode(), 1))
        return
    lines = raw.splitlines(keepends=True)
    if action == "content-add":
        lines.append(arguments[0].encode() + b"\n")
    elif action == "content-blank":
        at = int(arguments[0]) - 1
        record = json.loads(lines[at])
        gone = json.dumps({"line": record["line"], "name": record["name"], "gone": 1}).encode()
        lines[at] = gone.ljust(len(lines[at]) - 1) + b"\n"
    else:
        del lines[int(arguments[0]) - 1]
    path.write_bytes(b"".join(lines))


def test_the_first_line_of_a_log_has_no_line_before_it(written: Any) -> None:
    assert json.loads(written.segments[0].read_bytes().splitlines()[0])["previous"] == FIRST


def test_a_redaction_excuses_the_texts_of_its_own_judgment_only(logged: Any, make_event: Any) -> None:
    logged.append([make_event(n, judgment=f"jdg_{n % 2}") for n in range(4)])
    assert asyncio.run(redact(logged.folder, "jdg_0", anchor=logged.anchor)) == 2
    assert verify(logged.folder, logged.heads).status == "intact"
    tamper(logged.segments[0], "content-blank", "2")
    report = verify(logged.folder, logged.heads)
    assert report.status == "tampered"
    assert [(problem.kind, problem.line) for problem in report.problems] == [("missing_content", 3)]


def test_json_content_that_is_made_text_is_found(logged: Any, make_event: Any) -> None:
    logged.append([make_event(1, contents={"answer": {"evidence": "refutes"}})])
    assert verify(logged.folder, logged.heads).status == "intact"
    tamper(logged.segments[0], "content-replace", '"json":true,', "")
    assert [problem.kind for problem in verify(logged.folder, logged.heads).problems] == ["changed_content"]


def test_contents_that_a_crash_left_without_a_line_are_noted(logged: Any, make_event: Any) -> None:
    logged.append([make_event(1)])
    tamper(logged.segments[0], "content-add", '{"line":2,"name":"answer","salt":"","text":"cut off"}')
    report = verify(logged.folder, logged.heads)
    assert report.status == "intact"
    assert any("belong to no line" in note for note in report.notes)
