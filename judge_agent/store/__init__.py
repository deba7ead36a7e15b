"""What the service keeps: judgments, their journal, results shared by posts, API keys, heads of the log."""

from judge_agent.store.database import Database
from judge_agent.store.records import (
    Accepted,
    ApiKey,
    IdempotencyConflict,
    LogHead,
    NewJudgment,
    Page,
    Store,
    StoredJudgment,
    Unfinished,
)
from judge_agent.store.sqlite import SqliteStore

__all__ = [
    "Accepted",
    "ApiKey",
    "Database",
    "IdempotencyConflict",
    "LogHead",
    "NewJudgment",
    "Page",
    "SqliteStore",
    "Store",
    "StoredJudgment",
    "Unfinished",
]
