"""Which rollouts are posted together: those of one task, each distinct one once. Pure.

Judged together they share principles and tool results, and recipes that compare can compare. A post stays within what
the service takes; where a group must be split for that, or its rows are of several tasks, its outcomes are flagged.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from judge_agent.errors import InvalidRequest, to_keep
from judge_agent.hashing import canonical_json, sha256_of
from judge_agent.schema.request import MAX_CANDIDATES
from judge_agent.trainers.joining import group_field
from judge_agent.trainers.rollout import Asking, Rollout, request_with, task_of, trajectory_of

log = logging.getLogger(__name__)
# The service takes bodies of 10 MB unless it is told otherwise.
MAX_BYTES = 8_000_000


@dataclass
class Post:
    """One request: trajectories of one task, and the places in the batch that each of them answers for.

    `group` is that of a rollout which joins a group that other processes have members of; there the service shapes,
    and else the adapter does, over all that has the same `key`.
    """

    task: dict[str, Any]
    trajectories: list[dict[str, Any]] = field(default_factory=list)
    places: list[list[int]] = field(default_factory=list)
    posts_of_group: int = 1
    group: dict[str, Any] | None = None
    key: Hashable = None

    def request(self, asking: Asking) -> dict[str, Any]:
        if self.group is not None:
            return request_with(self.task, self.trajectories, asking) | {"group": self.group}
        raw = asking if asking.shape is None else replace(asking, shape=())
        return request_with(self.task, self.trajectories, raw)

    def only(self, kept: Sequence[int], *, of_parts: int = 1) -> Post:
        """The same task with some of the candidates, where it comes to be posted in `of_parts` times as many parts."""
        return Post(
            self.task,
            [self.trajectories[at] for at in kept],
            [self.places[at] for at in kept],
            self.posts_of_group * of_parts,
            key=self.key,
        )

    @property
    def all_places(self) -> list[int]:
        return [place for places in self.places for place in places]


@dataclass
class Folded:
    """The posts of a batch, and why some rollouts are in none."""

    posts: list[Post] = field(default_factory=list)
    refused: dict[int, InvalidRequest] = field(default_factory=dict)


class _Group:
    """The distinct trajectories of one task, as they come in."""

    def __init__(self, key: Hashable, task: dict[str, Any], task_bytes: int) -> None:
        self.key = key
        self.task = task
        self._task_bytes = task_bytes
        self._at = dict[str, tuple[int, int]]()
        self._posts = [Post(task, key=key)]
        self._bytes = task_bytes

    def add(self, trajectory: dict[str, Any], text: str, place: int) -> None:
        """Take a trajectory, which is `text` as JSON, for a place of the batch."""
        found = self._at.get(key := sha256_of(text))
        if found is not None:
            self._posts[found[0]].places[found[1]].append(place)
            return
        self._bytes += len(text)
        last = self._posts[-1]
        if last.trajectories and (self._bytes > MAX_BYTES or len(last.trajectories) >= MAX_CANDIDATES):
            last = Post(self.task, key=self.key)
            self._posts.append(last)
            self._bytes = self._task_bytes + len(text)
        self._at[key] = (len(self._posts) - 1, len(last.trajectories))
        last.trajectories.append(trajectory)
        last.places.append([place])

    def finished(self) -> list[Post]:
        """The posts; none for a group whose only rollout could not be written."""
        return [post for post in self._posts if post.trajectories]


def folded(rollouts: Sequence[Rollout], asking: Asking) -> Folded:
    """Fold a batch into posts. A rollout that cannot be written is refused alone."""
    groups, refused = dict[tuple[str | None, str], _Group](), dict[int, InvalidRequest]()
    joining = list[Post]()
    for place, rollout in enumerate(rollouts):
        try:
            task, trajectory = task_of(rollout, asking), trajectory_of(rollout, asking)
            if (joins := group_field(rollout, asking)) is not None:
                canonical_json([task, trajectory])
                joining.append(Post(task, [trajectory], [[place]], group=joins))
                continue
            text = canonical_json(task)
            sha256 = sha256_of(text)
            key = sha256 if rollout.group is None else ("group", rollout.group)
            group = groups.setdefault((rollout.group, sha256), _Group(key, task, len(text)))
            group.add(trajectory, canonical_json(trajectory), place)
        except InvalidRequest as error:
            refused[place] = to_keep(error)
        except Exception as error:
            # Foreign objects run code of their own when they are read; one that breaks is its rollout's affair.
            log.exception("a rollout cannot be read")
            refused[place] = InvalidRequest("rollout", f"cannot be read: {type(error).__name__}: {error}")
    posts = [post for group in groups.values() for post in group.finished()]
    # Rows of one group may differ in a column of the task: then it has as many posts as tasks, at least.
    parts = Counter(post.key for post in posts)
    for post in posts:
        post.posts_of_group = parts[post.key]
    return Folded([*joining, *posts], refused)
