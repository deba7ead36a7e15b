"""Kinds of batches: principles that one question judges together. One kind a file."""

from collections.abc import Mapping

from judge_agent.nodes.batches import chain, nuggets, prospects, sentences
from judge_agent.nodes.batches.asking import BatchKind

KINDS: Mapping[str, BatchKind] = {
    "nuggets": BatchKind(nuggets.takes, nuggets.judged),
    "sentences": BatchKind(sentences.takes, sentences.judged),
    "chain": BatchKind(chain.takes, chain.judged),
    "prospects": BatchKind(prospects.takes, prospects.judged, prospects.told),
}
