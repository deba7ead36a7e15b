"""The candidate's files are there where they are asked for; what they may have written is the candidate's claim."""

from __future__ import annotations

import pytest

from tools.candidate_files import MAX_BYTES, candidate_files, named_in, plain_name

pytestmark = pytest.mark.anyio
CODE = "```python\ndef double(x):\n    return 2 * x\n```"


def artifact(name: str, content: str, kind: str = "text") -> dict[str, str]:
    return {"name": name, "kind": kind, "content": content}


async def test_the_code_of_the_answer_can_be_imported_as_solution(ran) -> None:
    result = await ran("from solution import double\nprint(double(21))", answer=CODE)
    assert result.output["stdout"] == "42\n", result.output
    assert result.output["candidate_files"] == ["solution.py"]
    assert result.output["files"] == []


async def test_what_a_program_with_the_candidates_files_prints_is_the_candidates_claim(ran) -> None:
    boasts = "```python\nprint('all checks passed')\n```"
    assert (await ran("import solution", answer=boasts)).source == "claim"
    assert (await ran("print(open('r.txt').read())", artifacts=[artifact("r.txt", "fine")])).source == "claim"
    assert (await ran("import os\nprint(os.listdir('.'))", answer=boasts)).source == "claim"


async def test_a_program_that_names_no_file_of_the_candidate_gets_none(ran) -> None:
    result = await ran("import json\nprint(6 * 7)", answer=CODE, artifacts=[artifact("notes.txt", "n")])
    assert (result.source, result.output["stdout"]) == ("tool", "42\n")
    assert "candidate_files" not in result.output


async def test_artifacts_lie_in_the_work_folder_under_their_names(ran) -> None:
    artifacts = [
        artifact("data/table.csv", "a,b\n1,2\n"),
        artifact("helper.py", "def f():\n    return 'helped'\n", "code"),
        artifact("picture.png", "data:image/png;base64,AAAA", "image"),
    ]
    code = (
        "import helper, os\nprint(open('data/table.csv').read(), helper.f(), os.path.exists('picture.png'))"
    )
    result = await ran(code, artifacts=artifacts)
    assert result.output["stdout"] == "a,b\n1,2\n helped False\n", result.output


async def test_a_candidates_file_does_not_pass_for_the_standard_library_or_numpy(ran) -> None:
    fake = "print('forged')\n"
    artifacts = [artifact(name, fake, "code") for name in ("json.py", "statistics.py", "numpy.py", "data.py")]
    result = await ran("import data, json, statistics, numpy\nprint(json.dumps([1]))", artifacts=artifacts)
    assert result.output["stdout"] == "forged\n[1]\n", result.output


async def test_a_file_that_was_changed_is_shown_as_left_and_one_that_was_not_is_not(ran) -> None:
    artifacts = [artifact("one.txt", "1"), artifact("two.txt", "2")]
    result = await ran("open('one.txt', 'a').write('+')\nopen('two.txt').read()", artifacts=artifacts)
    assert [(one["name"], one["text"]) for one in result.output["files"]] == [("one.txt", "1+")]


async def test_an_artifact_named_as_the_program_does_not_replace_it(ran) -> None:
    result = await ran(
        "import program\nprint('mine', __file__)", artifacts=[artifact("program.py", "X = 1", "code")]
    )
    assert result.output["stdout"].startswith("mine "), result.output
    assert result.status == "ok"


async def test_a_folder_named_as_the_program_is_no_trouble(ran) -> None:
    result = await ran("print(open('program.py/x').read())", artifacts=[artifact("program.py/x", "y")])
    assert result.output["stdout"] == "y\n", result.output


async def test_reference_and_hidden_tests_are_not_in_the_box(ran) -> None:
    code = (
        "import os, sys, gc\nfor folder, _, names in os.walk('.'):\n    for name in names:\n"
        "        print(name, open(os.path.join(folder, name)).read() if name != 'program.py' else '')\n"
        "print(any('47' + '11' in repr(one)[:10_000] for one in gc.get_objects() if isinstance(one, (dict, list))))"
    )
    result = await ran(code, answer=CODE, hidden=["assert double(4711) == 9422"])
    assert "4711" not in result.output["stdout"]
    assert result.output["stdout"].rstrip().endswith("False"), result.output


@pytest.mark.parametrize(
    ("given", "plain"),
    [
        ("a.py", "a.py"),
        ("../../etc/passwd", "etc/passwd"),
        ("/abs/olute.txt", "abs/olute.txt"),
        ("C:\\x\\y.txt", "C_/x/y.txt"),
        ("a/./b//c", "a/b/c"),
        (".hidden", "hidden"),
        ("a\x00b\nc", "a_b_c"),
        ("..", ""),
        ("x" * 300, "x" * 80),
        ("\U0001d4d0" * 300, "\U0001d4d0" * 50),
        ("\ud800.py", "_.py"),
        ("1/2/3/4/5/6/7/8", "3/4/5/6/7/8"),
    ],
)
def test_names_are_made_harmless(given: str, plain: str) -> None:
    assert plain_name(given) == plain


def test_what_cannot_lie_beside_the_others_is_left_out_and_said(view) -> None:
    artifacts = [
        artifact("a", "file"),
        artifact("a/b", "below a file"),
        artifact("a", "another"),
        artifact("..", "no name"),
        artifact("big", "x" * (MAX_BYTES + 1)),
        artifact("fine", "y"),
    ]
    found = candidate_files(view(artifacts=artifacts))
    assert set(found.files) == {"a", "fine"}
    assert set(found.left_out) == {"a/b", "a", "..", "big"}
    assert found.files["a"] == b"file"


def test_two_thousand_artifacts_are_capped(view) -> None:
    found = candidate_files(view(artifacts=[artifact(f"f{i}", "x") for i in range(2000)]))
    assert len(found.files) == 64


@pytest.mark.parametrize(
    ("code", "named"),
    [
        ("import solution", True),
        ("open('data/t.csv')", True),
        ("from t import x", True),
        ("import os; os.walk('.')", True),
        ("print(1)", False),
        ("import tt", False),
    ],
)
def test_a_program_names_files_by_their_names_or_by_looking_around(code: str, named: bool) -> None:
    assert named_in(code, ["solution.py", "data/t.csv"]) is named


@pytest.mark.parametrize(
    ("given", "offered"),
    [
        ({"answer": CODE}, True),
        ({"artifacts": [artifact("r.csv", "1,2")]}, True),
        ({"answer": "It is 391.", "prompt": "What is 17 * 23?"}, True),
        ({"answer": "42", "kind": "math"}, True),
        ({"answer": "Roses are red.", "prompt": "Write a poem of 2 lines."}, False),
        ({"answer": "In 1969.", "prompt": "When was the first landing on the moon?"}, False),
    ],
)
def test_it_is_offered_where_there_is_something_to_compute(tool, view, given, offered: bool) -> None:
    assert tool.offered(view(**given)) is offered
