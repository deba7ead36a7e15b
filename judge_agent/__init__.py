"""judge-agent: a judge for agent trajectories that checks before it scores.

Importing this loads pydantic only; the client loads httpx when it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from judge_agent.client import AsyncJudgeClient as AsyncJudgeClient
    from judge_agent.client import JudgeClient as JudgeClient

__all__ = ["AsyncJudgeClient", "JudgeClient", "__version__"]


def __getattr__(name: str) -> Any:
    if name in ("JudgeClient", "AsyncJudgeClient"):
        from judge_agent import client

        return getattr(client, name)
    raise AttributeError(f"module 'judge_agent' has no attribute {name!r}")
