"""The nodes of the graph, one verb a file, in the order of a judgment."""

from judge_agent.nodes.compare import compare as compare
from judge_agent.nodes.critique import critique as critique
from judge_agent.nodes.decide import decide as decide
from judge_agent.nodes.gather import gather as gather
from judge_agent.nodes.propose import propose as propose
from judge_agent.nodes.refute import refute as refute
from judge_agent.nodes.screen import screen as screen
from judge_agent.nodes.second_look import second_look as second_look
