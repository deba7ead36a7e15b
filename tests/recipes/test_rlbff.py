"""Recipe rlbff: reasons first, then P(yes) of one token for the caller's principle; an entry of the vector for each."""

from __future__ import annotations

import pytest

from judge_agent.models.scripted import of_tokens
from judge_agent.seams.model import Choice
from tools.check_tool_calls import CheckToolCalls

pytestmark = pytest.mark.anyio
ANSWER = {"a": "The moon pulls the sea. quality=7"}
MOON = {"name": "Names the moon", "description": "The response names the moon.", "weight": 7.25}
BRIEF = {"name": "brief", "description": "The response is brief.", "kind": "hard"}
REASONS = "It names the moon in its first sentence; nothing speaks against it."


def says(tokens=None, reasons=REASONS, text=None, cut=False):
    """A model that writes `reasons`, then answers the question for one token."""

    def answer(request):
        if not request.logprobs:
            return Choice(reasons, "length" if cut else "stop")
        return of_tokens(tokens) if text is None else text

    return answer


async def test_both_prompts_hold_the_principle_and_only_the_second_the_reasons(panel):
    bench = panel(says({"Yes": 0.9, "No": 0.1}))
    await bench.judge(
        "rlbff",
        ANSWER,
        principles=[MOON],
        task={"prompt": "Explain tides.", "reference": {"answer": "gravitation, says the key"}},
    )
    first, second = bench.model.requests
    assert (first.logprobs, second.max_tokens) == (0, 1)
    assert second.logprobs > 0
    assert second.schema is None
    assert not second.think
    for request in (first, second):
        assert "The response names the moon." in request.text
        assert "=====BEGIN TRAJECTORY" in request.text
        assert "The moon pulls the sea." in request.text
        assert "7.25" not in request.text
        assert "says the key" not in request.text
    assert REASONS not in first.text
    assert "=====BEGIN REASONS" in second.text
    assert REASONS in second.text


async def test_every_recorded_prompt_says_what_makes_the_method(panel, reads, prompt):
    bench = panel(says({"Yes": 0.9, "No": 0.1}))
    await bench.judge("rlbff", ANSWER, principles=[MOON])
    reads.says_what_it_must(bench.prompts, prompt)


async def test_what_the_model_answers_is_read_as_the_table_says(panel, case):
    answer = says(case.get("tokens"), case.get("reasons", REASONS), case.get("text"), case.get("cut", False))
    judgment = await panel(answer).judge("rlbff", ANSWER, principles=[MOON])
    (found,) = judgment.candidates[0].principles
    if "failure_kind" in case:
        assert (found.valid, found.score, found.failure_kind) == (False, None, case["failure_kind"])
        assert judgment.candidates[0].vector == {"names_the_moon": None}
        return
    assert found.score == pytest.approx(case["score"])
    assert found.choice == case["choice"]
    assert found.distribution == pytest.approx({"yes": case["score"], "no": 1 - case["score"]})


async def test_a_verdict_of_several_samples_never_says_fail_of_what_its_score_passes(panel):
    shares = iter([0.45, 0.45, 0.95])

    def wavers(request):
        if not request.logprobs:
            return REASONS
        share = next(shares)
        return of_tokens({"Yes": share, "No": 1 - share})

    judgment = await panel(wavers).judge("rlbff", ANSWER, principles=[MOON], budget={"samples": 3})
    (found,) = judgment.candidates[0].principles
    assert [sample.choice for sample in found.samples] == ["fail", "fail", "pass"]
    assert (found.score, found.choice) == (pytest.approx(0.6167, abs=1e-4), "pass")


async def test_the_verdict_hangs_on_the_reasons_that_were_written_before_it(panel):
    """The defining step: reasons first. Without that turn the verdict's prompt holds none, and no verdict falls."""

    def entails(request):
        if not request.logprobs:
            return "It never says how high." if "how high" in request.text else "It does say the cause."
        return of_tokens({"No": 0.95, "Yes": 0.05} if "never says how high" in request.text else {"Yes": 1.0})

    judgment = await panel(entails).judge(
        "rlbff", ANSWER, principles=[{"description": "It says how high."}, {"description": "It says why."}]
    )
    assert judgment.candidates[0].vector == pytest.approx({"it_says_how_high": 0.05, "it_says_why": 1.0})


async def test_each_principle_of_the_caller_is_an_entry_of_the_vector_and_there_are_no_others(panel):
    def entails(request):
        return of_tokens({"Yes": 0.7, "No": 0.3} if "is brief" in request.text else {"No": 0.9, "Yes": 0.1})

    model = panel(lambda request: entails(request) if request.logprobs else REASONS)
    judgment = await model.judge("rlbff", ANSWER, principles=[MOON, BRIEF])
    (result,) = judgment.candidates
    assert result.vector == pytest.approx({"names_the_moon": 0.1, "brief": 0.7})
    assert [p.dimension for p in result.principles] == ["names_the_moon", "brief"]


async def test_the_margin_and_the_mass_of_the_menu_are_in_the_record(panel):
    judgment = await panel(says({"Yes": 0.6, "No": 0.2, "Well": 0.2})).judge("rlbff", ANSWER)
    (found,) = judgment.candidates[0].principles
    (sample,) = found.samples
    assert sample.numbers["margin"] == pytest.approx(1.0986, abs=1e-4)
    assert sample.numbers["menu_mass"] == pytest.approx(0.8)
    assert sample.reason.startswith(REASONS)


@pytest.mark.parametrize(
    ("names", "keys"),
    [
        (["Is it safe?", "is-it-safe"], ["is_it_safe", "is_it_safe_2"]),
        (["7 words", "Höhe"], ["principle_7_words", "h_he"]),
        (["\u6f6e\u6c50", "\u6708"], ["principle", "principle_2"]),
        (["x" * 128], ["x" * 60]),
    ],
    ids=["the same word twice", "digits and accents", "another script", "too long"],
)
async def test_any_name_makes_a_key_of_its_own(panel, names, keys):
    principles = [{"name": name, "description": f"Holds {name} so."} for name in names]
    judgment = await panel(says({"Yes": 1.0})).judge("rlbff", ANSWER, principles=principles)
    assert judgment.candidates[0].vector == dict.fromkeys(keys, 1.0)


async def test_a_dimension_that_the_caller_names_or_declares_is_kept(panel):
    principles = [{**MOON, "dimension": "content"}, BRIEF]
    judgment = await panel(says({"Yes": 1.0})).judge("rlbff", ANSWER, principles=principles)
    assert judgment.candidates[0].vector == {"content": 1.0, "brief": 1.0}
    declared = await panel(says({"Yes": 1.0})).judge(
        "rlbff", ANSWER, principles=principles, dimensions=["content", "style"]
    )
    assert declared.candidates[0].vector == {"content": 1.0, "style": None}


async def test_without_a_principle_of_the_caller_the_recipe_s_own_stands_in(panel):
    judgment = await panel(says({"Yes": 0.8, "No": 0.2})).judge("rlbff", ANSWER)
    assert judgment.candidates[0].vector == pytest.approx({"satisfaction": 0.8})


async def test_samples_vote_by_the_mean_of_their_probabilities(panel):
    shares = iter([0.9, 0.6, 0.3])

    def entails(request):
        if not request.logprobs:
            return REASONS
        yes = next(shares)
        return of_tokens({"Yes": yes, "No": 1 - yes})

    bench = panel(entails)
    judgment = await bench.judge("rlbff", ANSWER, principles=[MOON], budget={"samples": 3})
    (found,) = judgment.candidates[0].principles
    assert found.score == pytest.approx(0.6)
    assert found.agreement == pytest.approx(2 / 3)
    assert all(request.temperature > 0 for request in bench.model.requests if not request.logprobs)


async def test_a_reference_that_no_prompt_shows_is_named_as_unread(panel):
    task = {"prompt": "Explain tides.", "reference": {"answer": "gravitation"}}
    judgment = await panel(says({"Yes": 1.0})).judge("rlbff", ANSWER, task=task)
    assert any("reference" in one for one in judgment.candidates[0].coverage.unread)


async def test_the_vector_has_nothing_but_the_caller_s_principles_where_a_tool_has_one_of_its_own(panel):
    call = {"id": "1", "function": {"name": "tell", "arguments": "{}"}}
    declared = {"type": "function", "function": {"name": "tell", "parameters": {"type": "object"}}}
    messages = [{"role": "assistant", "content": "The moon.", "tool_calls": [call]}]
    agent = {"a": {"messages": messages, "tools": [declared]}}
    bench = panel(says({"Yes": 0.8, "No": 0.2}), judge_tools=[CheckToolCalls()])
    judgment = await bench.judge("rlbff", agent, principles=[MOON])
    assert judgment.candidates[0].vector == pytest.approx({"names_the_moon": 0.8})
    assert [found.name for found in judgment.candidates[0].principles] == ["Names the moon"]
