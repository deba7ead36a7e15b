"""What each step of a trajectory is paid. Pure; an unjudged step gets null and is in no difference.

Links work on the scores of the steps, in [0, 1], one after the other; the outcome is the trajectory's raw reward.
Where it is null, so is every credit that hangs on it: a judge that failed pays nobody.
"""

from __future__ import annotations

from collections.abc import Sequence

from judge_agent.reward.spread import Numbers
from judge_agent.schema import StepResult
from judge_agent.schema.step_credit import FirstError, Gate, ReNorm, StepCredit, StepDelta


def step_credit(
    chain: StepCredit, steps: Sequence[StepResult], outcome: float | None
) -> tuple[float | None, ...]:
    """Return the credit of each step, in their order: its score after the links of the chain."""
    values: list[float | None] = [step.score for step in steps]
    bad = next((place for place, step in enumerate(steps) if step.label == "bad"), None)
    for link in chain:
        match link:
            case StepDelta():
                values = (
                    potential_based(values, link.gamma, link.start)
                    if link.against == "before"
                    else against_next(values)
                )
            case FirstError():
                values = cut_behind(values, bad, link.after)
            case Gate():
                values = gated(values, outcome, link.threshold, link.most)
            case ReNorm():
                values = centred_by_outcome(values, outcome, link.threshold)
    return tuple(values)


def potential_based(values: Numbers, gamma: float = 1.0, start: float = 0.0) -> list[float | None]:
    """Return gamma v_t - v_(t-1) for each known value, where v_0 = start.

    Shaping by a potential (Ng, Harada and Russell 1999), which leaves the best policy as it is. With gamma 1 the
    credits telescope: their sum is the last value - start. In general sum over t of gamma^(t-1) c_t =
    gamma^T v_T - start, over the known ones.
    """
    found: list[float | None] = []
    before = start
    for value in values:
        found.append(None if value is None else gamma * value - before)
        before = before if value is None else value
    return found


def against_next(values: Numbers) -> list[float | None]:
    """Return v_t - v_(t+1) for each known value, and v_T for the last: what remains to be earned from t on sums to v_t.

    The delta mechanism of arXiv 2410.15115, under which repeating good steps earns nothing.
    """
    found: list[float | None] = []
    after = 0.0
    for value in reversed(values):
        found.append(None if value is None else value - after)
        after = after if value is None else value
    return found[::-1]


def cut_behind(values: Numbers, first_bad: int | None, after: float = 0.0) -> list[float | None]:
    """Return the values, with `after` for each known one behind the first bad step (its place; None: there is none).

    What follows a mistake rests on it, so its labels say little: process supervision ends at the first error
    (arXiv 2305.20050, section 2.6).
    """
    if first_bad is None:
        return list(values)
    return [value if value is None or place <= first_bad else after for place, value in enumerate(values)]


def gated(
    values: Numbers, outcome: float | None, threshold: float = 0.5, most: float = 0.0
) -> list[float | None]:
    """Return the values; at most `most` each where the outcome is below `threshold`; null where it is null.

    Rewards of steps accrue only where the outcome is reached: G-RA (arXiv 2508.10548), P-GRPO (arXiv 2508.05170).
    """
    if outcome is None:
        return [None] * len(values)
    if outcome >= threshold:
        return list(values)
    return [None if value is None else min(value, most) for value in values]


def centred_by_outcome(values: Numbers, outcome: float | None, threshold: float = 0.5) -> list[float | None]:
    """Return v + [outcome >= threshold] - 1 for each; null where the outcome is null.

    After ReNorm of PPR (arXiv 2509.25598): for values in [0, 1] no step of a failure gets more than 0, and none of a
    success less.
    """
    if outcome is None:
        return [None] * len(values)
    shift = float(outcome >= threshold) - 1.0
    return [None if value is None else value + shift for value in values]
