"""Recipe carr: statements that lead to the answer, each supported by a page that the answer cites, or it counts not."""

from __future__ import annotations

import json
import re
from typing import Any, ClassVar

import pytest

from judge_agent.schema import PrincipleSpec
from judge_agent.seams.tool import AskedTool, DecidingTool, Finding, OpeningCall, ToolResult

pytestmark = pytest.mark.anyio
TASK = {
    "prompt": "In which city is the festival held that the director of Blue Sand founded?",
    "reference": {"answer": "Lund"},
}
PAGES = {
    "https://a.example/sand": "Blue Sand, a film directed by Ana Ruiz, won a prize.",
    "https://b.example/ruiz": "In 2001 Ana Ruiz founded the Nordlight festival.",
    "https://c.example/lund": "Nordlight is held every May in Lund.",
    "https://d.example/rain": "Red Rain was written by Bo Ek in Oslo.",
}
QUOTES = {
    "Ana Ruiz directed Blue Sand.": "Blue Sand, a film directed by Ana Ruiz",
    "Ana Ruiz founded Nordlight.": "Ana Ruiz founded the Nordlight festival",
    "Nordlight is held in Lund.": "Nordlight is held every May in Lund",
    "Bo Ek wrote Red Rain.": "Red Rain was written by Bo Ek",
}
LINKS = ["<E1> directed Blue Sand.", "<E1> founded <E2>.", "<E2> is held in <E0>."]
STRAY = "<E3> wrote Red Rain."
NAMES = {"E0": "Lund", "E1": "Ana Ruiz", "E2": "Nordlight", "E3": "Bo Ek"}
NONE = {
    "statements": [{"reason": "No page says so.", "page": "none", "quote": "", "supported": "no"}],
}
ANSWER = (
    "The festival is in Lund. Blue Sand was directed by Ana Ruiz [https://a.example/sand]. "
    "Ana Ruiz founded Nordlight [https://b.example/ruiz]. "
    "Nordlight is held in Lund [https://c.example/lund]."
)


class Search(AskedTool):
    name, version, description = "search", "1", "Searches pages."
    parameters: ClassVar[dict[str, Any]] = {"type": "object", "properties": {}, "additionalProperties": False}

    async def run(self, arguments, view, *, timeout_seconds):
        return ToolResult("ok", "nothing")


def agent(answer=ANSWER, pages=PAGES):
    messages = []
    for at, (url, text) in enumerate(pages.items()):
        call = {"id": f"c{at}", "function": {"name": "visit", "arguments": json.dumps({"url": url})}}
        messages.append({"role": "assistant", "content": "", "tool_calls": [call]})
        messages.append({"role": "tool", "tool_call_id": f"c{at}", "content": text})
    return {"messages": [*messages, {"role": "assistant", "content": answer}]}


def judge_of(names=NAMES, statements=LINKS, right=True, support=None):
    """A model that fills in, and supports what a shown page says word for word."""

    def answer(request):
        if "Take apart" in request.text:
            return {"statements": statements}
        if "leave entities open" in request.text:
            wanted = request.schema["properties"]["entities"]["required"]
            return {"entities": {name: names.get(name) for name in wanted}}
        if "pages that the answer cites" in request.text:
            return support or {"statements": [supported(request.text, text) for text in asked(request.text)]}
        if "Ask for one tool call" in request.text:
            return {"reason": "There is nothing to look up.", "action": "done", "tool": "done"}
        return {"reason": "The answer is compared with the reference.", "choice": "pass" if right else "fail"}

    return answer


def asked(prompt):
    return re.findall(r"^\[\d+\] (.+)$", prompt.partition("BEGIN STATEMENTS")[2], re.MULTILINE)


def supported(prompt, text):
    pages = re.findall(r"BEGIN PAGE (p\d+) \w+=====\n(.*?)\n=====END", prompt, re.DOTALL)
    quote = QUOTES[text]
    page = next((alias for alias, shown in pages if quote in shown), None)
    said = {
        "reason": "It is looked for in the pages.",
        "page": page or "none",
        "quote": quote if page else "",
    }
    return {**said, "supported": "yes" if page else "no"}


async def judged(panel, answer=ANSWER, model=None, pages=PAGES, **body):
    bench = panel(model or judge_of())
    body = {"task": TASK, **body}
    return bench, await bench.judge("carr", {"a": agent(answer, pages)}, **body)


def chain(judgment):
    (found,) = [one for one in judgment.candidates[0].principles if one.name == "chain"]
    return found


async def test_every_recorded_prompt_says_what_makes_the_method(panel, reads, prompt):
    bench = panel(judge_of(), judge_tools=[Search()])
    await bench.judge("carr", {"a": agent()}, task=TASK)
    reads.says_what_it_must(bench.prompts, prompt)


async def test_what_the_model_answers_is_read_as_the_table_says(panel, case):
    model = judge_of(support=case["text"] or "\n")
    _, judgment = await judged(panel, model=model)
    found = chain(judgment)
    if "failure_kind" in case:
        assert (found.valid, found.score, found.failure_kind) == (False, None, case["failure_kind"])
        return
    assert found.score == pytest.approx(case["score"])


async def test_the_reward_is_the_outcome_and_the_share_of_the_chain(panel):
    _, judgment = await judged(panel)
    assert judgment.candidates[0].reward == pytest.approx(0.7 * 1.0 + 0.3 * 1.0)
    _, judgment = await judged(panel, ANSWER.replace("[https://a.example/sand]", ""))
    assert chain(judgment).score == pytest.approx(2 / 3)
    assert judgment.candidates[0].reward == pytest.approx(0.7 * 1.0 + 0.3 * 2 / 3)


async def test_a_wrong_answer_gets_nothing_for_its_chain(panel):
    _, judgment = await judged(panel, model=judge_of(right=False))
    assert chain(judgment).score == 1.0
    assert judgment.candidates[0].reward == 0.0
    assert judgment.candidates[0].vector == {"evidence": 1.0, "correctness": 0.0}


@pytest.mark.parametrize(
    ("without", "counting"),
    [("a.example/sand", 2), ("b.example/ruiz", 1), ("c.example/lund", 0)],
)
async def test_a_citation_less_drops_what_hangs_on_it(panel, without, counting):
    """The defining step: only cited pages support, and only what is connected to the answer counts."""
    bench, judgment = await judged(panel, ANSWER.replace(f"https://{without}", "no source"))
    assert chain(judgment).choice == f"{counting} of 3"
    shown = next(prompt for prompt in bench.prompts if "pages that the answer cites" in prompt)
    assert PAGES[f"https://{without}"] not in shown
    told = chain(judgment).samples[0].details
    assert [one["counts"] for one in told].count(True) == counting


async def test_a_supported_statement_that_nothing_connects_to_the_answer_scores_nothing(panel):
    answer = f"{ANSWER} Red Rain is by Bo Ek [https://d.example/rain]."
    _, judgment = await judged(panel, answer, judge_of(statements=[*LINKS, STRAY]))
    stray = chain(judgment).samples[0].details[-1]
    assert (stray["statement"], stray["supported"], stray["counts"]) == ("Bo Ek wrote Red Rain.", True, False)
    assert chain(judgment).score == 0.75


async def test_what_the_answer_does_not_name_fills_no_statement(panel):
    """The judge's own knowledge is no part of the answer: a name that does not stand there is none."""
    answer = "It is in Lund [https://a.example/sand] [https://b.example/ruiz] [https://c.example/lund]."
    _, judgment = await judged(panel, answer)
    assert chain(judgment).score == 0.0
    assert not any(one["filled"] for one in chain(judgment).samples[0].details)


async def test_without_a_citation_nobody_is_asked_and_nothing_is_supported(panel):
    bench, judgment = await judged(panel, "It is in Lund: Ana Ruiz founded Nordlight there.")
    assert chain(judgment).score == 0.0
    assert "cites no page" in chain(judgment).reason
    assert not any("leave entities open" in prompt for prompt in bench.prompts)


async def test_the_statements_come_of_the_task_alone_once_for_all_candidates(panel):
    bench = panel(judge_of())
    candidates = {"a": agent(), "b": agent(ANSWER.replace("[https://a.example/sand]", ""))}
    await bench.judge("carr", candidates, task=TASK)
    made = [prompt for prompt in bench.prompts if "Take apart" in prompt]
    assert len(made) == 1
    assert "Ana Ruiz" not in made[0]
    assert "Lund" not in made[0]


async def test_statements_of_the_callers_own_stand_instead_and_are_judged_each(panel):
    given = [{"name": f"link_{at}", "description": text} for at, text in enumerate(LINKS)]
    bench, judgment = await judged(panel, ANSWER.replace("[https://a.example/sand]", ""), principles=given)
    scores = {one.name: one.score for one in judgment.candidates[0].principles}
    assert scores == {
        "link_0": 0.0,
        "link_1": 1.0,
        "link_2": 1.0,
        "outcome": 1.0,
        "chain": pytest.approx(2 / 3),
    }
    assert judgment.candidates[0].reward == pytest.approx(0.7 + 0.3 * 2 / 3)
    assert not any("Take apart" in prompt for prompt in bench.prompts)


async def test_a_list_of_hits_is_a_page_for_each_address(panel):
    """To cite one hit of a search is not to cite the others that came with it."""
    hits = json.dumps([{"url": url, "snippet": text} for url, text in PAGES.items()])
    answer = ANSWER.replace("[https://b.example/ruiz]", "")
    _, judgment = await judged(panel, answer, pages={"https://search.example/q": hits})
    assert chain(judgment).choice == "1 of 3"
    lines = "\n\n".join(f"{url}\n{text}" for url, text in PAGES.items())
    _, judgment = await judged(panel, answer, pages={"https://search.example/q": lines})
    assert chain(judgment).choice == "1 of 3"


async def test_documents_of_the_request_are_cited_by_their_ids(panel):
    documents = [{"id": url[8], "text": text} for url, text in PAGES.items()]
    answer = re.sub(r"\[https://(\w)\.example/\w+\]", r"[lib/\1]", ANSWER)
    resources = {"corpora": [{"name": "lib", "documents": documents}]}
    _, judgment = await judged(panel, answer, pages={}, resources=resources)
    assert chain(judgment).score == 1.0
    _, judgment = await judged(panel, answer.replace("[lib/b]", ""), pages={}, resources=resources)
    assert chain(judgment).choice == "1 of 3"


async def test_what_the_agent_wrote_itself_and_read_again_supports_nothing(panel):
    """An echo of the agent's own words under an address is its claim still."""
    echoed = {"https://a.example/sand": "note: Blue Sand, a film directed by Ana Ruiz"}
    trajectory = agent(pages={**PAGES, **echoed})
    trajectory["messages"].insert(
        0, {"role": "assistant", "content": "I write down: Blue Sand, a film directed by Ana Ruiz."}
    )
    bench = panel(judge_of())
    judgment = await bench.judge("carr", {"a": trajectory}, task=TASK)
    assert chain(judgment).choice == "2 of 3"
    assert "agent's own words" in chain(judgment).reason


async def test_of_more_than_twenty_cited_pages_the_first_twenty_are_read(panel):
    pages = {
        f"https://n{at}.example/x": f"Page number {at} tells of the weather of one day." for at in range(22)
    }
    answer = f"It is in Lund: {' '.join(f'[{url}]' for url in pages)}"
    bench, judgment = await judged(
        panel, answer, pages=pages, model=judge_of(statements=["<E0> is a city."], support=NONE)
    )
    (shown,) = [prompt for prompt in bench.prompts if "pages that the answer cites" in prompt]
    assert shown.count("BEGIN PAGE") == 20
    assert judgment.candidates[0].flags["pages"] == {"shown": 20, "cut": 0}


async def test_of_a_long_page_what_the_answer_speaks_of_is_shown(panel):
    """What bears a statement may stand at the end of a page that does not fit."""
    filler = "Of other films of that year there is much to be said here. " * 900
    long = {**PAGES, "https://a.example/sand": f"{filler}{PAGES['https://a.example/sand']}"}
    bench, judgment = await judged(panel, pages=long)
    assert chain(judgment).score == 1.0
    assert judgment.candidates[0].flags["pages"] == {"shown": 3, "cut": 1}
    (shown,) = [prompt for prompt in bench.prompts if "pages that the answer cites" in prompt]
    assert len(shown) < 20_000


async def test_what_a_tool_decided_of_the_answer_is_not_asked_of_the_model(panel):
    """Evidence before opinion; the share of the chain stays what it is."""

    class Compares(DecidingTool):
        name, version, description = "calculate", "1", "Compares the answer."
        parameters = Search.parameters

        decides = PrincipleSpec(
            name="answer_matches", description="It matches.", dimension="correctness", kind="hard"
        )

        def opening_calls(self, view):
            return [OpeningCall({})]

        async def run(self, arguments, view, *, timeout_seconds):
            return ToolResult("ok", "equal", findings=(Finding("confirms", "decisive", 1.0),))

    bench = panel(judge_of(right=False), judge_tools=[Compares()])
    judgment = await bench.judge(
        "carr", {"a": agent(ANSWER.replace("[https://a.example/sand]", ""))}, task=TASK
    )
    (result,) = judgment.candidates
    assert {one.name: one.decided_by for one in result.principles} == {
        "chain": "model",
        "answer_matches": "evidence",
    }
    assert result.reward == pytest.approx(0.7 + 0.3 * 2 / 3)
    assert not any("Judge how the work ended" in prompt for prompt in bench.prompts)
