"""Through `Calls`: what the journal keeps of a call to the model is what comes back."""

import asyncio
import json
from dataclasses import asdict, replace

import pytest

from judge_agent.budget import Budget
from judge_agent.call_results import completion_of, completion_record
from judge_agent.calls import Calls, ModelCall
from judge_agent.errors import ModelError
from judge_agent.hashing import derived_seed, sha256_of
from judge_agent.journal import MemoryJournal, MemorySharedResults
from judge_agent.log import MemoryLog
from judge_agent.models import Held, ScriptedModel, of_tokens
from judge_agent.seams.model import (
    ChatMessage,
    Choice,
    Completion,
    Image,
    TokenLogprob,
    TokenUsage,
    ToolCall,
)

pytestmark = pytest.mark.anyio
ASKED = (ChatMessage("user", "Is it right?"),)
PLAIN = ModelCall("critique/a/0", ASKED, {"type": "object"}, 64)
LOOK = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
PICTURE = Image.of(b"\x89PNG not really", "image/png")
CHANGES = {
    "n": 2,
    "logprobs": 5,
    "stop": ("END",),
    "tools": (LOOK,),
    "tool_choice": "required",
    "max_tokens": 65,
    "messages": (replace(ASKED[0], images=(PICTURE,)),),
}


async def door(model, journal, log=None, shared=None):
    return Calls(
        judgment_id="j",
        tenant="t",
        seed=7,
        budget=Budget(seconds=30, model_tokens=100_000, tool_calls=4),
        call_seconds=0.05,
        model=model,
        model_info=await model.info(),
        no_model="",
        journal=journal,
        shared=shared or MemorySharedResults(),
        journalled=await journal.load("j"),
        log=log or MemoryLog(),
    )


async def twice(model, ask):
    """Ask once, and once more as after a restart, with a model that has nothing left to say."""
    journal = MemoryJournal()
    first = await ask(await door(model, journal))
    again = await ask(await door(ScriptedModel([ModelError("model_error", "asked again")] * 9), journal))
    return first, again


async def test_samples_logprobs_reasoning_and_calls_come_back_from_the_journal():
    call = {"id": "c", "function": {"name": "look", "arguments": '{"a": 1}'}}
    answers = (
        of_tokens({"Yes": 0.7, "No": 0.3}),
        Choice(None, "tool_calls", "I must look.", tool_calls=(call,)),
    )
    asked = replace(PLAIN, n=2, logprobs=20, tools=(LOOK,))
    first, again = await twice(ScriptedModel([answers]), lambda calls: calls.model(asked))
    assert again == first
    assert [token for token, _ in again.choices[0].logprobs[0].top] == ["Yes", "No"]
    assert ToolCall.of(again.choices[1].tool_calls[0]).arguments == {"a": 1}


async def test_a_likelihood_comes_back_from_the_journal_and_counts_its_tokens():
    first, again = await twice(
        ScriptedModel(likelihoods=[[-0.5, -2.0]]), lambda calls: calls.likelihood("ref", ASKED, " forty two")
    )
    assert again == first
    assert [(token.token, token.logprob) for token in first] == [(" forty", -0.5), (" two", -2.0)]
    log, journal = MemoryLog(), MemoryJournal()
    calls = await door(ScriptedModel(), journal, log)
    await calls.likelihood("ref", ASKED, "It is so")
    assert calls.usage.prompt_tokens == await ScriptedModel().count_tokens(ASKED) + 3
    assert log.events[0].contents["continuation"] == "It is so"


async def test_a_failed_likelihood_fails_again_in_the_same_way():
    model = ScriptedModel(likelihoods=[ModelError("model_error", "no prompt_logprobs")])
    journal = MemoryJournal()
    for asked in (model, ScriptedModel()):
        with pytest.raises(ModelError, match="no prompt_logprobs"):
            await (await door(asked, journal)).likelihood("ref", ASKED, "x")


async def test_a_call_without_the_newer_fields_has_the_key_that_it_always_had():
    journal, model = MemoryJournal(), ScriptedModel()
    await (await door(model, journal)).model(PLAIN)
    asked = {
        "node": "critique/a/0",
        "messages": [{"role": "user", "content": "Is it right?"}],
        "schema": {"type": "object"},
        "max_tokens": 64,
        "temperature": 0.0,
        "shared": False,
    }
    seed = derived_seed(7, "critique/a/0")
    assert list(await journal.load("j")) == [sha256_of(["model", ["scripted", "1"], asked, seed])]


async def test_every_difference_is_another_call():
    journal, model = MemoryJournal(), ScriptedModel(images=True)
    calls = await door(model, journal)
    for change in [{}, *({name: value} for name, value in CHANGES.items())]:
        await calls.model(replace(PLAIN, **change))
    assert len(await journal.load("j")) == len(model.requests) == len(CHANGES) + 1


async def test_the_log_names_a_picture_and_does_not_hold_it():
    log = MemoryLog()
    calls = await door(ScriptedModel(images=True), MemoryJournal(), log)
    await calls.model(replace(PLAIN, messages=CHANGES["messages"]))
    (message,) = log.events[0].contents["messages"]
    assert message["images"] == [{"media_type": "image/png", "sha256": PICTURE.sha256}]


async def test_a_thought_that_time_cut_off_is_not_shared_with_other_judgments():
    shared, never = MemorySharedResults(), asyncio.Event()
    asked = replace(PLAIN, node="propose", shared=True, reasoning_tokens=50)
    cut = ScriptedModel([Held(never, "", so_far="hal")])
    await (await door(cut, MemoryJournal(), shared=shared)).model(asked)
    whole = ScriptedModel(["all of it"])
    completion = await (await door(whole, MemoryJournal(), shared=shared)).model(asked)
    assert completion.choices[0].reasoning == "all of it"
    replayed = await (await door(ScriptedModel(), MemoryJournal(), shared=shared)).model(asked)
    assert replayed.choices[0].reasoning == "all of it"


async def test_a_completion_is_the_same_after_the_journal():
    token = TokenLogprob("Yes", -0.5, (("Yes", -0.5), ("No", -1.0)))
    call = {"id": "1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    choices = (Choice("a", logprobs=(token,)), Choice(None, "tool_calls", "hm", (call,)))
    whole = Completion(choices, TokenUsage(5, 1, 3, 2), "m", 0.25, 2)
    record = completion_record(whole)
    assert json.loads(json.dumps(record)) == json.loads(json.dumps(asdict(whole)))
    assert completion_of(json.loads(json.dumps(record))) == completion_of(record) == whole
