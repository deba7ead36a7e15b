"""What a tool is, as `GET /v1/tools` tells it. Pure."""

from __future__ import annotations

from dataclasses import asdict, is_dataclass
from typing import Any

from judge_agent.seams.tool import AskedTool, Tool, dimensions_of


def listed(tool: Tool) -> dict[str, Any]:
    """Name, version, arguments and limits; `decides` says whether its findings can settle a principle,
    `repeats` whether equal calls give equal results, which judgments share."""
    limits, dimensions = getattr(tool, "limits", None), dimensions_of(tool)
    return {
        "name": tool.name,
        "version": tool.version,
        "description": tool.description,
        "parameters": dict(tool.parameters),
        "model_may_call": bool(tool.parameters),
        "decides": getattr(type(tool), "can_decide", None) is not AskedTool.can_decide,
        "dimensions": None if dimensions is None else list(dimensions),
        "repeats": bool(getattr(tool, "repeats", False)),
        "limits": asdict(limits) if is_dataclass(limits) and not isinstance(limits, type) else None,
    }
