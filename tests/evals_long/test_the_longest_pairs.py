"""`python -m evals long` on made pairs: what it counts, and that its exit code tells."""

from __future__ import annotations

import json

import pytest

from evals.__main__ import main

WORDS = "plain words about nothing much that go on and on for as long as they can "


def side(turns):
    messages = [{"role": "user", "content": "Look everything up."}]
    for index in range(turns):
        call = f"{{'name': 'look_up', 'arguments': '{{\"page\": {index}}}'}}"
        messages += [
            {"role": "tool_call", "content": call},
            {"role": "tool_response", "content": f"page {index}: {WORDS * 12}"},
        ]
    return {"messages": [*messages, {"role": "assistant", "content": "Everything has been looked up."}]}


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "plan_rewardbench"
    folder.mkdir()
    rows = [
        {
            "query": "Look everything up.",
            "tools": [],
            "uuid": f"u{turns}",
            "chosen": side(turns),
            "reject": side(1),
        }
        for turns in (2, 40)
    ]
    (folder / "made.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    return tmp_path


def told(capsys):
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_the_longest_are_judged_within_the_window_and_what_was_read_is_told(data, capsys):
    assert main(["long", "--data", str(data), "--pairs", "1", "--json"]) == 0
    found = told(capsys)
    assert (found["candidates"], found["longer than the window"]) == (2, 1)
    assert found["calls past the window"] == 0
    assert found["largest prompt with answer"] <= found["window, tokens"] == 8192
    assert 0.0 < found["share read, mean"] < 1.0
    assert found["spans opened by calls"] > 0
    assert found["unscored share"] == 0.0


def test_a_recipe_that_indexes_nothing_leaves_the_long_one_unscored(data, capsys):
    assert main(["long", "--data", str(data), "--pairs", "1", "--recipe", "one-pass", "--json"]) == 0
    found = told(capsys)
    assert found["longer than the window"] == 0
    assert found["failures"] == {"input_too_large": 1}


def test_a_folder_without_the_pairs_is_refused(tmp_path, capsys):
    assert main(["long", "--data", str(tmp_path)]) == 2
    assert "there is no such folder" in capsys.readouterr().err
