"""Every border type, request to judgment: frozen pydantic models."""

from judge_agent.schema.base import Envelope as Envelope
from judge_agent.schema.claims import Claim as Claim
from judge_agent.schema.corpora import Corpus as Corpus
from judge_agent.schema.corpora import CorpusDocument as CorpusDocument
from judge_agent.schema.databases import Column as Column
from judge_agent.schema.databases import Database as Database
from judge_agent.schema.databases import Engine as Engine
from judge_agent.schema.databases import InlineTable as InlineTable
from judge_agent.schema.environment import EndForm as EndForm
from judge_agent.schema.environment import EndState as EndState
from judge_agent.schema.environment import Environment as Environment
from judge_agent.schema.environment import SqlEffect as SqlEffect
from judge_agent.schema.expected_calls import CallRules as CallRules
from judge_agent.schema.expected_calls import ExpectedCall as ExpectedCall
from judge_agent.schema.group import Group as Group
from judge_agent.schema.group import GroupMember as GroupMember
from judge_agent.schema.group import GroupPreference as GroupPreference
from judge_agent.schema.group import GroupState as GroupState
from judge_agent.schema.group_spec import GroupSpec as GroupSpec
from judge_agent.schema.group_spec import OnPartial as OnPartial
from judge_agent.schema.images import Drawing as Drawing
from judge_agent.schema.images import DrawingKind as DrawingKind
from judge_agent.schema.images import ImageResource as ImageResource
from judge_agent.schema.judgment import (
    SCHEMA_VERSION as SCHEMA_VERSION,
)
from judge_agent.schema.judgment import (
    Bearing as Bearing,
)
from judge_agent.schema.judgment import (
    CandidateResult as CandidateResult,
)
from judge_agent.schema.judgment import (
    Citation as Citation,
)
from judge_agent.schema.judgment import (
    Confidence as Confidence,
)
from judge_agent.schema.judgment import (
    Coverage as Coverage,
)
from judge_agent.schema.judgment import (
    Evidence as Evidence,
)
from judge_agent.schema.judgment import (
    EvidenceImage as EvidenceImage,
)
from judge_agent.schema.judgment import (
    Judgment as Judgment,
)
from judge_agent.schema.judgment import (
    Preference as Preference,
)
from judge_agent.schema.judgment import (
    Principle as Principle,
)
from judge_agent.schema.judgment import (
    PrincipleResult as PrincipleResult,
)
from judge_agent.schema.judgment import (
    Provenance as Provenance,
)
from judge_agent.schema.judgment import (
    Sample as Sample,
)
from judge_agent.schema.judgment import (
    SecondLook as SecondLook,
)
from judge_agent.schema.judgment import (
    Source as Source,
)
from judge_agent.schema.judgment import (
    State as State,
)
from judge_agent.schema.judgment import (
    Status as Status,
)
from judge_agent.schema.judgment import (
    StepResult as StepResult,
)
from judge_agent.schema.judgment import (
    Strength as Strength,
)
from judge_agent.schema.judgment import (
    ToolStatus as ToolStatus,
)
from judge_agent.schema.judgment import (
    Usage as Usage,
)
from judge_agent.schema.messages import (
    Artifact as Artifact,
)
from judge_agent.schema.messages import (
    ContentPart as ContentPart,
)
from judge_agent.schema.messages import (
    ForeignTrajectory as ForeignTrajectory,
)
from judge_agent.schema.messages import (
    FunctionCall as FunctionCall,
)
from judge_agent.schema.messages import (
    Message as Message,
)
from judge_agent.schema.messages import (
    TextTrajectory as TextTrajectory,
)
from judge_agent.schema.messages import (
    ToolCall as ToolCall,
)
from judge_agent.schema.messages import (
    Trajectory as Trajectory,
)
from judge_agent.schema.page_contents import PageContent as PageContent
from judge_agent.schema.pages import Site as Site
from judge_agent.schema.request import (
    Aggregate as Aggregate,
)
from judge_agent.schema.request import (
    BudgetSpec as BudgetSpec,
)
from judge_agent.schema.request import (
    CallTest as CallTest,
)
from judge_agent.schema.request import (
    Candidate as Candidate,
)
from judge_agent.schema.request import (
    Granularity as Granularity,
)
from judge_agent.schema.request import (
    JudgmentRequest as JudgmentRequest,
)
from judge_agent.schema.request import (
    PrincipleSpec as PrincipleSpec,
)
from judge_agent.schema.request import (
    Reference as Reference,
)
from judge_agent.schema.request import (
    Resources as Resources,
)
from judge_agent.schema.request import (
    RunSpec as RunSpec,
)
from judge_agent.schema.request import (
    Scale as Scale,
)
from judge_agent.schema.request import (
    StdioTest as StdioTest,
)
from judge_agent.schema.request import (
    Task as Task,
)
from judge_agent.schema.request import (
    Tests as Tests,
)
from judge_agent.schema.ui_checks import AskedStep as AskedStep
from judge_agent.schema.ui_checks import PageStep as PageStep
from judge_agent.schema.ui_checks import UiCheck as UiCheck
from judge_agent.schema.ui_checks import UiChecks as UiChecks
from judge_agent.schema.ui_checks import UiStep as UiStep
