"""`judge-agent calibrate`: from a file of labelled judgments or requests to a calibration that a judge applies."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import httpx
import pytest

from judge_agent.calibration import load_calibrations
from judge_agent.calibration.items import items_of, one_of_each
from judge_agent.calibration.reading import read_lines
from judge_agent.cli import main
from judge_agent.models.scripted import ScriptedModel, of_tokens
from judge_agent.prompting import default_folder
from judge_agent.recipes import load_recipes
from judge_agent.schema import CandidateResult, Confidence, Judgment
from judge_agent.schema.judgment import Provenance
from tests.service.served import request, serving_in_a_thread

SHA = "c" * 64
MODEL = {"id": "scripted", "revision": "1", "backend": "scripted"}


def judgment(place: int, sure: float, passed: bool | None = True, **more: Any) -> dict[str, Any]:
    result = CandidateResult(
        id="a",
        status="scored",
        score=0.9,
        raw_reward=0.9,
        passed=passed,
        confidence=Confidence(value=sure, method="uncalibrated"),
    )
    provenance = Provenance(recipe="default", recipe_sha256=SHA, model=MODEL)
    made = Judgment(id=f"j{place}", state="done", created=0.0, candidates=(result,), provenance=provenance)
    return made.model_dump(mode="json") | more


def labelled(count: int) -> list[dict[str, Any]]:
    """Judgments that are right less often than they say."""
    drawn = random.Random(1)
    sure = [round(drawn.random(), 2) for _ in range(count)]
    return [
        {"judgment": judgment(place, one), "labels": {"a": drawn.random() < one * one}}
        for place, one in enumerate(sure)
    ]


def written(folder: Path, lines: list[Any]) -> str:
    path = folder / "labelled.jsonl"
    path.write_text("\n".join(one if isinstance(one, str) else json.dumps(one) for one in lines), "utf-8")
    return str(path)


def test_labelled_judgments_become_a_calibration_and_what_it_is_worth_is_told(
    sklearn, tmp_path, capsys
) -> None:
    file, out = written(tmp_path, labelled(300)), tmp_path / "out"
    assert main(["calibrate", file, "--out", str(out)]) == 0
    told = capsys.readouterr().out
    assert "recipe default (cccccccc), model scripted, revision 1: 300 verdicts of 300 judgments" in told
    ece = next(line for line in told.splitlines() if line.strip().startswith("ECE")).split()
    assert float(ece[2]) < float(ece[1])
    for word in ("Brier", "AURC", "risk at 100%", "20%  raw confidence from", "cannot be shown"):
        assert word in told
    [made] = load_calibrations(out).of_recipe(SHA)
    assert (made.version, made.source.judgments) == (1, 300)
    assert made.applied(0.5) < 0.4
    assert main(["calibrate", file, "--out", str(out), "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert (again["version"], again["parent"]) == (2, made.sha256)


def test_a_dry_run_writes_nothing(sklearn, tmp_path) -> None:
    file, out = written(tmp_path, labelled(120)), tmp_path / "out"
    assert main(["calibrate", file, "--out", str(out), "--dry-run"]) == 0
    assert not out.exists()


def test_each_recipe_and_model_has_a_calibration_of_its_own(sklearn, tmp_path, capsys) -> None:
    other = {"provenance": {**judgment(0, 0.5)["provenance"], "model": {**MODEL, "revision": "2"}}}
    drawn = random.Random(2)
    few = [
        {"judgment": judgment(1000 + place, 0.5, **other), "labels": {"a": drawn.random() < 0.5}}
        for place in range(20)
    ]
    out = tmp_path / "out"
    assert main(["calibrate", written(tmp_path, [*labelled(100), *few]), "--out", str(out)]) == 1
    told = capsys.readouterr()
    assert "revision 2: FILE: 20 independent labelled verdicts" in told.err
    assert len(list(out.iterdir())) == 1


def test_what_gave_no_verdict_is_left_out_and_told(sklearn, tmp_path, capsys) -> None:
    open_ = [{"judgment": judgment(500 + n, 0.5, passed=None), "labels": {"a": True}} for n in range(10)]
    assert (
        main(["calibrate", written(tmp_path, [*labelled(100), *open_]), "--out", str(tmp_path / "out")]) == 0
    )
    assert "100 verdicts of 110 judgments" in (told := capsys.readouterr().out)
    assert "(10 judgments without a verdict)" in told


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "no JSON"),
        ("[]", "give a judgment"),
        ({"judgment": judgment(0, 0.5)}, "give a judgment"),
        ({"judgment": judgment(0, 0.5), "labels": {"a": 1}}, "true or false"),
        ({"judgment": judgment(0, 0.5), "labels": {"b": True}}, "'b' is no candidate"),
        ({"judgment": {"id": 3}, "labels": {"a": True}}, "id: "),
        ({"request": {"task": {"prompt": "x"}, "candidates": []}, "labels": {"a": True}}, "candidates"),
        (
            {"request": {"task": {"prompt": "x"}, "candidates": [{"id": "a", "trajectory": {"text": "y"}}]}},
            "nothing says which candidate is good",
        ),
        ({"judgment": judgment(0, 0.5), "labels": {"a": True}, "winner": "a"}, "not both"),
        ({"request": request(recipe="default"), "labels": {"b": True}}, "'b' is no candidate"),
        ({"request": request(recipe="default"), "winner": "b"}, "'b' is no candidate"),
    ],
    ids=str,
)
def test_a_line_that_cannot_be_used_is_told_by_its_number(tmp_path, capsys, line, said) -> None:
    file = written(tmp_path, [labelled(1)[0], line])
    assert main(["calibrate", file, "--out", str(tmp_path / "out")]) == 3
    told = capsys.readouterr().err
    assert "line 2: " in told
    assert said in told


def test_too_few_verdicts_are_refused_and_nothing_is_written(sklearn, tmp_path, capsys) -> None:
    assert main(["calibrate", written(tmp_path, labelled(30)), "--out", str(tmp_path / "out")]) == 3
    assert "needs 50" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_too_few_requests_are_refused_before_a_service_is_asked(sklearn, tmp_path, capsys) -> None:
    lines = [{"request": request(recipe="default"), "labels": {"a": True}}] * 60
    code = main(["calibrate", written(tmp_path, lines), "--url", "http://127.0.0.1:9"])
    assert (code, "needs 50" in capsys.readouterr().err) == (3, True)


def test_a_byte_order_mark_is_no_part_of_a_file(sklearn, tmp_path) -> None:
    path = Path(written(tmp_path, labelled(60)))
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert len(read_lines(path)[0]) == 60


def test_a_judgment_and_those_taken_over_from_it_count_once() -> None:
    first = Judgment.model_validate(judgment(0, 0.9))
    again = first.model_copy(update={"id": "jdg_later", "cached_from": first.id})
    items = [item for one in (first, again) for item in items_of(one, {first.candidates[0].id: True})]
    assert len(items) == 2
    assert len(one_of_each(items)) == 1


def test_a_winner_labels_a_comparison(sklearn, tmp_path, capsys) -> None:
    drawn = random.Random(3)

    def compared(place: int) -> dict[str, Any]:
        sure = round(drawn.random(), 2)
        base = judgment(place, sure)
        pair = [
            {**base["candidates"][0], "id": id_, "raw_reward": value}
            for id_, value in (("a", 0.8), ("b", 0.2))
        ]
        return {"judgment": {**base, "candidates": pair}, "winner": "a" if drawn.random() < sure else "b"}

    lines = [compared(place) for place in range(150)]
    assert main(["calibrate", written(tmp_path, lines), "--out", str(tmp_path / "out")]) == 0
    assert "150 verdicts of 150 judgments" in capsys.readouterr().out


def test_requests_are_judged_by_a_service_first(sklearn, tmp_path, capsys) -> None:
    """The model's probability of Yes is a text's own number; those below one half are wrong as often as not."""

    def answer(request: Any) -> Any:
        if not request.logprobs:
            return "Reasons."
        share = float(request.text.split("I am sure to ")[1][:4])
        return of_tokens({"Yes": share, "No": 1 - share})

    def line(place: int) -> dict[str, Any]:
        share = (0.55, 0.7, 0.85, 0.95)[place % 4]
        candidate = {
            "id": "a",
            "trajectory": {"text": f"Parcel {place} is light, I am sure to {share:.2f}, so it is."},
        }
        body = {"recipe": "rlbff", "task": {"prompt": f"Parcel {place}?"}, "candidates": [candidate]}
        return {"request": body, "labels": {"a": place % 4 > 0 or place % 8 == 0}}

    with serving_in_a_thread(model=ScriptedModel(otherwise=answer)) as served:
        file = written(tmp_path, [line(place) for place in range(64)])
        assert main(["calibrate", file, "--out", str(tmp_path / "out"), "--url", served.url]) == 0
        told = capsys.readouterr().out
        assert "recipe rlbff" in told
        assert "64 verdicts of 64 judgments, 56 right" in told
    sha256 = load_recipes(default_folder())["rlbff"].sha256
    [made] = load_calibrations(tmp_path / "out").of_recipe(sha256)
    assert made.applied(0.01) < made.applied(0.7)


@pytest.mark.parametrize(
    ("asked", "field"),
    [({"max_risk": 0.1}, "max_risk"), ({"principles_from": "support@2"}, "principles_from")],
)
def test_a_service_that_has_nothing_to_keep_the_promise_refuses_it_by_its_field(asked, field) -> None:
    with serving_in_a_thread() as served:
        for path in ("/v1/judgments", "/v1/groups"):
            answer = httpx.post(f"{served.url}{path}", json=request(**asked), timeout=20)
            assert answer.status_code == 422
            assert answer.json()["errors"][0]["field"] == field


def test_a_reference_labels_by_evidence_and_is_not_shown_to_what_is_calibrated(tmp_path) -> None:
    task = {"prompt": "Six times seven?", "reference": {"answer": "42"}}
    candidate = {"id": "a", "trajectory": {"text": "It is 42."}}
    lines, _ = read_lines(
        Path(written(tmp_path, [{"request": {"task": task, "candidates": [candidate]}}])), "rlbff"
    )
    assert lines[0].with_reference["recipe"] == "verify"
    assert lines[0].with_reference["task"] == task
    assert lines[0].to_judge["recipe"] == "rlbff"
    assert lines[0].to_judge["task"] == {"prompt": "Six times seven?"}
