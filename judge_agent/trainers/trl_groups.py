"""What TRL's groups must be for what is asked of them, and which of a batch are not whole in this process. Pure."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence

from judge_agent.errors import InvalidRequest
from judge_agent.schema.group_spec import MAX_MEMBERS
from judge_agent.trainers.rollout import Asking
from judge_agent.trainers.shaping import links_of
from judge_agent.trainers.trl_ranks import MAX_RUN_CHARS

log = logging.getLogger(__name__)


def check_groups(
    asking: Asking, dimensions: Sequence[str], group_size: int | None, join_as: str | None, *, sync: bool
) -> None:
    """Raise InvalidRequest for what no group of TRL's could be given, with what to say in its place."""
    if group_size is not None and (isinstance(group_size, bool) or group_size < 1):
        raise InvalidRequest("group_size", f"{group_size!r} is no num_generations: it must be 1 at least")
    if join_as is not None:
        _check_joining(group_size, join_as)
    elif asking.join:
        raise InvalidRequest(
            "join", "say join_as=NAME and group_size: rows are joined by the run and the rank"
        )
    if links_of(asking.shape):
        _check_shape(asking, dimensions, group_size, sync=sync)


def incomplete(groups: Sequence[int], size: int | None) -> set[int]:
    """The groups that lack members here. TRL hands each rank its own slice of the batch, and a group that two ranks
    share is compared within each slice alone."""
    found = {group for group, count in Counter(groups).items() if size is not None and count != size}
    if found:
        log.warning(
            "%d of %d groups have not %d members in this process: recipes that compare see parts of them, and shapes "
            "give them no reward; choose a per_device_train_batch_size that num_generations divides (in evaluation a "
            "per_device_eval_batch_size that num_generations_eval divides), or join_as",
            len(found),
            len(set(groups)),
            size,
        )
    return found


def _check_joining(group_size: int | None, join_as: str) -> None:
    if group_size is None or not 0 < len(join_as) <= MAX_RUN_CHARS:
        raise InvalidRequest(
            "join_as", f"{join_as!r} needs group_size, and at most {MAX_RUN_CHARS} characters"
        )
    if group_size > MAX_MEMBERS:
        raise InvalidRequest(
            "group_size",
            f"{group_size} is more than the {MAX_MEMBERS} members of a group that is joined: leave join_as out and let "
            "num_generations divide the batch of each rank, or take fewer generations",
        )


def _check_shape(asking: Asking, dimensions: Sequence[str], group_size: int | None, *, sync: bool) -> None:
    if dimensions:
        raise InvalidRequest(
            "shape",
            f"{asking.shape!r} shapes the reward, and columns of dimensions ({', '.join(dimensions)}) have none of it: "
            "leave the argument dimensions out, or the shape",
        )
    if group_size is None and not sync:
        raise InvalidRequest(
            "group_size",
            f"the shape {asking.shape!r} is over a whole group: say group_size=num_generations, so that a part of one "
            "is not taken for all of it",
        )
