"""What a post to `/v1/groups` asks for: which group, its terms, and how its members are judged."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from api.callers import Caller
from api.parts import Parts
from api.problems import FieldError, Problem, bounded, invalid
from judge_agent.admission import task_as_judged
from judge_agent.aside import aside
from judge_agent.group_record import Terms
from judge_agent.hashing import canonical_json, sha256_of
from judge_agent.schema import Candidate, GroupSpec, JudgmentRequest, Task

MAX_SHOWN_CHARS = 80
_BESIDE = {"candidates", "metadata", "group"}
# The company that a single member is checked with; it is judged with nobody.
_TWIN = "__twin__"


@dataclass(frozen=True)
class Wanted:
    """A post as it was read. `request` is the post without its shape and with what the queue needs of its group;
    `agreed` is what all members of the group must have alike: small values as they are, large ones as hashes."""

    request: JudgmentRequest
    spec: GroupSpec
    terms: Terms
    is_together: bool
    agreed: str
    data: dict[str, Any]

    def text(self) -> str:
        """The JSON of the request, as the queue keeps it."""
        return json.dumps(self.data)

    def kept(self, caller: Caller) -> str:
        """What the group needs once its members are judged; those that wait for each other are judged from it, for the
        key that brought the first of them."""
        template = {name: value for name, value in self.data.items() if name != "candidates"}
        shape = [link.model_dump(mode="json") for link in self.terms.shape]
        waits = self.spec.is_joined and self.is_together
        needed = (
            {"template": template, "key_id": caller.key_id, "limits": caller.limits}
            if waits
            else {"template": None}
        )
        return json.dumps({"recipe": self.request.recipe, "shape": shape} | needed)


def read_group(parts: Parts, given: JudgmentRequest, data: Any) -> Wanted:
    """Read a post, whose body is `data`. Raises Problem 422 that names the field, the value and the limit."""
    spec = given.group or GroupSpec()
    size = spec.size or len(given.candidates)
    _check_terms(parts, given, spec, size)
    shape = parts.judge.shape_of(given)
    hint = {"group_id": spec.group_id, "attempt": spec.attempt} if spec.group_id is not None else None
    plain = {**data, "shape": [], "group": hint}
    request = given.model_copy(
        update={"shape": (), "group": None if hint is None else GroupSpec.model_validate(hint)}
    )
    terms = Terms(size, shape, spec.deadline_seconds, spec.on_partial, spec.min_size)
    return Wanted(request, spec, terms, parts.judge.judges_together(given), _agreed(given, terms), plain)


async def with_its_task(given: JudgmentRequest, wanted: Wanted) -> Wanted:
    """What a checked post wants, where `agreed` holds its task as it is judged: rollouts of other tasks are no peers,
    also where the task is only what each of them begins with."""
    task = await aside(given, task_as_judged, given)
    if task is given.task:
        return wanted
    said = json.loads(wanted.agreed) | {"task": _short_or_hash(_as_said(task))}
    return replace(wanted, agreed=canonical_json(said))


def for_checking(parts: Parts, given: JudgmentRequest) -> JudgmentRequest:
    """The request by which a judge says whether the post can be judged: with its shape, and with company where it is
    judged together with members that are still to come."""
    candidates, spec = given.candidates, given.group
    fewest = (spec.min_size or spec.size or 1) if spec is not None and spec.is_joined else 1
    if fewest > 1 and parts.judge.judges_together(given):
        candidates = (*candidates, Candidate(id=_TWIN, trajectory=candidates[0].trajectory))
    return given.model_copy(update={"group": None, "candidates": candidates})


def contents(wanted: Wanted) -> tuple[str, ...]:
    """A hash of each candidate: the same member may come again, another one may not take its place."""
    return tuple(sha256_of(one.model_dump(mode="json", by_alias=True)) for one in wanted.request.candidates)


def disagreement(held: str, given: str, id: str) -> Problem:
    """409: the first field in which a member differs from those that came before, with both values."""
    theirs, ours = json.loads(held), json.loads(given)
    field = next(name for name in ours if ours[name] != theirs.get(name))
    detail = (
        f"differs from what the members of this group that came before have, {json.dumps(theirs.get(field))}"
    )
    return conflict(field, detail, value=ours[field], limit=theirs.get(field), id=id)


def conflict(
    field: str, detail: str, *, value: Any, limit: Any, id: str, code: str = "group_conflict"
) -> Problem:
    told = f"{detail}; use another group_id or attempt for another group"
    return Problem(
        409, code, f"{field}: {told}", errors=[FieldError(field, told, bounded(value), bounded(limit))], id=id
    )


def _check_terms(parts: Parts, given: JudgmentRequest, spec: GroupSpec, size: int) -> None:
    found = len(given.candidates)
    if spec.is_joined and found != 1:
        detail = (
            f"a member of a joined group brings one candidate, not {found}; leave out group.index to post all"
        )
        raise invalid("candidates", detail, value=f"a list of {found}", limit=1)
    if not spec.is_joined and size != found:
        detail = f"{size} is not the number of candidates ({found}); give group.index to join them one by one"
        raise invalid("group.size", detail, value=size, limit=found)
    if spec.min_size is not None and spec.min_size > size:
        detail = f"{spec.min_size} is more than the {size} members"
        raise invalid("group.min_size", detail, value=spec.min_size, limit=size)
    longest = parts.settings.max_group_seconds
    if spec.deadline_seconds is not None and spec.deadline_seconds > longest:
        detail = f"{spec.deadline_seconds:g} is more than this service allows (JUDGE_MAX_GROUP_SECONDS={longest:g})"
        raise invalid("group.deadline_seconds", detail, value=spec.deadline_seconds, limit=longest)


def _agreed(given: JudgmentRequest, terms: Terms) -> str:
    said = given.model_dump(mode="json", exclude=_BESIDE, by_alias=True)
    said |= {
        "group.size": terms.size,
        "group.deadline_seconds": terms.deadline_seconds,
        "group.on_partial": terms.on_partial,
        "group.min_size": terms.min_size,
    }
    return canonical_json({name: _short_or_hash(value) for name, value in said.items()})


def _as_said(task: Task) -> Any:
    return task.model_dump(mode="json", by_alias=True)


def _short_or_hash(value: Any) -> Any:
    text = canonical_json(value)
    return value if len(text) <= MAX_SHOWN_CHARS else f"sha256:{sha256_of(text)}"
