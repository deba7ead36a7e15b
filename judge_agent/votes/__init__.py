"""Votes: what several samples, orders and comparisons come to. Pure: no clock, no randomness but the seed."""

from judge_agent.votes.adaptive import choice_decided as choice_decided
from judge_agent.votes.adaptive import decided as decided
from judge_agent.votes.adaptive import pair_decided as pair_decided
from judge_agent.votes.adaptive import winner_decided as winner_decided
from judge_agent.votes.bracket import Bracket as Bracket
from judge_agent.votes.orders import masked_names as masked_names
from judge_agent.votes.orders import order_consistency as order_consistency
from judge_agent.votes.orders import orders as orders
from judge_agent.votes.pairs import Match as Match
from judge_agent.votes.pairs import PairOutcome as PairOutcome
from judge_agent.votes.pairs import outcome_stands as outcome_stands
from judge_agent.votes.pairs import pair_outcome as pair_outcome
from judge_agent.votes.rankings import kendall_tau as kendall_tau
from judge_agent.votes.rankings import ranking_consistency as ranking_consistency
from judge_agent.votes.reduce import How as How
from judge_agent.votes.reduce import Vote as Vote
from judge_agent.votes.reduce import agreement as agreement
from judge_agent.votes.reduce import distribution as distribution
from judge_agent.votes.reduce import keep_best as keep_best
from judge_agent.votes.reduce import reduced as reduced
from judge_agent.votes.reduce import vote as vote
from judge_agent.votes.table import Standing as Standing
from judge_agent.votes.table import Table as Table
from judge_agent.votes.table import round_robin as round_robin
