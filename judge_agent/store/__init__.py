"""What the service keeps: judgments, their journal, results shared by posts, API keys, heads of the log."""

from judge_agent.store.canaries import Canaries, CanaryRow, CanaryState
from judge_agent.store.database import Database
from judge_agent.store.quotas import KeyLimits, QuotaExceeded, Quotas, Standing
from judge_agent.store.records import (
    Accepted,
    ApiKey,
    Claimed,
    Finished,
    Happening,
    IdempotencyConflict,
    KeyScope,
    Lease,
    LogHead,
    NewJudgment,
    Open,
    Page,
    Renewed,
    Store,
    StoredJudgment,
    TooManyOpen,
)
from judge_agent.store.sqlite import SqliteStore

__all__ = [
    "Accepted",
    "ApiKey",
    "Canaries",
    "CanaryRow",
    "CanaryState",
    "Claimed",
    "Database",
    "Finished",
    "Happening",
    "IdempotencyConflict",
    "KeyLimits",
    "KeyScope",
    "Lease",
    "LogHead",
    "NewJudgment",
    "Open",
    "Page",
    "QuotaExceeded",
    "Quotas",
    "Renewed",
    "SqliteStore",
    "Standing",
    "Store",
    "StoredJudgment",
    "TooManyOpen",
]
