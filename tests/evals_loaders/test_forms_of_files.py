"""Files as they come: compressed, with a byte order mark, with CRLF, cut off; the same rows, or a named place."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from evals.loaders.item import Item
from evals.loaders.rows import members_of, rows_of
from judge_agent.errors import InvalidRequest
from tests.evals_loaders.published import CASES, loaded, suite_of, write

FORMS: dict[str, Callable[[bytes], bytes]] = {
    "mark": lambda content: b"\xef\xbb\xbf" + content,
    "crlf": lambda content: content.replace(b"\n", b"\r\n"),
    "both": lambda content: b"\xef\xbb\xbf" + content.replace(b"\n", b"\r\n"),
    "open end": lambda content: content.removesuffix(b"\n"),
}
# Files of rows that the loader finds by their ending: those of a fixed name are asked for by it.
FOUND = [
    case
    for case in CASES
    if suite_of(case).name not in ("bird", "spider", "webgen_bench", "agent_reward_bench", "tau_bench")
    and "themis_tara" not in (case, suite_of(case).folder)
    and all(name.endswith((".json", ".jsonl")) for name in CASES[case]["files"])
]


def read_files(folder: Path) -> list[Path]:
    """The files of a set that are read as text."""
    return [path for path in folder.rglob("*") if path.suffix in (".json", ".jsonl", ".csv", ".gz")]


def bodies(items: list[Item]) -> list[str]:
    return [f"{item.id} {json.dumps(item.request.body)} {item.label}" for item in items]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("case", CASES)
def test_a_byte_order_mark_and_other_line_ends_change_nothing(case: str, form: str, tmp_path: Path) -> None:
    folder = write(tmp_path, case)
    plain = bodies(loaded(folder, case))
    for path in read_files(folder):
        content = path.read_bytes()
        is_packed = path.suffix == ".gz"
        changed = FORMS[form](gzip.decompress(content) if is_packed else content)
        path.write_bytes(gzip.compress(changed) if is_packed else changed)
    assert bodies(loaded(folder, case)) == plain


@pytest.mark.parametrize("case", FOUND)
def test_compressed_rows_are_read_with_the_same_ids(case: str, tmp_path: Path) -> None:
    folder = write(tmp_path, case)
    plain = bodies(loaded(folder, case))
    for path in read_files(folder):
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    assert plain
    assert bodies(loaded(folder, case)) == plain


@pytest.mark.parametrize("case", CASES)
def test_a_file_that_was_cut_off_is_named(case: str, tmp_path: Path) -> None:
    folder = write(tmp_path, case)
    path = folder / next(iter(CASES[case]["files"]))
    if path.suffix == ".csv":
        pytest.skip("a table that was cut off between two cells is a table")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])
    with pytest.raises(InvalidRequest) as refused:
        loaded(folder, case)
    assert path.name in refused.value.field


def test_members_of_an_object_stand_with_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "math.json"
    path.write_text('{\n "a": [1,\n 2],\n\n "b": {}\n}\n', "utf-8")
    assert list(members_of(path)) == [(2, "a", [1, 2]), (5, "b", {})]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[1]", "math.json"),
        ('{\n"a": 1,\n}', "math.json, line 3"),
        ('{\n"a" 1}', "math.json, line 2"),
        ('{\n"a": 1\n"b": 2}', "math.json, line 3"),
        ("{\n7: 1}", "math.json, line 2"),
        ('{"a": 1}\n{', "math.json, line 2"),
        ('{"a": ' + "[" * 100_000, "math.json, line 1"),
        ("", "math.json"),
    ],
)
def test_what_is_no_object_is_named_with_its_line(text: str, place: str, tmp_path: Path) -> None:
    path = tmp_path / "math.json"
    path.write_text(text, "utf-8")
    with pytest.raises(InvalidRequest) as refused:
        list(members_of(path))
    assert refused.value.field.endswith(place)


@pytest.mark.parametrize("content", [b"", b"no gzip", gzip.compress(b'{"a": 1}\n' * 999)[:-9]])
def test_what_is_no_whole_gzip_file_is_named(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(content)
    with pytest.raises(InvalidRequest, match=r"rows\.jsonl\.gz"):
        rows_of(path)


def test_a_solution_of_mr_ben_is_named_with_the_line_of_its_question(tmp_path: Path) -> None:
    folder = write(tmp_path, "mr_ben")
    (path,) = folder.iterdir()
    text = path.read_text("utf-8")
    line = text[: text.index('"Model_Solution_Steps"')].count("\n")
    path.write_text(text.replace('"Model_Solution_Steps"', '"other"', 1), "utf-8")
    with pytest.raises(InvalidRequest) as refused:
        loaded(folder, "mr_ben")
    assert 1 < int(refused.value.field.partition("line ")[2].partition(" ")[0]) <= line


@pytest.mark.parametrize("case", ["rose_vec", "rose_vec_published", "rose_vec_database"])
def test_a_query_is_shown_with_its_schema_wherever_that_stands(case: str, tmp_path: Path) -> None:
    for item in loaded(write(tmp_path, case), case):
        assert "items" in item.request.body["task"]["prompt"].partition("Schema:")[2]
        assert "price" in item.request.body["task"]["prompt"].partition("Schema:")[2]
        assert bool(item.request.uploads) is (case == "rose_vec_database")


def test_a_query_whose_schema_stands_nowhere_is_named(tmp_path: Path) -> None:
    folder = write(tmp_path, "rose_vec_published")
    (folder / "tables.json").unlink()
    with pytest.raises(InvalidRequest, match=r"rose-vec-spider\.json, line 2 .*field db_id: its schema"):
        loaded(folder, "rose_vec_published")
