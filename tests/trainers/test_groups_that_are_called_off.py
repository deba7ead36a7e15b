"""What looks for a group to call it off may fail in any way: it is its own affair, and no rollout's."""

from __future__ import annotations

import pytest

from judge_agent.trainers import Asking, Rollout, RolloutJudge
from tests.trainers.answering import Reply, answering


@pytest.mark.parametrize("reply", [Reply(403), Reply(200, "{"), Reply(200, '{"data": [1]}'), Reply(500)])
def test_a_service_that_calls_nothing_off_costs_no_more_than_the_deadline(reply: Reply) -> None:
    broken = [{"role": "assistant", "content": object()}]
    alone = Rollout("q", "x")
    with answering(lambda body: Reply(403), to_get=reply) as server:
        judge = RolloutJudge(server.url, asking=Asking(join=True), seconds=1.0, retry_seconds=0.1)
        found = judge.outcomes_now([Rollout("p", broken, group="g", index=0, size=2), alone])
        judge.close()
    assert [outcome.reward for outcome in found] == [None, None]
    assert found[0].failure_kind == "rollout_invalid"
