"""The agents' tools as a judge of calls needs them: whole schemas, not signatures. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from judge_agent.prompting.fences import fence, neutralise

_NO_TOOLS = "(none was declared)"


def tool_schemas(tools: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """Show the tools of each response by its slot; once, where all had the same."""
    shown = {slot: _schemas(listed) for slot, listed in tools.items()}
    if len(set(shown.values())) <= 1:
        return fence("TOOLS", next(iter(shown.values()), _NO_TOOLS))
    return "\n\n".join(fence(f"TOOLS {slot}", text) for slot, text in shown.items())


def _schemas(tools: Sequence[Mapping[str, Any]]) -> str:
    lines = [neutralise(json.dumps(dict(tool), ensure_ascii=False)).replace("\n", " ") for tool in tools]
    return "\n".join(lines) or _NO_TOOLS
