"""The judge whose judgments are traced."""

from __future__ import annotations

from typing import Any

from api.traces.judgments import JudgmentTraces
from judge_agent.judge import Judge
from judge_agent.schema import Judgment, JudgmentRequest


class TracedJudge(Judge):
    """Judges as `Judge` does, each judgment in a span of its own."""

    def __init__(self, traces: JudgmentTraces, **parts: Any) -> None:
        super().__init__(**parts)
        self._traces = traces
        traces.know(name for recipe in self.recipes() for name in recipe["dimensions"])

    async def judge(
        self, request: JudgmentRequest, *, judgment_id: str, tenant: str, **rest: Any
    ) -> Judgment:
        origin = await self._traces.origin(tenant, judgment_id)
        with self._traces.judging(judgment_id, request.recipe, origin):
            return await super().judge(request, judgment_id=judgment_id, tenant=tenant, **rest)

    async def cancelled(
        self, request: JudgmentRequest, *, judgment_id: str, tenant: str, **rest: Any
    ) -> Judgment:
        origin = await self._traces.origin(tenant, judgment_id)
        with self._traces.judging(judgment_id, request.recipe, origin):
            return await super().cancelled(request, judgment_id=judgment_id, tenant=tenant, **rest)
