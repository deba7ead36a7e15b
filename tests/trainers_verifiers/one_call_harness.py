"""A harness of verifiers that asks the policy once: found by the name of this file, as any plugin is."""

from __future__ import annotations

from typing import Any

import httpx
from verifiers.v1.configs.harness import HarnessConfig
from verifiers.v1.harness import Harness
from verifiers.v1.runtimes import ProgramResult

__all__ = ["OneCallHarness"]


class OneCallHarnessConfig(HarnessConfig):
    """Nothing to set."""


class OneCallHarness(Harness[OneCallHarnessConfig]):
    EXECUTES_CODE = False
    NEEDS_CONTAINER = False

    async def launch(
        self, ctx: Any, trace: Any, runtime: Any, endpoint: str, secret: str, *given: Any, **more: Any
    ) -> ProgramResult:
        body = {"model": ctx.model, "messages": [{"role": "user", "content": trace.task.data.prompt}]}
        headers = {"Authorization": f"Bearer {secret}"}
        async with httpx.AsyncClient(trust_env=False) as http:
            answer = await http.post(f"{endpoint}/chat/completions", json=body, headers=headers)
        return ProgramResult(int(answer.is_error), answer.text, "")
