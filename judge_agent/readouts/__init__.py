"""Readouts: what a model's answer says. Pure; whatever cannot be read raises ModelError('model_unparseable')."""

from collections.abc import Callable
from typing import Literal, NamedTuple

from judge_agent.readouts.answer import after_reasoning as after_reasoning
from judge_agent.readouts.answer import answer_text as answer_text
from judge_agent.readouts.boxed import read_boxed_index as read_boxed_index
from judge_agent.readouts.boxed import read_boxed_numbers as read_boxed_numbers
from judge_agent.readouts.choice_shares import at_values as at_values
from judge_agent.readouts.choice_shares import by_value as by_value
from judge_agent.readouts.choice_shares import choice_shares as choice_shares
from judge_agent.readouts.choice_shares import expected as expected
from judge_agent.readouts.focus import ABILITIES as ABILITIES
from judge_agent.readouts.focus import Focus as Focus
from judge_agent.readouts.focus import read_focus as read_focus
from judge_agent.readouts.json_object import read_choice as read_choice
from judge_agent.readouts.json_object import read_object as read_object
from judge_agent.readouts.likelihood import Likelihood as Likelihood
from judge_agent.readouts.likelihood import between_marks as between_marks
from judge_agent.readouts.likelihood import likelihood as likelihood
from judge_agent.readouts.marks import Marks as Marks
from judge_agent.readouts.marks import marks_schema as marks_schema
from judge_agent.readouts.marks import read_marks as read_marks
from judge_agent.readouts.menus import CANNOT_ASSESS as CANNOT_ASSESS
from judge_agent.readouts.menus import STEP_SCORES as STEP_SCORES
from judge_agent.readouts.menus import menu as menu
from judge_agent.readouts.menus import score_of as score_of
from judge_agent.readouts.probabilities import Ordinal as Ordinal
from judge_agent.readouts.probabilities import YesNo as YesNo
from judge_agent.readouts.probabilities import ordinal as ordinal
from judge_agent.readouts.probabilities import prefers as prefers
from judge_agent.readouts.probabilities import yes_probability as yes_probability
from judge_agent.readouts.ranking import Ranking as Ranking
from judge_agent.readouts.ranking import read_ranking as read_ranking
from judge_agent.readouts.react import FinishStep as FinishStep
from judge_agent.readouts.react import ToolStep as ToolStep
from judge_agent.readouts.react import read_input as read_input
from judge_agent.readouts.react import read_step as read_step
from judge_agent.readouts.rubric import MIN_ITEM_CHARS as MIN_ITEM_CHARS
from judge_agent.readouts.rubric import Difference as Difference
from judge_agent.readouts.rubric import RubricItem as RubricItem
from judge_agent.readouts.rubric import read_profile as read_profile
from judge_agent.readouts.rubric import read_rubric as read_rubric
from judge_agent.readouts.sections import read_rationale as read_rationale
from judge_agent.readouts.sections import read_sections as read_sections
from judge_agent.readouts.tags import read_scores_tag as read_scores_tag
from judge_agent.readouts.tags import read_tag as read_tag
from judge_agent.readouts.written_calls import STOPS as STOPS
from judge_agent.readouts.written_calls import WrittenCall as WrittenCall
from judge_agent.readouts.written_calls import read_written_call as read_written_call


class NamedReadout(NamedTuple):
    """A readout by the name that recipes use, and what of a completion it reads."""

    name: str
    read: Callable[..., object]
    reads: Literal["text", "top_logprobs", "prompt_logprobs"]


READOUTS: tuple[NamedReadout, ...] = (
    NamedReadout("json", read_object, "text"),
    NamedReadout("tag", read_tag, "text"),
    NamedReadout("scores_tag", read_scores_tag, "text"),
    NamedReadout("boxed", read_boxed_numbers, "text"),
    NamedReadout("boxed_index", read_boxed_index, "text"),
    NamedReadout("focus", read_focus, "text"),
    NamedReadout("ranking", read_ranking, "text"),
    NamedReadout("react", read_step, "text"),
    NamedReadout("sections", read_sections, "text"),
    NamedReadout("yes_probability", yes_probability, "top_logprobs"),
    NamedReadout("ordinal", ordinal, "top_logprobs"),
    NamedReadout("likelihood", likelihood, "prompt_logprobs"),
    NamedReadout("rubric", read_rubric, "text"),
    NamedReadout("profile", read_profile, "text"),
    NamedReadout("marks", read_marks, "text"),
    NamedReadout("written_calls", read_written_call, "text"),
)
