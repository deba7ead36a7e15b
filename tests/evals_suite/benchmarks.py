"""Small benchmark folders of the published schemas, and a model that knows how good each answer is.

Every answer says its quality as a number: the preferred one 8, the other one 2.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from judge_agent.models.scripted import ScriptedRequest, by_schema

GOOD, BAD = "quality=8", "quality=2"
SECRET = "known-to-be-right-7391"
_SHOWN = re.compile(r"^Response ([AB]):.*?quality=(\d)", re.MULTILINE | re.DOTALL)
_QUALITY = re.compile(r"quality=(\d)")

Row = dict[str, Any]


def judgebench_row(number: int, label: str = "A>B") -> Row:
    better, worse = _answers(number)
    first, second = (better, worse) if label == "A>B" else (worse, better)
    return {
        "pair_id": f"b5ce1305-{number:04}",
        "original_id": None if number % 2 else number,
        "source": "mmlu-pro-law",
        "question": f"What is {number} plus one?",
        "response_model": "model-under-test",
        "response_A": first,
        "response_B": second,
        "label": label,
        "ground_truth": SECRET,
        "check_list": [SECRET],
    }


def llmbar_row(number: int, label: int = 1) -> Row:
    better, worse = _answers(number)
    first, second = (better, worse) if label == 1 else (worse, better)
    task = f"Explain the number {number}."
    return {"input": task, "output_1": first, "output_2": second, "label": label, "explanation": SECRET}


def plan_rewardbench_row(number: int, _: Any = None) -> Row:
    better, worse = _answers(number)
    return {
        "query": f"How warm is it in city {number}?",
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "weather",
                    "parameters": {
                        "type": "object",
                        "properties": {"city": {"type": "integer"}},
                        "required": ["city"],
                    },
                },
            }
        ],
        "uuid": f"00000000-{number:04}",
        "_lcp_bucket": SECRET,
        "chosen": {"messages": _messages(number, better), "verdict": SECRET},
        "reject": {"messages": _messages(number, worse), "verdict": SECRET},
    }


def _answers(number: int) -> tuple[str, str]:
    return f"It is {number + 1}, I computed it. {GOOD}", f"It is {number + 7}, or so I guess. {BAD}"


def _messages(number: int, answer: str) -> list[Row]:
    call = {"name": "weather", "arguments": json.dumps({"city": number})}
    return [
        {"role": "user", "content": f"How warm is it in city {number}?"},
        {"role": "tool_call", "content": repr(call)},
        {"role": "tool_response", "content": "21 degrees"},
        {"role": "assistant", "content": answer},
    ]


_LABELS: Mapping[str, Sequence[Any]] = {"judgebench": ("A>B", "B>A"), "llmbar": (1, 2)}
_ROWS: Mapping[str, Callable[..., Row]] = {
    "judgebench": judgebench_row,
    "llmbar": llmbar_row,
    "plan_rewardbench": plan_rewardbench_row,
}
SETS = tuple(_ROWS)


def rows(name: str, count: int, labels: Sequence[Any] = ()) -> list[Row]:
    """Rows of a set with `labels` in turn, its own unless given; a trajectory pair has its preferred side first."""
    labels = labels or _LABELS.get(name, (None,))
    return [_ROWS[name](number, labels[number % len(labels)]) for number in range(count)]


def write(data: Path, name: str, found: Sequence[Any], stem: str = "part") -> Path:
    """Write a file of a set as it is published: LLMBar as one list, the others as lines."""
    path = data / name / f"{stem}.{'json' if name == 'llmbar' else 'jsonl'}"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = "".join(f"{json.dumps(row)}\n" for row in found)
    path.write_text(json.dumps(found, indent=1) if name == "llmbar" else lines, "utf-8")
    return path


def oracle(request: ScriptedRequest) -> Any:
    """Rate what is shown by the quality that it says: scores for a comparison, else the best or the worst choice."""
    shown = {slot: int(number) for slot, number in _SHOWN.findall(request.text)}
    if shown:
        return scores(shown["A"], shown["B"])
    found = _QUALITY.search(request.text)
    is_good = found is not None and int(found[1]) > 5
    return by_schema(lambda _, options: _verdicts(options)[-1 if is_good else 0])


def contrarian(request: ScriptedRequest) -> Any:
    """Prefer what the oracle does not."""
    shown = {slot: 10 - int(number) for slot, number in _SHOWN.findall(request.text)}
    if shown:
        return scores(shown["A"], shown["B"])
    return by_schema(lambda _, options: _verdicts(options)[0 if GOOD in request.text else -1])


def scores(first: int, second: int) -> str:
    """An answer of the recipe `arena`."""
    return json.dumps(
        {"reasoning": "Seen in both.", "combined_scores": {"Agent_A": first, "Agent_B": second}}
    )


def _verdicts(options: Sequence[Any]) -> Sequence[Any]:
    """The options without the one that gives no verdict."""
    return [option for option in options if option != "cannot_assess"]
