"""Every adapter that needs no package of its trainer, called as its trainer does: texts in, a number or None for each.

None stands for what the trainer leaves out; where it cannot leave anything out, JudgeUnavailable is raised.
"""

from __future__ import annotations

import asyncio
import pickle
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from judge_agent.trainers import verl
from judge_agent.trainers.areal import JudgeReward
from judge_agent.trainers.slime import custom_rm
from judge_agent.trainers.trl import judge_rewards

DIMENSIONS = ["correctness", "process"]
Numbers = list[float | None]


class Adapter(Protocol):
    """One adapter at one service."""

    def score(self, texts: Sequence[str], prompt: str = "p") -> Numbers: ...

    def rows(self, texts: Sequence[str]) -> list[Mapping[str, Any]]:
        """Return what the trainer's log or loss reads of each, by name."""
        ...

    def handed_over(self) -> bytes:
        """Return what goes to another process."""
        ...


@dataclass
class Trl:
    """GRPO and RLOO await the columns of a batch at one time; online DPO calls them one after the other."""

    url: str | None
    seconds: float = 20.0
    sync: bool = False

    def __post_init__(self) -> None:
        self.columns = judge_rewards(
            self.url, DIMENSIONS, api_key="sk-secret", recipe="verify", seconds=self.seconds, sync=self.sync
        )

    def score(self, texts: Sequence[str], prompt: str = "p") -> Numbers:
        return self._columns(texts, prompt)[0]

    def rows(self, texts: Sequence[str]) -> list[Mapping[str, Any]]:
        found = self._columns(texts, "p")
        return [dict(zip(DIMENSIONS, row, strict=True)) for row in zip(*found, strict=True)]

    def handed_over(self) -> bytes:
        return pickle.dumps(self)

    def _columns(self, texts: Sequence[str], prompt: str) -> list[Numbers]:
        batch: dict[str, Any] = {"prompts": [prompt] * len(texts), "completions": list(texts)}
        if self.sync:
            return [column(**batch) for column in self.columns]  # type: ignore[misc]

        async def all_columns() -> list[Numbers]:
            return list(await asyncio.gather(*(column(**batch) for column in self.columns)))  # type: ignore[arg-type]

        return asyncio.run(all_columns())


@dataclass
class Verl:
    """A reward worker awaits one call a rollout, many at a time."""

    url: str | None
    seconds: float = 20.0

    def score(self, texts: Sequence[str], prompt: str = "p") -> Numbers:
        return [row["score"] for row in self.rows(texts, prompt)]

    def rows(self, texts: Sequence[str], prompt: str = "p") -> list[Mapping[str, Any]]:
        settings = {"judge_url": self.url, "seconds": self.seconds, "dimensions": DIMENSIONS}

        async def all_rows() -> list[Mapping[str, Any]]:
            calls = [
                verl.compute_score("d", text, "5", {"question": prompt}, recipe="verify", **settings)
                for text in texts
            ]
            return list(await asyncio.gather(*calls))

        return asyncio.run(all_rows())

    def handed_over(self) -> bytes:
        return pickle.dumps(self) + pickle.dumps(verl.compute_score)


@dataclass
class Areal:
    """A process of the pool calls, and blocks."""

    url: str | None
    seconds: float = 20.0

    def __post_init__(self) -> None:
        self.reward = JudgeReward(judge_url=self.url, recipe="verify", seconds=self.seconds)

    def score(self, texts: Sequence[str], prompt: str = "p") -> Numbers:
        return [self.reward(prompt, text, [1], [2], answer="5") for text in texts]

    def rows(self, texts: Sequence[str]) -> list[Mapping[str, Any]]:
        return [{"reward": reward} for reward in self.score(texts)]

    def handed_over(self) -> bytes:
        return pickle.dumps(self)


@dataclass
class Sample:
    """What reward code reads and writes of slime's Sample."""

    response: str
    prompt: str
    label: str = "5"
    index: int = 0
    metadata: dict[str, Any] = field(default_factory=dict)
    remove_sample: bool = False


@dataclass
class Slime:
    """`custom_rm` gets a list where --group-rm is set, and one sample after another where it is not."""

    url: str | None
    seconds: float = 20.0

    def score(self, texts: Sequence[str], prompt: str = "p") -> Numbers:
        samples = [Sample(text, prompt) for text in texts]
        rewards = self._rewards(samples)
        return [
            None if sample.remove_sample else row["score"]
            for sample, row in zip(samples, rewards, strict=True)
        ]

    def rows(self, texts: Sequence[str]) -> list[Mapping[str, Any]]:
        return self._rewards([Sample(text, "p") for text in texts])

    def handed_over(self) -> bytes:
        return pickle.dumps(self) + pickle.dumps(custom_rm)

    def _rewards(self, samples: list[Sample]) -> list[Any]:
        judge = {"judge_url": self.url, "recipe": "verify", "dimensions": DIMENSIONS, "seconds": self.seconds}
        found = asyncio.run(custom_rm(Namespace(judge=judge, reward_key="score", group_rm=True), samples))
        assert isinstance(found, list)
        return found


def blocking_trl(url: str | None, seconds: float = 20.0) -> Trl:
    return Trl(url, seconds, sync=True)


ADAPTERS: dict[str, Any] = {
    "TRL": Trl,
    "TRL blocking": blocking_trl,
    "verl": Verl,
    "AReaL": Areal,
    "slime": Slime,
}
