"""A judge on doubles that ship with the product, and what it was seen to do."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from judge_agent.journal import MemoryJournal, MemorySharedResults
from judge_agent.judge import Judge
from judge_agent.log import MemoryLog
from judge_agent.models import ScriptedModel
from judge_agent.prompting import PromptLibrary, default_folder
from judge_agent.schema import CandidateResult, Judgment, JudgmentRequest, PrincipleResult
from judge_agent.seams.model import ChatModel
from judge_agent.seams.tool import Tool


class Bench:
    """A judge with its parts at hand. One journal and one store of shared results for all its judgments."""

    def __init__(
        self,
        model: ChatModel | None = None,
        tools: Sequence[Tool] = (),
        prompts: PromptLibrary | None = None,
    ) -> None:
        self.model = ScriptedModel() if model is None else model
        self.log = MemoryLog()
        self.journal = MemoryJournal()
        self.shared = MemorySharedResults()
        self._tools, self._prompts = tools, prompts
        self.judging = self.judge_with(self.model)

    def judge_with(self, model: ChatModel | None) -> Judge:
        """Another judge on the same journal, as after a restart."""
        return Judge(
            model=model,
            tools=self._tools,
            journal=self.journal,
            shared=self.shared,
            log=self.log,
            prompts=self._prompts,
        )

    def check(self, **body: Any) -> None:
        self.judging.check(request_of(body))

    async def judge(self, *, judgment_id: str = "j1", tenant: str = "t", **body: Any) -> Judgment:
        """Judge a request body; `text` stands for one candidate 'a' of that text."""
        request = request_of(body)
        self.judging.check(request)
        return await self.judging.judge(request, judgment_id=judgment_id, tenant=tenant, created=0.0)

    async def one(self, **body: Any) -> CandidateResult:
        return (await self.judge(**body)).candidates[0]

    async def principle(self, **body: Any) -> PrincipleResult:
        """The result of the only principle of the only candidate."""
        (found,) = (await self.one(**body)).principles
        return found

    @property
    def prompts(self) -> list[str]:
        """The text of every prompt that reached the model, in order."""
        assert isinstance(self.model, ScriptedModel)
        return [request.text for request in self.model.requests]


def request_of(body: Mapping[str, Any]) -> JudgmentRequest:
    data = {"task": {"prompt": "What is six times seven?"}, "recipe": "one-pass", **body}
    if "messages" in data:
        data["candidates"] = [{"id": "a", "trajectory": {"messages": data.pop("messages")}}]
    if "text" in data:
        data["candidates"] = [{"id": "a", "trajectory": {"text": data.pop("text")}}]
    return JudgmentRequest.model_validate(data)


@pytest.fixture
def variant(tmp_path):
    """Makes a library in which the recipe `variant` is `base` with some of its text replaced."""

    def made(base: str, **replaced: str) -> PromptLibrary:
        folder = tmp_path / "prompts"
        shutil.copytree(default_folder(), folder, dirs_exist_ok=True)
        text = (folder / "recipes" / f"{base}.toml").read_text("utf-8")
        for old, new in {f'name = "{base}"': 'name = "variant"', **replaced}.items():
            assert old in text, old
            text = text.replace(old, new)
        (folder / "recipes" / "variant.toml").write_text(text, "utf-8")
        return PromptLibrary(folder)

    return made


@pytest.fixture
def bench():
    return Bench


@pytest.fixture
def as_request():
    return request_of
