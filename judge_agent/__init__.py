"""judge-agent: a judge for agent trajectories that checks before it scores.

Importing this loads pydantic only; the client loads httpx when it is used.

verifiers looks up its judge plugins by the name of a top-level module whose `__all__` names one Judge class, and
cannot be given a dotted name. `ServiceJudge` is that class: it is public where verifiers is loaded, and only there.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from judge_agent.version import __version__ as __version__

if TYPE_CHECKING:
    from judge_agent.client import AsyncJudgeClient as AsyncJudgeClient
    from judge_agent.client import JudgeClient as JudgeClient

_PUBLIC = ("AsyncJudgeClient", "JudgeClient", "__version__")


def __getattr__(name: str) -> Any:
    if name in ("JudgeClient", "AsyncJudgeClient"):
        from judge_agent import client

        return getattr(client, name)
    if name == "__all__":
        return [*_PUBLIC, *(["ServiceJudge"] if "verifiers.v1" in sys.modules else [])]
    if name == "ServiceJudge":
        from judge_agent.trainers.verifiers import ServiceJudge

        return ServiceJudge
    raise AttributeError(f"module 'judge_agent' has no attribute {name!r}")
