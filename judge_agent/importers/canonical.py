"""The door to the importers: any trajectory that a request may hold becomes the canonical one."""

from __future__ import annotations

from typing import NamedTuple

from judge_agent.importers.imported import Imported, Importer
from judge_agent.importers.openai import from_openai
from judge_agent.importers.plan_rewardbench import from_plan_rewardbench
from judge_agent.importers.responses import from_responses
from judge_agent.importers.tau_bench import from_tau_bench
from judge_agent.importers.text import from_text
from judge_agent.schema import ForeignTrajectory, TextTrajectory, Trajectory
from judge_agent.schema.messages import AnyTrajectory


class NamedImporter(NamedTuple):
    format: str
    read: Importer


IMPORTERS: tuple[NamedImporter, ...] = (
    NamedImporter("openai", from_openai),
    NamedImporter("responses", from_responses),
    NamedImporter("text", from_text),
    NamedImporter("tau_bench", from_tau_bench),
    NamedImporter("plan_rewardbench", from_plan_rewardbench),
)


def canonical(trajectory: AnyTrajectory) -> Imported:
    """Return the canonical trajectory. Raises InvalidRequest whose field is relative to the trajectory."""
    if isinstance(trajectory, Trajectory):
        return Imported(trajectory, (), "native")
    if isinstance(trajectory, TextTrajectory):
        return from_text(trajectory.text)
    return _importer(trajectory).read(trajectory.data)


def _importer(trajectory: ForeignTrajectory) -> NamedImporter:
    """Every format that the schema admits is in the registry; a test holds the two together."""
    return next(importer for importer in IMPORTERS if importer.format == trajectory.format)
