"""What tools found, as prompts show it: neutralised, long arguments by their head, without how long things took."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from judge_agent.prompting.fences import fence, indented, neutralise

MAX_ARGUMENT_CHARS = 4000
_NOT_SHOWN = frozenset(("seconds", "reference_only"))


def result_text(tool: str, arguments: Mapping[str, Any], status: str, reason: str, output: str) -> str:
    """A tool's result as prompts show it. Arguments that are a whole text are shown by their head."""
    given = json.dumps(arguments, ensure_ascii=False)
    given = given if len(given) <= MAX_ARGUMENT_CHARS else f"{given[:MAX_ARGUMENT_CHARS]} [cut]"
    return neutralise(f"{tool}({given}) -> {status}: {reason}\n{output}")


def output_text(output: Any) -> str:
    """A tool's output as text, not neutralised."""
    return output if isinstance(output, str) else json.dumps(_untimed(output), ensure_ascii=False)


def _untimed(value: Any) -> Any:
    """Leave out how long things took (the same input must give the same prompt), and what only the caller may see."""
    if isinstance(value, dict):
        return {key: _untimed(inner) for key, inner in value.items() if key not in _NOT_SHOWN}
    return [_untimed(inner) for inner in value] if isinstance(value, list) else value


def evidence_block(items: Sequence[tuple[str, str]], slot: str = "", missing: str = "") -> str:
    """What tools found, by alias, between fences; `missing` names what is left out."""
    lines = [f"[{alias}] {indented(text)}" for alias, text in items]
    lines += [f"(left out here: {missing})"] if missing else []
    mark = f" {slot}" if slot else ""
    return fence("EVIDENCE" + mark, "\n".join(lines) or "(no tool had anything to check)")
