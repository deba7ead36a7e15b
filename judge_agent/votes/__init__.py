"""Votes: what several samples, orders and comparisons come to. Pure: no clock, no randomness but the seed."""

from judge_agent.votes.adaptive import choice_decided as choice_decided
from judge_agent.votes.adaptive import decided as decided
from judge_agent.votes.adaptive import winner_decided as winner_decided
from judge_agent.votes.reduce import How as How
from judge_agent.votes.reduce import Vote as Vote
from judge_agent.votes.reduce import agreement as agreement
from judge_agent.votes.reduce import distribution as distribution
from judge_agent.votes.reduce import keep_best as keep_best
from judge_agent.votes.reduce import reduced as reduced
from judge_agent.votes.reduce import vote as vote
