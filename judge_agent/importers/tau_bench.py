"""tau-bench rows: `{task_id, reward, info, traj, trial}`, `traj` being OpenAI messages.

`reward` and `info` (the user's instruction, the expected actions) are the label side: they are dropped
here, so that nothing downstream can show them. The rows declare no tools.
"""

from __future__ import annotations

from typing import Any

from judge_agent.errors import InvalidRequest
from judge_agent.importers.imported import Imported, list_of, object_of, refuse
from judge_agent.importers.openai import from_openai

LABEL_SIDE = ("info", "reward")


def from_tau_bench(data: Any) -> Imported:
    """Read one row. Lost: the label side, `task_id`, `trial` and whatever else is not in `traj`."""
    row = object_of(data, "data")
    messages = list_of(row, "traj")
    for index, message in enumerate(messages):
        if not isinstance(message, dict):
            refuse(f"data.traj.{index}", "an object", message)
    trajectory = _named_by_row(messages)
    lost = [f"{key} (label side)" if key in LABEL_SIDE else key for key in sorted(row) if key != "traj"]
    return Imported(trajectory.trajectory, tuple(lost), "tau_bench")


def _named_by_row(messages: Any) -> Imported:
    """Read the messages, with errors that name the row's field."""
    try:
        return from_openai(list(messages))
    except InvalidRequest as error:
        raise InvalidRequest(error.field.replace("data", "data.traj", 1), error.message) from error
