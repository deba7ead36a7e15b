"""Chat models: any OpenAI-compatible server, one in this process, and doubles for tests and docs.

Importing this loads neither torch nor the openai client; each model loads them when it starts.
"""

from judge_agent.models.embedded import EmbeddedModel
from judge_agent.models.instances import pick_instance
from judge_agent.models.openai_chat import OpenAIChatModel
from judge_agent.models.reward_head import RewardHead
from judge_agent.models.scripted import Held, ScriptedModel, ScriptedRequest, by_schema, of_tokens

__all__ = [
    "EmbeddedModel",
    "Held",
    "OpenAIChatModel",
    "RewardHead",
    "ScriptedModel",
    "ScriptedRequest",
    "by_schema",
    "of_tokens",
    "pick_instance",
]
