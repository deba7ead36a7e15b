"""A calibration in a judgment: what the record says, what is remembered, and who abstains at a risk."""

from __future__ import annotations

import shutil
from itertools import count

import pytest

from judge_agent.calibration import Calibrations
from judge_agent.calibration.table import ModelKey
from judge_agent.errors import InvalidRequest
from judge_agent.journal import MemoryJournal, MemorySharedResults
from judge_agent.judge import Judge
from judge_agent.log import MemoryLog
from judge_agent.models.scripted import ScriptedModel, of_tokens
from judge_agent.prompting import PromptLibrary, default_folder
from judge_agent.recipes import load_recipes
from judge_agent.schema import JudgmentRequest
from tests.calibration.conftest import calibration
from tests.judging.test_when_sampling_ends import PAIRS, RECIPE, written

pytestmark = pytest.mark.anyio
SAMPLES = "count = 4"
SURE, TORN = "It is forty-two, I think.", "It may be forty, or so."


class Bench:
    """Judges by recipe `sampled`, of four samples: SURE gets the same score each time, TORN two scores by turns."""

    def __init__(self, folder, recipe=RECIPE, **known):
        shutil.copytree(default_folder(), folder / "prompts")
        text = written(recipe, SAMPLES, **known)
        (folder / "prompts" / "recipes" / "sampled.toml").write_text(text, "utf-8")
        self.library = PromptLibrary(folder / "prompts")
        self.sha256 = load_recipes(self.library.folder)["sampled"].sha256
        self.shared, self.asked, self._turns, self._ids = MemorySharedResults(), 0, count(), count()

    def judge(self, *calibrations, model=None):
        return Judge(
            model=model or ScriptedModel(otherwise=self._answer),
            tools=(),
            journal=MemoryJournal(),
            shared=self.shared,
            log=MemoryLog(),
            prompts=self.library,
            calibrations=Calibrations(calibrations),
        )

    def fitting(self, **more):
        return calibration(recipe_sha256=self.sha256, **more)

    def _answer(self, request):
        self.asked += 1
        score = 9 if "forty-two" in request.text else (9, 1)[next(self._turns) % 2]
        return f"Work: so it is.\n<score>{score}</score>"

    async def judged(self, judge, *texts, **more):
        candidates = [{"id": str(n), "trajectory": {"text": text}} for n, text in enumerate(texts)]
        body = {"task": {"prompt": "Six times seven?"}, "recipe": "sampled", "candidates": candidates} | more
        request = JudgmentRequest.model_validate(body)
        judge.check(request)
        await judge.check_calibrated(request)
        return await judge.judge(request, judgment_id=f"j{next(self._ids)}", tenant="t", created=0.0)


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


async def test_without_a_calibration_the_raw_confidence_says_that_it_is_none(bench) -> None:
    judgment = await bench.judged(bench.judge(), SURE)
    said = judgment.candidates[0].confidence
    assert (said.value, said.method, said.raw, said.calibration) == (1.0, "uncalibrated", None, None)
    assert said.basis == "evidence_and_agreement"
    assert said.signals == {"evidence_share": 0.0, "agreement": 1.0}
    assert judgment.provenance.calibration is None


async def test_the_one_that_fits_is_applied_and_named(bench) -> None:
    made = bench.fitting(knots=((0.0, 0.2), (1.0, 0.7)))
    judgment = await bench.judged(bench.judge(made), SURE)
    said = judgment.candidates[0].confidence
    assert (said.value, said.method, said.raw, said.calibration) == (0.7, "isotonic", 1.0, made.sha256)
    assert judgment.provenance.calibration == made.sha256


@pytest.mark.parametrize(
    "other",
    [
        {"recipe_sha256": "b" * 64},
        {"model": ModelKey(id="scripted", revision="2")},
        {"model": ModelKey(id="another", revision="1")},
        {"model": None},
    ],
    ids=str,
)
async def test_one_of_another_recipe_or_model_is_not_applied(bench, other) -> None:
    made = calibration(**({"recipe_sha256": bench.sha256} | other))
    judgment = await bench.judged(bench.judge(made), SURE)
    assert judgment.candidates[0].confidence.method == "uncalibrated"
    assert judgment.provenance.calibration is None


async def test_what_is_remembered_under_another_calibration_is_judged_anew(bench) -> None:
    first = await bench.judged(bench.judge(bench.fitting()), SURE)
    asked = bench.asked
    again = await bench.judged(bench.judge(bench.fitting()), SURE)
    assert (again.cached_from, bench.asked) == (first.id, asked)
    changed = await bench.judged(bench.judge(bench.fitting(knots=((0.0, 0.1), (1.0, 0.6)))), SURE)
    assert (changed.cached_from, bench.asked) == (None, asked + 4)
    assert changed.candidates[0].confidence.value == 0.6


async def test_a_pin_names_the_calibration(bench) -> None:
    plain, made = await bench.judge().pin("sampled"), bench.fitting()
    pinned = await bench.judge(made).pin("sampled")
    assert pinned.parts["model.calibration"] == made.sha256
    assert plain.sha256 != pinned.sha256
    assert "model.calibration" not in plain.parts


async def test_who_is_too_unsure_abstains_and_has_no_number_anywhere(bench) -> None:
    judge = bench.judge(bench.fitting())
    judgment = await bench.judged(judge, SURE, TORN, max_risk=0.1)
    sure, torn = judgment.candidates
    assert (sure.status, sure.reward) == ("scored", 0.9)
    assert (torn.status, torn.failure_kind, torn.reward, torn.raw_reward) == (
        "unscored",
        "abstained",
        None,
        None,
    )
    assert (torn.score, torn.passed, torn.needs_review) == (None, None, True)
    assert set(torn.vector.values()) == {None}
    assert "max_risk=0.1" in (torn.failure_reason or "")
    assert torn.principles[0].score is not None
    assert judgment.ranking == (("0",),)


async def test_a_shape_leaves_out_who_abstained(bench) -> None:
    judgment = await bench.judged(bench.judge(bench.fitting()), SURE, TORN, max_risk=0.1, shape="rank")
    assert [one.reward for one in judgment.candidates] == [0.5, None]


async def test_without_a_risk_nobody_abstains(bench) -> None:
    judgment = await bench.judged(bench.judge(bench.fitting()), SURE, TORN)
    assert [one.status for one in judgment.candidates] == ["scored", "scored"]


async def test_an_abstention_is_not_remembered_for_those_who_ask_for_no_risk(bench) -> None:
    judge = bench.judge(bench.fitting())
    await bench.judged(judge, TORN, max_risk=0.1)
    later = await bench.judged(judge, TORN)
    assert later.candidates[0].status == "scored"


async def test_a_risk_without_a_calibration_is_refused_by_its_field(bench) -> None:
    with pytest.raises(InvalidRequest, match="there is none") as refused:
        await bench.judged(bench.judge(), SURE, max_risk=0.1)
    assert refused.value.field == "max_risk"
    other = ScriptedModel(otherwise="nothing", revision="2")
    with pytest.raises(InvalidRequest, match="revision '2'") as refused:
        await bench.judged(bench.judge(bench.fitting(), model=other), SURE, max_risk=0.1)
    assert refused.value.field == "max_risk"


async def test_a_risk_that_cannot_be_shown_is_refused_with_the_least_that_can(bench) -> None:
    with pytest.raises(InvalidRequest, match=r"ask for 0\.03 or more") as refused:
        await bench.judged(bench.judge(bench.fitting()), SURE, max_risk=0.01)
    assert refused.value.field == "max_risk"


async def test_a_recipe_may_ask_for_the_risk_and_a_request_may_waive_it(tmp_path) -> None:
    bench = Bench(tmp_path, more="max_risk = 0.1")
    judge = bench.judge(bench.fitting())
    assert [one.status for one in (await bench.judged(judge, SURE, TORN)).candidates] == [
        "scored",
        "unscored",
    ]
    waived = await bench.judged(judge, SURE, TORN, max_risk=1)
    assert [one.status for one in waived.candidates] == ["scored", "scored"]
    with pytest.raises(InvalidRequest, match="max_risk"):
        await bench.judged(bench.judge(), SURE)


async def test_a_judge_that_was_not_asked_first_abstains_for_all(bench) -> None:
    """Where the model is known only when it judges, a promise that nothing backs is still not given."""
    judge = bench.judge(bench.fitting(), model=ScriptedModel(otherwise=bench._answer, revision="2"))
    body = {"task": {"prompt": "x"}, "recipe": "sampled", "max_risk": 0.1}
    request = JudgmentRequest.model_validate(
        body | {"candidates": [{"id": "0", "trajectory": {"text": SURE}}]}
    )
    judgment = await judge.judge(request, judgment_id="j", tenant="t", created=0.0)
    assert judgment.candidates[0].failure_kind == "abstained"
    assert "none fits" in (judgment.candidates[0].failure_reason or "")


async def test_entropy_of_tokens_is_in_the_confidence_of_a_readout_of_tokens(bench) -> None:
    async def said(share: float):
        model = ScriptedModel(
            rules=[("Now give your verdict", of_tokens({"Yes": share, "No": 1 - share}))],
            otherwise=lambda request: (
                of_tokens({"Yes": share, "No": 1 - share}) if request.logprobs else "Reasons."
            ),
        )
        judge = bench.judge(model=model)
        judgment = await bench.judged(judge, SURE, recipe="rlbff", cache="no")
        return judgment.candidates[0].confidence

    even, torn, sure = await said(0.5), await said(0.7), await said(0.99)
    assert even.basis == sure.basis == "evidence_and_entropy"
    assert even.value == pytest.approx(0.0, abs=1e-9)
    assert even.value is not None
    assert torn.value is not None
    assert sure.value is not None
    assert even.value < torn.value < sure.value < 1.0
    assert sure.signals["certainty"] == sure.value


async def test_orders_that_disagree_are_a_signal_of_a_comparison(tmp_path) -> None:
    bench = Bench(
        tmp_path, recipe=PAIRS.replace("[samples]", '[samples]\norders = "both"'), protocol="pairwise"
    )
    judge = bench.judge(model=ScriptedModel(otherwise='{"reason": "first", "winner": "A"}'))
    judgment = await bench.judged(judge, SURE, TORN, budget={"samples": 1})
    said = judgment.candidates[0].confidence
    assert said.signals["order_consistency"] == 0.0
    assert said.value is not None
    assert said.value <= 0.5
