"""slime: a reward function that masks what the judge could not judge, and a hook that leaves it out of its group.

    --custom-rm-path judge_agent.trainers.slime.custom_rm
    --custom-reward-post-process-path judge_agent.trainers.slime.post_process
    --reward-key score        (then the reward is a dict with the dimensions beside the score, else a number)

How to judge stands in the file of --custom-config-path, under `judge`; the settings are those of
`scorer_settings.SETTINGS`. JUDGE_URL and JUDGE_API_KEY come from the environment.

    judge: {recipe: verify, dimensions: [correctness]}

Source: slime, `slime/rollout/rm_hub/__init__.py`, `slime/rollout/sglang_rollout.py`, `slime/ray/rollout.py`,
`slime/utils/types.py`. With --group-rm the function gets a group as a list and answers with one; without, a list is
what one rollout was cut into, and each is judged by itself. A sample of the training that was not judged has
`remove_sample`, so that slime gives it no loss, and a number all the same, for slime takes no other; without the hook
that number is in its group's mean. slime's evaluation reads the number alone: there it is the mean of the prompt's
other samples, or the function raises.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import statistics
import time
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from judge_agent.errors import InvalidRequest
from judge_agent.hashing import sha256_of
from judge_agent.trainers.as_json import as_json, is_missing
from judge_agent.trainers.columns import FIELDS
from judge_agent.trainers.group_scorer import GroupScorer
from judge_agent.trainers.outcome import Outcome, flat
from judge_agent.trainers.rollout import Rollout
from judge_agent.trainers.scorer_settings import scorer_of, settings_text

# Where a sample says, for the hook, that its number is not the judge's; why; and that it was not left out before.
FAILED = "judge_failed"
_WHY = "judge_failure"
_REMOVED = "judge_removed"
_CENTRED = frozenset(("grpo", "gspo", "cispo", "rloo", "reinforce_plus_plus_baseline"))
_SCALED = frozenset(("grpo", "gspo", "cispo"))
_EPSILON = 1e-6
Reward = float | dict[str, float]


async def custom_rm(args: Any, sample: Any, **kwargs: Any) -> Reward | list[Reward]:
    """Score one Sample, or a list of them in their order (--group-rm, or a rollout that was cut into several).

    Raises InvalidRequest for settings that there are not, and JudgeUnavailable where more of the last samples failed
    than `max_failed_share`, or one of an evaluation that has no mean: a run without rewards is better stopped.
    """
    is_list = isinstance(sample, (list, tuple))
    samples = list(sample) if is_list else [sample]
    in_groups = is_list and bool(getattr(args, "group_rm", False))
    _refuse_nested(samples)
    scorer = _scorer(args, whole_groups=in_groups)
    of_training = [in_groups or getattr(one, "group_index", None) is not None for one in samples]
    outcomes = await _judged(samples, scorer, in_groups)
    await _wait_for_means(samples, outcomes, of_training, scorer)
    rewards = [
        _settled(one, outcome, scorer, args, masked)
        for one, outcome, masked in zip(samples, outcomes, of_training, strict=True)
    ]
    return rewards if is_list else rewards[0]


def post_process(args: Any, samples: Sequence[Any]) -> tuple[list[float], list[float]]:
    """Return the rewards as they are, and as slime would train on them, without those that the judge did not give.

    Centred (and scaled) within each group as `args` ask for; a sample that was not judged gets 0 and moves no mean.
    """
    flattened = [one for item in samples for one in (item if isinstance(item, (list, tuple)) else (item,))]
    raw = [_value(args, one) for one in flattened]
    if not _normalises(args):
        return raw, raw
    groups: dict[Hashable, list[int]] = {}
    for place, one in enumerate(flattened):
        groups.setdefault(_group(one), []).append(place)
    shaped = [0.0] * len(raw)
    for places in groups.values():
        judged = [place for place in places if not _has_failed(flattened[place])]
        for place, value in zip(judged, _shaped(args, [raw[place] for place in judged]), strict=True):
            shaped[place] = value
    return raw, shaped


def _scorer(args: Any, *, whole_groups: bool) -> GroupScorer:
    settings = getattr(args, "judge", None) or {}
    if not isinstance(settings, Mapping):
        raise InvalidRequest("args.judge", f"must be an object of settings, not {type(settings).__name__}")
    return scorer_of(settings_text(settings, "args.judge"), whole_groups=whole_groups)


def _refuse_nested(samples: Sequence[Any]) -> None:
    """With --group-rm slime sets one reward on each item of the group, which a list of samples cannot take."""
    if any(isinstance(one, (list, tuple)) for one in samples):
        why = "a rollout that was cut into several samples has no reward of its own in slime"
        raise InvalidRequest("sample", f"holds lists of samples: {why}; leave --group-rm away")


async def _judged(samples: Sequence[Any], scorer: GroupScorer, in_groups: bool) -> list[Outcome]:
    """What came of each, all of them counted before the first is settled; what is no group is not compared."""
    known = [_outcome_or_rollout(one, scorer) for one in samples]
    asked = [one for one in known if isinstance(one, Rollout)]
    parts = [asked] if in_groups else [[one] for one in asked]
    with contextlib.ExitStack() as stack:
        for one in samples:
            stack.enter_context(scorer.policy.judging(_peers(one)))
        found = await asyncio.gather(*(scorer.judge.outcomes(part) for part in parts if part))
        judged = iter([outcome for part in found for outcome in part])
        outcomes = [next(judged) if isinstance(one, Rollout) else one for one in known]
        for one, outcome in zip(samples, outcomes, strict=True):
            scorer.policy.observe(outcome, _peers(one))
    return outcomes


async def _wait_for_means(
    samples: Sequence[Any], outcomes: Sequence[Outcome], of_training: Sequence[bool], scorer: GroupScorer
) -> None:
    """Wait until siblings have ended for what failed of an evaluation: nothing masks it, so only a mean will do."""
    if scorer.policy.on_failure == "raise":
        return
    end = time.monotonic() + scorer.judge.seconds
    for one, outcome, masked in zip(samples, outcomes, of_training, strict=True):
        if not (outcome.has_reward or masked):
            await scorer.siblings_ended(_peers(one), end)


def _outcome_or_rollout(sample: Any, scorer: GroupScorer) -> Rollout | Outcome:
    """What to judge; a sample that cannot be read has failed, and spoils no other."""
    try:
        return Rollout(sample.prompt, sample.response or "", _columns(sample))
    except InvalidRequest as error:
        return Outcome.failed("rollout_invalid", str(error), scorer.judge.dimensions)


def _settled(sample: Any, outcome: Outcome, scorer: GroupScorer, args: Any, masked: bool) -> Reward:
    settled = scorer.policy.settle(outcome, _peers(sample), observed=True, masked=masked)
    metadata = sample.metadata if isinstance(sample.metadata, dict) else {}
    if settled.failed:
        removed = {} if sample.remove_sample else {_REMOVED: True}
        sample.metadata = {**metadata, **removed, FAILED: True, _WHY: f"{outcome.failure_kind}"}
        sample.remove_sample = True
    elif FAILED in metadata:
        # Judged at last: in the loss again, if nobody else had left it out.
        sample.remove_sample = bool(sample.remove_sample) and not metadata.get(_REMOVED)
        ours = (FAILED, _WHY, _REMOVED)
        sample.metadata = {name: value for name, value in metadata.items() if name not in ours}
    if not getattr(args, "reward_key", None):
        return settled.reward
    return flat(outcome, scorer.judge.dimensions, settled.reward, settled.means)


def _columns(sample: Any) -> dict[str, Any]:
    """The row's metadata, and what its label says: text is the answer, an object (or JSON text of one) says more."""
    metadata = sample.metadata if isinstance(sample.metadata, dict) else {}
    label = sample.label
    if is_missing(label) or label == "":
        return dict(metadata)
    fields = _object_in(label)
    if fields is None:
        return {**metadata, "answer": label, "label": label}
    return {**metadata, **fields, "label": label}


def _object_in(label: Any) -> dict[str, Any] | None:
    """The fields in a label; the form that the service's facades take has them in `reference` and `resources`."""
    found = label
    if isinstance(label, str) and label.lstrip().startswith("{"):
        try:
            found = json.loads(label)
        except (ValueError, RecursionError):
            return None
    if not isinstance(found, dict):
        return None
    inner = [found[name] for name in ("reference", "resources") if isinstance(found.get(name), dict)]
    fields = {name: value for part in (*inner, found) for name, value in part.items()}
    known = {name: value for name, value in fields.items() if name in FIELDS}
    if isinstance(label, str) and not known:
        return None
    strange = sorted(set(fields) - set(FIELDS) - {"reference", "resources", "metadata"})
    if strange:
        raise InvalidRequest("label", f"{strange[0]!r} is no field; there are {', '.join(FIELDS)}")
    return known


def _group(sample: Any) -> Hashable:
    """What samples have in common that slime compares: its own index of them, else the prompt."""
    index = getattr(sample, "group_index", None)
    return ("index", index) if index is not None else ("prompt", sha256_of(as_json(sample.prompt, "prompt")))


def _peers(sample: Any) -> Hashable:
    """Whose mean stands in for a sample: evaluation counts its groups from 0 too, so the prompt tells them apart."""
    return (_group(sample), sha256_of(as_json(sample.prompt, "prompt")))


def _value(args: Any, sample: Any) -> float:
    """The number of a sample that slime trains on. Raises InvalidRequest where it has none."""
    key = getattr(args, "reward_key", None)
    value = sample.reward[key] if key and isinstance(sample.reward, Mapping) else sample.reward
    if not isinstance(value, (int, float)) or not math.isfinite(value):
        raise InvalidRequest("reward", f"sample {getattr(sample, 'index', None)} has the reward {value!r}")
    return float(value)


def _has_failed(sample: Any) -> bool:
    return isinstance(sample.metadata, dict) and bool(sample.metadata.get(FAILED))


def _normalises(args: Any) -> bool:
    estimator = getattr(args, "advantage_estimator", None)
    return estimator in _CENTRED and bool(getattr(args, "rewards_normalization", True))


def _shaped(args: Any, rewards: Sequence[float]) -> list[float]:
    if not rewards:
        return []
    mean = statistics.fmean(rewards)
    centred = [reward - mean for reward in rewards]
    scaled = args.advantage_estimator in _SCALED and getattr(args, "grpo_std_normalization", True)
    if not scaled or len(rewards) < 2:
        return centred
    deviation = statistics.stdev(rewards)
    return [value / (deviation + _EPSILON) for value in centred]
