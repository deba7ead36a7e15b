"""Reads trajectories of other formats into the canonical one; each importer names what it lost. Pure.

To add a format: write its file, add it to `IMPORTERS` and to `ForeignTrajectory.format`.
"""

from judge_agent.importers.canonical import IMPORTERS as IMPORTERS
from judge_agent.importers.canonical import canonical as canonical
from judge_agent.importers.imported import Imported as Imported
from judge_agent.importers.imported import Importer as Importer
from judge_agent.importers.openai import from_openai as from_openai
from judge_agent.importers.plan_rewardbench import from_plan_rewardbench as from_plan_rewardbench
from judge_agent.importers.responses import from_responses as from_responses
from judge_agent.importers.rows import ImportedRequest as ImportedRequest
from judge_agent.importers.rows import request_from as request_from
from judge_agent.importers.tau_bench import from_tau_bench as from_tau_bench
from judge_agent.importers.text import from_text as from_text
