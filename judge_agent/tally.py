"""Counts what the calls of one judgment cost: made, cut off or taken from the journal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from judge_agent.call_results import usage_of
from judge_agent.schema import Usage

_NOTHING: dict[str, float] = Usage().model_dump()


class Tally:
    """The sums of one judgment. Whoever else asked for the same call, it is counted once."""

    def __init__(self) -> None:
        self._sums: dict[str, float] = {}

    def add(self, **amounts: float) -> None:
        for name, amount in amounts.items():
            self._sums[name] = self._sums.get(name, 0) + amount

    def tool_call(self, result: Mapping[str, Any]) -> None:
        self.add(tool_calls=1, tool_seconds=float(result.get("seconds", 0.0)))

    def model_call(self, result: Mapping[str, Any]) -> None:
        """Count a finished call to the model; of one that failed, the tokens as well."""
        usage = usage_of(result)
        self.add(
            model_calls=1,
            model_seconds=float(result.get("seconds", 0.0)),
            prompt_tokens=usage.prompt,
            cached_tokens=usage.cached,
            completion_tokens=usage.completion,
            reasoning_tokens=usage.reasoning,
            useless_calls=int("error" in result),
            estimated_calls=int("estimate" in result),
        )

    @property
    def facts(self) -> dict[str, float]:
        """All sums as plain data; a replayed call counts its tokens, as in the run that was interrupted."""
        sums = self._sums.items()
        seconds = {name: round(value, 4) for name, value in sums if name.endswith("_seconds")}
        return {**_NOTHING, **{name: int(value) for name, value in sums}, **seconds}

    @property
    def usage(self) -> Usage:
        return Usage.model_validate(self.facts)
