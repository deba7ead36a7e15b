"""Ways in which a judge service can fail a trainer: what it answers, and the failure kind that must come of it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable

from tests.trainers.answering import Body, Reply, judgment, unscored

Answer = Callable[[Body], Reply]


def _hangs(body: Body) -> Reply:
    return Reply(hold=threading.Event())


def _is_partial(body: Body) -> Reply:
    return judgment(
        body, lambda _: unscored("model_timeout", "partial", correctness=0.7, process=None) | {"score": 0.7}
    )


def _names_nobody(body: Body) -> Reply:
    return Reply(body=json.dumps({"id": "jdg_1", "state": "done", "created": 1.0, "candidates": []}))


WAYS: dict[str, tuple[Answer, str]] = {
    "it hangs": (_hangs, "judge_timeout"),
    "it answers 500": (lambda body: Reply(500), "judge_error"),
    "it answers 429": (lambda body: Reply(429, retry_after="30"), "judge_busy"),
    "it answers half a JSON": (lambda body: Reply(body='{"id": "jdg_1", "sta'), "judge_malformed"),
    "it answers something else": (lambda body: Reply(body='{"reward": 1.0}'), "judge_malformed"),
    "it answers NaN": (
        lambda body: judgment(body, lambda _: {"status": "scored", "reward": float("nan")}),
        "judge_malformed",
    ),
    "it refuses": (lambda body: Reply(422, '{"field": "recipe", "detail": "no such"}'), "judge_refused"),
    "it forgets the candidate": (_names_nobody, "judge_malformed"),
    "its model failed": (lambda body: judgment(body, lambda _: unscored()), "model_timeout"),
    "it judged a part": (_is_partial, "model_timeout"),
}


def seconds_for(kind: str) -> float:
    """How long a judge may take: where it never answers, little; elsewhere enough on a busy machine."""
    return 0.3 if kind == "judge_timeout" else 20.0
