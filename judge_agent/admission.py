"""What a request must be before it is accepted, beyond its types. Every refusal names field, value and limit."""

from __future__ import annotations

import json
import re
import weakref
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pydantic import RootModel

from judge_agent import importers
from judge_agent.context import CanonicalCandidate
from judge_agent.errors import InvalidRequest
from judge_agent.fed_dimensions import check_fed
from judge_agent.given_principles import declared_dimensions
from judge_agent.hashing import sha256_of
from judge_agent.image_resources import check_image_resources
from judge_agent.prompting.images import artifact_part, check_images, image_parts
from judge_agent.prompting.material import task_from_trajectories
from judge_agent.recipes import Recipe
from judge_agent.schema import JudgmentRequest, Task
from judge_agent.schema.shape import dimensions_of
from judge_agent.seams.tool import Tool

MAX_TASK_CHARS = 1_000_000


class Admitted(NamedTuple):
    """What a request comes to before it is judged."""

    recipe: Recipe
    candidates: tuple[CanonicalCandidate, ...]
    task: Task


def admit(request: JudgmentRequest, recipes: Mapping[str, Recipe], tools: Sequence[Tool]) -> Admitted:
    """Return the request's recipe, its candidates and its task as they are judged. Raises InvalidRequest."""
    recipe = recipes.get(request.recipe)
    if recipe is None:
        raise InvalidRequest("recipe", f"{request.recipe!r} is unknown; there are {sorted(recipes)}")
    _refuse_what_is_no_json(request)
    _refuse_what_is_not_built(request)
    _check_group(request)
    _check_sql(request)
    _check_end_state(request)
    _check_ui(request)
    check_image_resources(request)
    _check_tools(request, tools)
    _check_dimensions(request, recipe)
    check_fed(request, recipe, tools)
    _check_comparison(request, recipe)
    _check_shape(request, recipe)
    candidates = _canonical_candidates(request)
    _check_images(request.task, candidates)
    return Admitted(recipe, candidates, _task_of(request, candidates))


class Admissions:
    """Admits each request once, while it lives: what was found when it was accepted is what it is judged by."""

    def __init__(self, recipes: Mapping[str, Recipe], tools: Sequence[Tool]) -> None:
        self._recipes, self._tools = recipes, tools
        self._kept: dict[int, tuple[weakref.ref[JudgmentRequest], Admitted]] = {}

    def admitted(self, request: JudgmentRequest) -> Admitted:
        """As `admit`. Raises InvalidRequest."""
        key = id(request)
        if (kept := self._kept.get(key)) is not None:
            return kept[1]
        found = admit(request, self._recipes, self._tools)
        self._kept[key] = weakref.ref(request, lambda _: self._kept.pop(key, None)), found
        return found


def task_as_judged(request: JudgmentRequest) -> Task:
    """Return the task as it is judged: what all candidates begin with, where it is empty. Raises InvalidRequest."""
    if _says_what_was_asked(request.task):
        return request.task
    return _task_of(request, _canonical_candidates(request))


def _canonical_candidates(request: JudgmentRequest) -> tuple[CanonicalCandidate, ...]:
    """Every candidate through its importer. Raises InvalidRequest with the candidate's field."""
    found = []
    for index, candidate in enumerate(request.candidates):
        try:
            imported = importers.canonical(candidate.trajectory)
        except InvalidRequest as error:
            raise InvalidRequest(f"candidates.{index}.trajectory.{error.field}", error.message) from error
        content = imported.trajectory.model_dump(mode="json")
        found.append(
            CanonicalCandidate(candidate.id, imported.trajectory, sha256_of(content), tuple(imported.lost))
        )
    return tuple(found)


def _task_of(request: JudgmentRequest, candidates: Sequence[CanonicalCandidate]) -> Task:
    """The task; where it is empty, the messages that every candidate begins with. Raises InvalidRequest."""
    if _says_what_was_asked(request.task):
        return request.task
    lead = task_from_trajectories([candidate.trajectory for candidate in candidates])
    if lead is None:
        raise InvalidRequest(
            "task.prompt",
            "is empty, and the candidates do not begin with the same system and user messages; "
            "say what the agent was asked in task.prompt or task.messages",
        )
    return request.task.model_copy(update={"messages": lead})


def _says_what_was_asked(task: Task) -> bool:
    return bool(task.prompt.strip() or task.messages)


def _refuse_what_is_not_built(request: JudgmentRequest) -> None:
    resources = request.resources.model_dump(
        exclude={"databases", "environment", "corpora", "images", "pages"}
    )
    given = {f"resources.{name}": value or None for name, value in resources.items()}
    for field, value in given.items():
        if value is not None:
            raise InvalidRequest(
                field, f"is not supported by this version (got {_short(value)}); leave it out"
            )


def _check_group(request: JudgmentRequest) -> None:
    """For a judgment by itself a group is a hint to the scheduler; what asks for more is kept elsewhere."""
    group = request.group
    if group is None:
        return
    if group.group_id is None:
        raise InvalidRequest("group.group_id", "is required: here a group only says what is judged together")
    if group.deadline_seconds is not None:
        raise InvalidRequest(
            "group.deadline_seconds",
            f"is kept by POST /v1/groups only (got {group.deadline_seconds:g}); here nobody waits for a group",
        )


def _check_images(task: Task, candidates: Sequence[CanonicalCandidate]) -> None:
    """Hold the pictures of the task and of each candidate to their limits."""
    asked = [(f"task.messages.{at}.content.{index}", part) for at, index, part in image_parts(task.messages)]
    for number, candidate in enumerate(candidates):
        field, trajectory = f"candidates.{number}.trajectory", candidate.trajectory
        shown = [
            (f"{field}.messages.{at}.content.{index}", part)
            for at, index, part in image_parts(trajectory.messages)
        ]
        artifacts = [artifact_part(artifact) for artifact in trajectory.artifacts]
        shown += [(f"{field}.artifacts.{at}.content", part) for at, part in enumerate(artifacts) if part]
        if broken := check_images([*asked, *shown]):
            raise InvalidRequest(*broken)


def _check_sql(request: JudgmentRequest) -> None:
    """A reference query is of use only beside a database to run it in."""
    sql = request.task.reference.sql
    if sql is None:
        return
    if not request.resources.databases:
        raise InvalidRequest("task.reference.sql", "needs a database to run in: give resources.databases")
    if not sql.strip():
        raise InvalidRequest("task.reference.sql", "is empty; give a query or leave it out")


def _check_end_state(request: JudgmentRequest) -> None:
    """A required end state is of use only beside the records that calls change; these name a database that is there."""
    end, environment = request.task.reference.final_state, request.resources.environment
    names = [database.name for database in request.resources.databases]
    if environment is not None and environment.database not in (None, *names):
        raise InvalidRequest("resources.environment.database", f"{environment.database!r} is none of {names}")
    if end is None:
        return
    if environment is None:
        raise InvalidRequest(
            "task.reference.final_state", "needs resources.environment: what calls change, and how"
        )
    sql = environment.database is not None
    for index, pointer in enumerate(end.ignore if sql else ()):
        if not re.fullmatch(r"/[^/]+(/\*/[^/]+)?", pointer):
            field = f"task.reference.final_state.ignore.{index}"
            raise InvalidRequest(field, "of a database must be /table or /table/*/column")
    for form in end.forms:
        wrong = (form.state is not None or form.contains is not None) if sql else form.queries is not None
        if wrong:
            forms = "queries or calls" if sql else "state, contains or calls"
            raise InvalidRequest(
                "task.reference.final_state", f"must be given as {forms} of this environment"
            )


def _check_ui(request: JudgmentRequest) -> None:
    """Checks of a page name a site that is there, or none; a candidate's files cannot be laid over recorded answers."""
    ui, sites = request.task.reference.ui, {site.name: site for site in request.resources.pages}
    if ui is None or ui.page is None:
        return
    if ui.page not in sites:
        raise InvalidRequest("task.reference.ui.page", f"{ui.page!r} is none of the sites {list(sites)}")
    if sites[ui.page].recording is not None:
        message = f"{ui.page!r} is recorded; checks need a site of html or files"
        raise InvalidRequest("task.reference.ui.page", message)


def _refuse_what_is_no_json(request: JudgmentRequest) -> None:
    """Values of any type (arguments, expected values, metadata) must be JSON, or no record could hold them."""
    parts = {f"candidates.{index}": candidate for index, candidate in enumerate(request.candidates)}
    for field, part in {"task": request.task, **parts, "metadata": RootModel(request.metadata)}.items():
        try:
            json.dumps(part.model_dump(mode="json"))
        except (ValueError, TypeError, RecursionError) as error:
            raise InvalidRequest(field, f"cannot be kept as JSON: {error}") from error


def _check_tools(request: JudgmentRequest, tools: Sequence[Tool]) -> None:
    known = [tool.name for tool in tools]
    for index, name in enumerate(request.tools or ()):
        if name not in known:
            raise InvalidRequest(f"tools.{index}", f"{name!r} is unknown; there are {known}")
    for index, principle in enumerate(request.principles or ()):
        if principle.tool is not None and principle.tool not in known:
            raise InvalidRequest(
                f"principles.{index}.tool", f"{principle.tool!r} is unknown; there are {known}"
            )
        offered = request.tools is None or principle.tool is None or principle.tool in request.tools
        if not offered:
            raise InvalidRequest(
                f"principles.{index}.tool", f"{principle.tool!r} is not among the request's tools"
            )


def _check_dimensions(request: JudgmentRequest, recipe: Recipe) -> None:
    declared = declared_dimensions(request, recipe)
    for index, principle in enumerate(request.principles or ()):
        if principle.dimension is not None and principle.dimension not in declared:
            raise InvalidRequest(
                f"principles.{index}.dimension",
                f"{principle.dimension!r} is not among the declared dimensions {list(declared)}",
            )


def _check_comparison(request: JudgmentRequest, recipe: Recipe) -> None:
    """A comparison of two needs two; and what is compared has no scale or hardness of its own."""
    if recipe.comparing == "pairwise" and len(request.candidates) < 2:
        raise InvalidRequest(
            "candidates", f"recipe {recipe.name!r} compares candidates in pairs; it needs at least 2, got 1"
        )
    for index, principle in enumerate(request.principles or ()):
        takes_none = recipe.comparing and not recipe.judges_by_rubric
        if takes_none and principle.tool is None and principle.kind == "hard":
            raise InvalidRequest(
                f"principles.{index}.kind",
                f"'hard' has no meaning in a comparison by recipe {recipe.name!r}; use 'soft', or tie it to a tool",
            )
        if recipe.comparing and principle.tool is None and principle.weight < 0:
            raise InvalidRequest(
                f"principles.{index}.weight",
                f"{principle.weight:g} is a penalty, and a comparison by recipe {recipe.name!r} shows no weights: the "
                "fault would count as a merit; say what is good instead",
            )


def _check_shape(request: JudgmentRequest, recipe: Recipe) -> None:
    """A shape is of use only where there is what it reads: tests, judged steps, declared dimensions."""
    judges_steps = "steps" in (request.granularity or recipe.granularity)
    declared = declared_dimensions(request, recipe)
    tested = request.task.reference.tests is not None or ">>> " in request.task.prompt
    for index, link in enumerate(request.shape or ()):
        if link.kind == "difficulty" and not tested:
            raise InvalidRequest(f"shape.{index}", "'difficulty' weighs tests: give task.reference.tests")
        if link.kind == "process" and not judges_steps:
            raise InvalidRequest(
                f"shape.{index}", "'process' reads scores of steps: ask for granularity ['outcome', 'steps']"
            )
        for name in dimensions_of(link):
            if name not in declared:
                raise InvalidRequest(
                    f"shape.{index}.{'dimensions' if link.kind == 'bonus' else 'weights'}",
                    f"{name!r} is not among the declared dimensions {list(declared)}",
                )
    if request.step_credit and not judges_steps:
        raise InvalidRequest(
            "step_credit",
            "pays judged steps: ask for granularity ['outcome', 'steps'], by a recipe that does",
        )


def _short(value: object) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else text[:57] + "..."
