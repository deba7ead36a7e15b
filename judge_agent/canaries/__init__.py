"""Judgments with known answers, which show that a judge that worked yesterday works today.

The attacks are those of "One Token to Fool LLM-as-a-Judge" (arXiv 2507.08794: empty answers, master keys), of position
bias ("Large Language Models are not Fair Evaluators", arXiv 2305.17926: swapped order), and planted verdicts. Passing
says that nothing is badly wrong, not that the judge is good.
"""

from judge_agent.canaries.outcome import Outcome, outcome
from judge_agent.canaries.sets import CANARY_FLAG, CANARY_TENANT, Canary, canaries_of

__all__ = ["CANARY_FLAG", "CANARY_TENANT", "Canary", "Outcome", "canaries_of", "outcome"]
