"""tau-bench's trajectories as judgment requests: the dialogue is the candidate, the right actions the reference."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

EFFECTS = Path(__file__).parent / "airline.toml"
TABLES = ("flights", "reservations", "users")
_MESSAGE_KEYS = ("role", "content", "tool_calls", "tool_call_id", "name")


@dataclass(frozen=True)
class Episode:
    """One trajectory. `reward` is the label: it goes into no request."""

    name: str
    reward: float
    messages: Sequence[Mapping[str, Any]]
    actions: Sequence[Mapping[str, Any]]
    outputs: Sequence[str]


def load(path: Path) -> list[Episode]:
    """Read the published trajectories."""
    return [episode_of(row) for row in json.loads(path.read_text("utf-8-sig"))]


def world(folder: Path) -> bytes:
    """The airline's records before every dialogue, as one JSON object."""
    return packed({name: json.loads((folder / f"{name}.json").read_text("utf-8-sig")) for name in TABLES})


def packed(tables: Mapping[str, Any]) -> bytes:
    """The records by the name of their table, as they are uploaded."""
    return json.dumps(tables).encode()


def request(episode: Episode, blob: str) -> dict[str, Any]:
    """A request that no model is asked for. `blob` is the hash of the uploaded records."""
    return {
        "task": {
            "prompt": "Serve the customer of the airline as its policy says.",
            "reference": {"final_state": {"calls": list(episode.actions), "said": list(episode.outputs)}},
        },
        "resources": {"environment": {"blob": blob, **tomllib.loads(EFFECTS.read_text("utf-8"))}},
        "candidates": [{"id": "agent", "trajectory": {"messages": list(episode.messages)}}],
        "recipe": "verify",
        "tools": ["check_state"],
        "granularity": ["outcome"],
    }


def episode_of(row: Mapping[str, Any]) -> Episode:
    """The episode of a row as published. Raises KeyError, TypeError and ValueError for one of another form."""
    task = row["info"]["task"]
    return Episode(
        f"{row['task_id']}/{row['trial']}",
        float(row["reward"]),
        [{key: message[key] for key in _MESSAGE_KEYS if key in message} for message in row["traj"]],
        [{"name": action["name"], "arguments": action["kwargs"]} for action in task["actions"]],
        [str(output) for output in task["outputs"]],
    )
