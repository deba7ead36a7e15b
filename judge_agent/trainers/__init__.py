"""A judge inside the reward code of RL trainers. Loads no trainer: each adapter module imports its own.

rollout.py        what a trainer has: a prompt, a completion, dataset columns -> the request
rollout_judge.py  RolloutJudge: many rollouts, one deadline, one outcome each, whatever happens
outcome.py        Outcome: what came back, or why nothing did; `flat` for trainers that want numbers only
failures.py       FailurePolicy: what a trainer that cannot mask is given in place of a missing reward
run_logs.py       RunLogs, log_to: a run's numbers in the trainer's own log
group_scorer.py   GroupScorer: the same numbers always, for trainers that hand over one rollout at a time
trl.py            TRL: reward functions of GRPO, RLOO, AsyncGRPO and online DPO
verl.py           verl: a reward function, a reward manager and an agent loop
areal.py          AReaL: a reward function for its process pool, and a workflow
slime.py          slime: a reward function that masks, and its post-processing hook
verifiers.py      verifiers and prime-rl: a judge plugin
skyrl_gym.py      SkyRL-gym: a mixin for text environments
openenv.py        OpenEnv: rubrics
inspect.py        Inspect: a scorer
"""

from judge_agent.trainers.failures import FailurePolicy as FailurePolicy
from judge_agent.trainers.failures import JudgeUnavailable as JudgeUnavailable
from judge_agent.trainers.failures import Settled as Settled
from judge_agent.trainers.outcome import Outcome as Outcome
from judge_agent.trainers.outcome import flat as flat
from judge_agent.trainers.rollout import Asking as Asking
from judge_agent.trainers.rollout import Rollout as Rollout
from judge_agent.trainers.rollout import request_of as request_of
from judge_agent.trainers.rollout_judge import RolloutJudge as RolloutJudge
from judge_agent.trainers.run_logs import RunLogs as RunLogs
from judge_agent.trainers.run_logs import log_to as log_to
