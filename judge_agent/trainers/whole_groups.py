"""What compares rollouts compares all of their group, or gives no reward. Pure.

A group comes in several posts where one cannot hold it, or where its rows are of several tasks. What each rollout is
worth by itself does not change by that; a shape is then calculated here, over all of them. What the service itself
compares (a recipe that ranks candidates, a shape that a recipe names) is of one post, and would pay equal answers
differently.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from judge_agent.schema import Judgment
from judge_agent.schema.request import MAX_CANDIDATES
from judge_agent.trainers.outcome import Outcome
from judge_agent.trainers.posts import MAX_BYTES, Post
from judge_agent.trainers.rollout import Asking, Rollout
from judge_agent.trainers.shaping import links_of, shaped_group

log = logging.getLogger(__name__)


def compared_whole(outcome: Outcome, judgment: Judgment, post: Post, asking: Asking) -> Outcome:
    """The outcome, without a reward where that rests on a comparison with something else than its group."""
    if not outcome.has_reward:
        return outcome
    if post.posts_of_group > 1 and "comparison" in judgment.flags:
        reason = (
            f"the recipe compares, and the group had to be judged in {post.posts_of_group} parts: one post holds "
            f"{MAX_CANDIDATES} different rollouts and {MAX_BYTES} bytes of one task (prompt, reference, resources); "
            "take smaller groups, the same columns for all of a group, or a recipe that judges each by itself"
        )
        return replace(outcome, reward=None, failure_kind="group_split", failure_reason=reason)
    if asking.shape is None and judgment.flags.get("shape"):
        reason = (
            f"recipe {asking.recipe!r} names a shape, which the service calculates over one post; say it in "
            "Asking(shape=...), so that it is over the group, or shape=[] for none"
        )
        return replace(outcome, reward=None, failure_kind="judge_refused", failure_reason=reason)
    return outcome


def whole_groups(
    asking: Asking, rollouts: Sequence[Rollout], posts: Sequence[Post], outcomes: Sequence[Outcome]
) -> list[Outcome]:
    """Shape the rewards of each group; `outcomes` are in the order of `rollouts`, and so is what is returned.

    Joined groups are left as they are: the service has all of their members, and has shaped them.
    """
    found = list(outcomes)
    parts = Counter(post.key for post in posts if post.posts_of_group > 1)
    if parts:
        log.warning(
            "%d groups were judged in parts, which one post cannot hold or which are of different tasks: %s",
            len(parts),
            [*parts.values()],
        )
    if shape := links_of(asking.shape):
        for key, places in _groups(rollouts, posts).items():
            tasks: list[Mapping[str, Any]] = [post.task for post in posts if post.key == key]
            group = shaped_group(shape, [found[at] for at in places], tasks, rollouts[places[0]].size)
            for at, outcome in zip(places, group, strict=True):
                found[at] = outcome
    return [outcome if outcome.result is None else replace(outcome, result=None) for outcome in found]


def _groups(rollouts: Sequence[Rollout], posts: Sequence[Post]) -> dict[Hashable, list[int]]:
    """The places of each group that is shaped here; one that could not be posted is a member without a reward."""
    groups = dict[Hashable, list[int]]()
    for post in posts:
        if post.group is None:
            groups.setdefault(post.key, []).extend(post.all_places)
    posted = {place for post in posts for place in post.all_places}
    for place, rollout in enumerate(rollouts):
        if place not in posted and rollout.group is not None and ("group", rollout.group) in groups:
            groups["group", rollout.group].append(place)
    return {key: sorted(places) for key, places in groups.items()}
