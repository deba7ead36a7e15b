"""AgentRewardBench (2504.08942): trajectories of web agents, and whether an expert says that they succeeded.

`annotations.csv` holds the experts' answers, `trajectories/cleaned/<benchmark>/<agent>/.../<task_id>.json` the
trajectories: a `goal`, and `steps` with `reasoning`, `action`, `url` and `axtree`. Side effects and
loops are annotated too, and not asked for. Where experts disagree the row is left out, and so is a trajectory that is
not `valid`, as in the published scores.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from evals.loaders.item import Entry, Item, Outcome, Suite
from evals.loaders.making import check, single
from evals.loaders.rows import object_of, table_of
from judge_agent.errors import InvalidRequest

_SUCCESS = {"Successful": True, "Unsuccessful": False}
_FIELDS = ("benchmark", "model_name", "task_id", "trajectory_success")
_MAX_TREE_CHARS = 20_000


def _read(folder: Path, /) -> Sequence[Entry]:
    labels = _labels(folder / "annotations.csv")
    found = []
    for (benchmark, agent, task), said in labels.items():
        paths = sorted((folder / "trajectories" / "cleaned" / benchmark).glob(f"{agent}/**/{task}.json"))
        if paths and len(said) == 1:
            (succeeded,) = said
            category = f"{benchmark}/{'success' if succeeded else 'failure'}"
            name = f"{benchmark}/{agent}/{task}"
            found.append(Entry(name, category, partial(_item, paths[0], name, category, succeeded)))
    if not found:
        raise InvalidRequest(str(folder), "holds no annotated trajectory under trajectories/cleaned")
    return found


def _labels(path: Path) -> Mapping[tuple[str, str, str], set[bool]]:
    labels: dict[tuple[str, str, str], set[bool]] = {}
    for row in table_of(path):
        benchmark, agent, task, _ = (row.text(field) for field in _FIELDS)
        said = row.data["trajectory_success"]
        if said in _SUCCESS:  # an expert may be unsure
            labels.setdefault((benchmark, agent, task), set()).add(_SUCCESS[said])
    return labels


def _item(path: Path, name: str, category: str, succeeded: bool) -> Item | None:
    row = object_of(path)
    if row.data.get("valid") is False:
        return None
    messages: list[dict[str, Any]] = []
    for step in row.parts("steps"):
        seen = "\n".join(str(step.data.get(field) or "") for field in ("url", "axtree"))[:_MAX_TREE_CHARS]
        said = [str(step.data.get(field)) for field in ("reasoning", "action") if step.data.get(field)]
        messages.append({"role": "tool", "content": seen})
        messages.append({"role": "assistant", "content": "\n".join(said)})
    task = {"prompt": row.text("goal")}
    item = single(name, category, task, {"messages": messages}, Outcome(succeeded), granularity=["outcome"])
    check(row, item)
    return item


SUITE = Suite(
    name="agent_reward_bench",
    decided_by="human",
    is_given=False,
    read=_read,
    origin="huggingface.co/datasets/McGill-NLP/agent-reward-bench",
    known_from="published description",
)
