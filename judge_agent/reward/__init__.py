"""Turns verdicts into vectors and scalars. Pure: no clock, no randomness, no input but its arguments."""

from judge_agent.reward.aggregates import Weighed as Weighed
from judge_agent.reward.aggregates import aggregated as aggregated
from judge_agent.reward.combine import Combined as Combined
from judge_agent.reward.combine import combine as combine
from judge_agent.reward.combine import first_error as first_error
from judge_agent.reward.compare import preference as preference
from judge_agent.reward.compare import ranking as ranking
from judge_agent.reward.confidence import raw_confidence as raw_confidence
from judge_agent.reward.credit import step_credit as step_credit
from judge_agent.reward.guarded import guarded as guarded
from judge_agent.reward.persuasion import persuasion_gap as persuasion_gap
from judge_agent.reward.shape import Shaped as Shaped
from judge_agent.reward.shape import raw_reward as raw_reward
from judge_agent.reward.shape import shaped as shaped
