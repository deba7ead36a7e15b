"""Sets of principles in a folder, and requests and recipes that name them."""

from __future__ import annotations

import shutil
import tomllib

import pytest

from judge_agent.cli import main
from judge_agent.errors import InvalidRequest, PromptError, StoreError
from judge_agent.journal import MemoryJournal, MemorySharedResults
from judge_agent.judge import Judge
from judge_agent.learning.store import PrincipleSet, PrincipleStore
from judge_agent.log import MemoryLog
from judge_agent.models import ScriptedModel
from judge_agent.named_principles import load_principles
from judge_agent.prompting import PromptLibrary, default_folder
from judge_agent.recipes import load_recipes
from judge_agent.schema import JudgmentRequest, PrincipleSpec


def made(*descriptions: str, name: str = "support") -> PrincipleSet:
    return PrincipleSet(
        name=name,
        version=0,
        parent=None,
        created="2026-01-02T03:04:05+00:00",
        principles=tuple(
            PrincipleSpec(name=f"p{n}", description=text, weight=1 / (n + 1))
            for n, text in enumerate(descriptions)
        ),
        provenance={"model": "scripted 1", "train": 50, "test_accuracy": 0.9},
        unused=({"name": "p9", "description": "no", "weight": 0.0, "reason": "its weight is 0"},),
    )


@pytest.fixture
def store(tmp_path):
    return PrincipleStore(tmp_path / "sets")


def test_versions_have_hashes_and_parents_and_going_back_brings_the_hash_back(store) -> None:
    first = store.add(made("It names the unit."))
    second = store.add(made("It names the unit.", "It is short."))
    assert (first.version, first.parent, second.version, second.parent) == (1, None, 2, first.sha256)
    assert (store.head("support"), store.versions("support")) == (2, [1, 2])
    assert store.rollback("support", 1) == first
    assert store.get("support").sha256 == first.sha256
    third = store.add(made("It is kind."))
    assert (third.version, third.parent) == (3, first.sha256)
    assert store.get("support", 2) == second


@pytest.mark.parametrize(
    "text", ['He said "\\" and \t tab', "naïve \U0001f600 café", "a # b = [c]", "\x7f end"]
)
def test_any_text_is_kept_as_it_is(store, text) -> None:
    kept = store.add(made(text))
    assert store.get("support") == kept
    assert kept.principles[0].description == text


def test_a_changed_file_is_refused(store, tmp_path) -> None:
    store.add(made("It names the unit."))
    path = tmp_path / "sets" / "support" / "v1.toml"
    path.write_text(path.read_text("utf-8").replace("unit", "colour"), "utf-8")
    with pytest.raises(StoreError, match=r"v1\.toml.*was changed"):
        store.get("support")


@pytest.mark.parametrize(
    ("name", "version"), [("other", None), ("support", 7), ("../support", 1), ("support", 0)]
)
def test_what_is_not_there_is_refused(store, name, version) -> None:
    store.add(made("It names the unit."))
    with pytest.raises(InvalidRequest):
        store.get(name, version)


def test_the_verbs_list_show_and_roll_back(store, tmp_path, capsys) -> None:
    first, _ = store.add(made("It names the unit.")), store.add(made("It is short."))
    folder = ["--store", str(tmp_path / "sets")]
    assert main(["principles", "list", *folder]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line[:12] for line in lines] == ["  support@1 ", "* support@2 "]
    assert main(["principles", "rollback", "support", "1", *folder]) == 0
    assert f"version 1 ({first.sha256[:12]}) is in use" in capsys.readouterr().out
    assert main(["principles", "show", "support", *folder]) == 0
    shown = capsys.readouterr().out
    assert "1.0000  p0: It names the unit." in shown
    assert "not used  p9: its weight is 0" in shown
    assert main(["principles", "rollback", "support", "5", *folder]) == 3
    assert "5 of 'support' is not there" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--name", "Bad Name"], "small letters"),
        (["--name", "a", "--margin", "2"], "--margin"),
        (["--name", "a", "--most", "0"], "--most"),
        (["--name", "a"], "cannot read"),
    ],
)
def test_learning_refuses_what_makes_no_sense(tmp_path, capsys, options, said) -> None:
    assert main(["principles", "learn", str(tmp_path / "none.jsonl"), *options]) == 3
    assert said in capsys.readouterr().err


class Bench:
    def __init__(self, store_folder=None):
        self.model = ScriptedModel()
        self.judging = Judge(
            model=self.model,
            tools=(),
            journal=MemoryJournal(),
            shared=MemorySharedResults(),
            log=MemoryLog(),
            principles=load_principles(store_folder),
        )

    async def judged(self, **more):
        candidates = [{"id": "a", "trajectory": {"text": "It is forty-two, I think."}}]
        request = JudgmentRequest.model_validate(
            {"task": {"prompt": "6x7?"}, "candidates": candidates} | more
        )
        self.judging.check(request)
        return await self.judging.judge(request, judgment_id="j", tenant="t", created=0.0)


@pytest.mark.anyio
async def test_a_request_is_judged_by_the_set_that_it_names_and_the_record_says_by_which(
    store, tmp_path
) -> None:
    first, second = store.add(made("It names the unit.")), store.add(made("It is short.", "It is kind."))
    bench = Bench(tmp_path / "sets")
    judgment = await bench.judged(principles_from="support")
    shown = [(one.name, one.description, one.weight) for one in judgment.candidates[0].principles]
    assert shown == [("p0", "It is short.", 1.0), ("p1", "It is kind.", 0.5)]
    assert judgment.provenance.principles == {"name": "support", "version": 2, "sha256": second.sha256}
    older = await bench.judged(principles_from="support@1")
    assert older.provenance.principles == {"name": "support", "version": 1, "sha256": first.sha256}
    assert [one.description for one in older.candidates[0].principles] == ["It names the unit."]


@pytest.mark.anyio
async def test_a_set_that_is_not_there_is_refused_by_its_field(store, tmp_path) -> None:
    store.add(made("It names the unit."))
    for folder, name in ((tmp_path / "sets", "support@2"), (tmp_path / "sets", "other"), (None, "support")):
        with pytest.raises(InvalidRequest, match="no set of principles") as refused:
            await Bench(folder).judged(principles_from=name)
        assert refused.value.field == "principles_from"


@pytest.mark.parametrize("name", ["../x", "Support", "support@", "support@0", "", 3])
def test_a_name_that_is_none_is_refused(name) -> None:
    body = {"task": {"prompt": "x"}, "candidates": [{"id": "a", "trajectory": {"text": "y"}}]}
    with pytest.raises(ValueError, match="principles_from"):
        JudgmentRequest.model_validate(body | {"principles_from": name})
    both = {"principles_from": "support", "principles": [{"description": "It is short."}]}
    with pytest.raises(ValueError, match="give one of them"):
        JudgmentRequest.model_validate(body | both)


def test_a_recipe_takes_its_principles_from_a_file_and_its_hash_is_of_both(store, tmp_path) -> None:
    store.add(made("It names the unit.", "It is short."))
    shutil.copytree(default_folder(), tmp_path / "prompts")
    recipes = tmp_path / "prompts" / "recipes"
    text = (recipes / "default.toml").read_text("utf-8").replace('name = "default"', 'name = "support"', 1)
    (recipes / "support.toml").write_text(
        f'default_principles_from = "principles/support.toml"\n{text}', "utf-8"
    )
    with pytest.raises(PromptError, match=r"support\.toml"):
        load_recipes(tmp_path / "prompts")
    kept = tmp_path / "prompts" / "principles" / "support.toml"
    shutil.copy(tmp_path / "sets" / "support" / "v1.toml", kept)
    before = load_recipes(tmp_path / "prompts")["support"]
    assert [one.description for one in before.principles.default] == ["It names the unit.", "It is short."]
    assert before.principles.max_generated == 3
    kept.write_text(kept.read_text("utf-8").replace("short", "brief"), "utf-8")
    assert load_recipes(tmp_path / "prompts")["support"].sha256 != before.sha256
    assert PromptLibrary(tmp_path / "prompts").folder.is_dir()
    assert tomllib.loads(kept.read_text("utf-8"))["version"] == 1
