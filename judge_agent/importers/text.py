"""A candidate that is one text: an assistant's only message, and the final answer."""

from __future__ import annotations

from typing import Any

from judge_agent.importers.imported import Imported, refuse, validated


def from_text(data: Any) -> Imported:
    """Read a text, or an object with the key `text`. Nothing is lost but the object's other keys."""
    text = data.get("text") if isinstance(data, dict) else data
    if not isinstance(text, str):
        refuse("data", "a text", text)
    lost = sorted(str(key) for key in data if key != "text") if isinstance(data, dict) else []
    trajectory = {"messages": [{"role": "assistant", "content": text}], "final_answer": text}
    return Imported(validated(trajectory, where={}), tuple(lost), "text")
