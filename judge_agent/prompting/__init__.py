"""Prompts: the files, the fences around text under judgment, and what the model is shown."""

from judge_agent.prompting.fences import fence as fence, neutralise as neutralise
from judge_agent.prompting.templates import PromptLibrary as PromptLibrary, default_folder as default_folder
