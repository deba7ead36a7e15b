"""Files of lines that verbs read: what is no text is said with its line, by every verb alike."""

from __future__ import annotations

from pathlib import Path

import pytest

from judge_agent.cli import main
from judge_agent.errors import JudgeError
from judge_agent.text_files import text_of


@pytest.mark.parametrize(
    ("written", "read"), [(b"\xef\xbb\xbfa\nb", "a\nb"), ("\u00e9\n".encode(), "\u00e9\n"), (b"", "")]
)
def test_a_mark_at_the_beginning_is_no_text(tmp_path: Path, written: bytes, read: str) -> None:
    path = tmp_path / "lines"
    path.write_bytes(written)
    assert text_of(path) == read


@pytest.mark.parametrize("before", [b"", b"\xef\xbb\xbf"])
def test_the_first_line_that_is_no_text_is_named(tmp_path: Path, before: bytes) -> None:
    path = tmp_path / "lines"
    path.write_bytes(before + b"{}\n{}\n{\xff}\n\xff")
    with pytest.raises(JudgeError, match=r"lines, line 3: is not UTF-8"):
        text_of(path)


def test_what_cannot_be_opened_is_named(tmp_path: Path) -> None:
    with pytest.raises(JudgeError, match=r"cannot read '.*': Is a directory"):
        text_of(tmp_path)
    with pytest.raises(JudgeError, match=r"cannot read '.*none': No such file"):
        text_of(tmp_path / "none")


@pytest.mark.parametrize(
    "verb", [["principles", "learn", "--name", "a"], ["calibrate"], ["validate"], ["judge"]], ids=" ".join
)
def test_every_verb_that_reads_lines_names_the_line(
    verb: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "lines.jsonl"
    path.write_bytes(b'\n\n{"task": "\xe9"}\n')
    ended = main([*verb, str(path)])
    assert ended == 3
    assert "lines.jsonl, line 3: is not UTF-8" in capsys.readouterr().err
