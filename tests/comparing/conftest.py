"""A judge whose model knows how good each answer is, and what it was shown."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from judge_agent.journal import MemoryJournal, MemorySharedResults
from judge_agent.judge import Judge
from judge_agent.log import MemoryLog
from judge_agent.models import ScriptedModel
from judge_agent.models.scripted import ScriptedRequest
from judge_agent.prompting import PromptLibrary, default_folder
from judge_agent.schema import Judgment, JudgmentRequest

_SHOWN = re.compile(r"^Response (\S+):\n=====BEGIN TRAJECTORY.*?\bquality (\d+)", re.MULTILINE | re.DOTALL)


def shown_qualities(request: ScriptedRequest) -> dict[str, int]:
    """What a prompt shows: slot -> the number after the word 'quality' in its response."""
    return {slot: int(number) for slot, number in _SHOWN.findall(request.text)}


Decide = Callable[[Mapping[str, int]], str]


def better(shown: Mapping[str, int]) -> str:
    """The honest oracle: the response of higher quality wins, equals tie."""
    best = max(shown.values())
    leaders = [slot for slot, quality in shown.items() if quality == best]
    return leaders[0] if len(leaders) == 1 else "tie"


def picks_first(shown: Mapping[str, int]) -> str:
    """A judge that prefers a place, not an answer."""
    return next(iter(shown))


def names_winner(decide: Decide = better) -> Callable[[ScriptedRequest], Any]:
    def answer(request: ScriptedRequest) -> Any:
        winner = decide(shown_qualities(request))
        return json.dumps({"reasoning": f"because {winner} says more about it", "winner": winner})

    return answer


class Arena:
    """Posts candidates of given qualities, and keeps what the model was asked."""

    better = staticmethod(better)
    picks_first = staticmethod(picks_first)
    names_winner = staticmethod(names_winner)
    shown_qualities = staticmethod(shown_qualities)

    def __init__(self, answer: Any, *, prompts: PromptLibrary | None = None, **model: Any) -> None:
        self.model = ScriptedModel(otherwise=answer, **model)
        self._prompts = prompts

    async def judge(self, qualities: Mapping[str, int | str], recipe: str, **body: Any) -> Judgment:
        judge = Judge(
            model=self.model,
            tools=(),
            journal=MemoryJournal(),
            shared=MemorySharedResults(),
            log=MemoryLog(),
            prompts=self._prompts,
        )
        candidates = [
            {
                "id": name,
                "trajectory": {"text": text if isinstance(text, str) else f"An answer of quality {text}."},
            }
            for name, text in qualities.items()
        ]
        request = JudgmentRequest.model_validate(
            {"task": {"prompt": "Explain tides."}, "candidates": candidates, "recipe": recipe, **body}
        )
        judge.check(request)
        return await judge.judge(request, judgment_id="j", tenant="t", created=0.0)


@pytest.fixture
def arena():
    return Arena


@pytest.fixture
def library(tmp_path):
    """Makes a library of prompts of its own: the product's, and `files` (name under the folder -> text)."""

    def make(files: Mapping[str, str]) -> PromptLibrary:
        folder = tmp_path / "prompts"
        shutil.copytree(default_folder(), folder, dirs_exist_ok=True)
        for name, text in files.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(text, "utf-8")
        return PromptLibrary(folder)

    return make
