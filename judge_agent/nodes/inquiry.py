"""The calls that a model asks for on one candidate: held to what is offered, made once each, counted.

The model chose the question, so it may not settle the answer: what its calls find is at most strong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from judge_agent.calls import ToolRun
from judge_agent.context import CanonicalCandidate, JudgeContext
from judge_agent.errors import JudgeError
from judge_agent.nodes.fitting import shown_of
from judge_agent.nodes.found import Found, evidence_id
from judge_agent.nodes.unread import judged_by_reference
from judge_agent.prompting.fences import neutralise
from judge_agent.prompting.material import Material, indented
from judge_agent.schema import Evidence
from judge_agent.seams.model import ChatMessage
from judge_agent.seams.tool import Finding, Tool, ToolResult
from judge_agent.state import Json

GATHER_MAX_TOKENS = 640
MAX_PROBLEM_CHARS = 300
HEAD_OUTPUT_CHARS = 600
# The words of a critique's prompt around what is judged, with room for a principle and for asking again.
PROMPT_TOKENS = 600


@dataclass(frozen=True)
class Inquiry:
    """What the model may ask about one candidate, and where the answers go."""

    context: JudgeContext
    found: Found
    offered: Sequence[Tool]
    principles: Sequence[Json]
    indexed: bool = False

    @property
    def rounds(self) -> int:
        """How often the model may ask: more where it has spans to open."""
        gather = self.context.recipe.gather
        return gather.rounds + (gather.rounds_of_spans if self.indexed else 0)

    async def shown(self) -> Material:
        """What fits of the candidate, with the spans opened so far in their places."""
        if not self.indexed:
            return self.material()
        found = [Evidence.model_validate(item) for item in self.found.evidence]
        tools = max(1, len(self.offered))
        shown = await shown_of(self.context, self.candidate, found, self.principles, tools=tools)
        return self._without_reference(shown)

    @property
    def candidate(self) -> CanonicalCandidate:
        return self.found.candidate

    def material(self) -> Material:
        """What the model is shown of the candidate, with all that was found so far.

        The reference is left out where no verdict of the recipe is given by it: by way of a call's arguments and
        its result, it would reach the prompt that must not show it.
        """
        found = [Evidence.model_validate(item) for item in self.found.evidence]
        return self._without_reference(self.context.material(self.candidate, found))

    def _without_reference(self, shown: Material) -> Material:
        if not shown.reference or judged_by_reference(self.context):
            return shown
        sources = {alias: source for alias, source in shown.sources.items() if alias != "reference"}
        return replace(shown, reference="", sources=sources)

    def principles_in_words(self) -> str:
        return "\n".join(f"- {indented(neutralise(one['description']))}" for one in self.principles)

    def checked(self, name: object, arguments: object) -> tuple[Tool, Mapping[str, Any]]:
        """The tool and its arguments. Raises ValueError, told to the model, for what cannot be called."""
        tool = next((tool for tool in self.offered if tool.name == name), None)
        if tool is None:
            raise ValueError(f"tool={name!r:.100} is not one of {[tool.name for tool in self.offered]}")
        if not isinstance(arguments, Mapping):
            raise ValueError(f"arguments={arguments!r:.100} is no object")
        if (broken := self.found.out_of_order.get(tool.name)) is not None:
            raise ValueError(f"{tool.name} is out of order: {broken}")
        check_arguments(tool.parameters, arguments)
        return tool, arguments

    def known(self, tool: Tool, arguments: Mapping[str, Any]) -> str | None:
        """The name under which the result of an equal call stands already; counts the repetition."""
        alias = self.found.alias_of(evidence_id(tool, arguments, self.candidate))
        if alias is not None:
            self.found.count("repeated_tool_calls")
        return alias

    async def make(self, tool: Tool, arguments: Mapping[str, Any]) -> ToolRun:
        """Make a call. Raises ValueError (bad arguments), SandboxError, ToolError or BudgetExceeded."""
        context = self.context
        run = await context.calls.tool(tool, arguments, context.view(self.candidate), self.candidate.sha256)
        return ToolRun(_undecided(run.result), run.seconds)

    async def keep(
        self,
        tool: Tool,
        arguments: Mapping[str, Any],
        run: ToolRun,
        written: Mapping[str, Any] | None = None,
    ) -> None:
        """Make evidence of a result, as far as the critique that will read it has room: its head, or else nothing.

        A model that asks for much must not crowd out what is to be judged. What was cut or left out is counted.
        """
        found, key = self.found, evidence_id(tool, arguments, self.candidate)
        if self.indexed:
            # What is shown makes room: fewer spans stand open beside what was found.
            found.add(tool, arguments, run, (), written)
            return
        had_room = await self._has_room()
        found.add(tool, arguments, run, (), written)
        if await self._has_room():
            return
        found.drop(key)
        found.add(tool, arguments, run, (), written, HEAD_OUTPUT_CHARS)
        if await self._has_room() or not had_room:
            found.count("gathered_cut")
            return
        found.drop(key)
        found.count("gathered_left_out")

    async def _has_room(self) -> bool:
        """Whether a critique of all that was found fits the model's window."""
        recipe, calls, shown = self.context.recipe, self.context.calls, self.material()
        answers = [turn.max_tokens + turn.reasoning_tokens for turn in recipe.turns]
        text = "\n".join((shown.task, shown.trajectory, shown.evidence, shown.reference))
        message = ChatMessage("user", text, tuple(shown.images.values()))
        needed = await calls.count_tokens([message]) + max([recipe.critique.max_tokens, *answers])
        return needed + PROMPT_TOKENS <= calls.context_window

    def refuse(self, problem: object) -> str:
        """Count a call that could not be made; returns why, as the model is told."""
        said = neutralise(str(problem))[:MAX_PROBLEM_CHARS]
        count = self.found.flags.get("bad_tool_calls", {}).get("count", 0) + 1
        self.found.flags["bad_tool_calls"] = {"count": count, "last": said}
        return said

    def broken(self, tool: Tool, error: JudgeError) -> None:
        self.found.out_of_order[tool.name] = str(error)[:200]
        self.found.unavailable(tool.name, error.failure_kind, str(error))

    def stopped(self, error: JudgeError) -> None:
        """Say that the asking ended before the model was done, and why."""
        stop = {"failure_kind": error.failure_kind, "reason": str(error)[:200]}
        self.found.flags["gather_stopped"] = stop


def check_arguments(parameters: Mapping[str, Any], arguments: Mapping[str, Any]) -> None:
    """Hold a call's arguments to the tool's own schema. Raises ValueError that names what is wrong."""
    try:
        problem = best_match(Draft202012Validator(parameters).iter_errors(arguments))
        if problem is not None:
            where = ".".join(["arguments", *map(str, problem.absolute_path)])
            raise ValueError(f"{where}: {problem.message:.200}")
    except RecursionError as error:
        raise ValueError("the arguments are nested too deeply") from error


def _undecided(result: ToolResult) -> ToolResult:
    findings = tuple(
        Finding(f.bearing, "strong" if f.strength == "decisive" else f.strength, None, f.reason)
        for f in result.findings
        if f.step_id is None
    )
    return replace(result, findings=findings, asides=())
