"""Prompts: the files, the fences around text under judgment, and what the model is shown."""

from judge_agent.prompting.fences import fence as fence
from judge_agent.prompting.fences import neutralise as neutralise
from judge_agent.prompting.templates import PromptLibrary as PromptLibrary
from judge_agent.prompting.templates import default_folder as default_folder
