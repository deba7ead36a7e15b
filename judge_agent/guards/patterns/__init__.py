"""Texts in a trajectory that speak to the judge. A match is a flag with its place, never a score.

Every pattern runs in linear time: no nested repeats, bounded gaps, runs read from their start only. It runs at all
only where words are there that it cannot match without; those of all patterns are looked for in one pass.
"""

from __future__ import annotations

from judge_agent.guards.patterns.claims import CLAIMS_A_VERDICT, REFERENCE_IS_WRONG, SELF_PRAISE
from judge_agent.guards.patterns.foreign import FOREIGN as FOREIGN
from judge_agent.guards.patterns.forgeries import (
    CHAT_TEMPLATE_TOKEN,
    CLOSES_A_FENCE,
    FORGED_CITATION,
    FORGED_TOOL_RESULT,
    IMITATES_A_ROLE,
    PLANTED_JSON_VERDICT,
    PLANTED_VERDICT,
    SYSTEM_BLOCK,
)
from judge_agent.guards.patterns.orders import (
    ASKS_FOR_A_SCORE,
    DICTATES_THE_VERDICT,
    IGNORE_INSTRUCTIONS,
    SPEAKS_OF_THE_JUDGING,
    SPEAKS_TO_THE_JUDGE,
)
from judge_agent.guards.patterns.pattern import Pattern as Pattern
from judge_agent.guards.patterns.scripts import SCRIPTS as SCRIPTS

# In the order in which they are told of.
PLANTED: tuple[Pattern, ...] = (
    IGNORE_INSTRUCTIONS,
    SPEAKS_TO_THE_JUDGE,
    ASKS_FOR_A_SCORE,
    PLANTED_VERDICT,
    PLANTED_JSON_VERDICT,
    CLOSES_A_FENCE,
    CHAT_TEMPLATE_TOKEN,
    IMITATES_A_ROLE,
    FORGED_TOOL_RESULT,
    SELF_PRAISE,
    REFERENCE_IS_WRONG,
    DICTATES_THE_VERDICT,
    CLAIMS_A_VERDICT,
    SPEAKS_OF_THE_JUDGING,
    SYSTEM_BLOCK,
    FORGED_CITATION,
)
