"""The service's own log, on stderr: lines of text, or a JSON object a line. It holds no contents and no keys.

What the audit log is for stands there. Here an exception is its type and where it came from: its words may be those
of a candidate. Secrets of known shapes, configured keys and keys in paths are taken out of every line, whoever wrote
it. A text that merely looks like prose and was put into a message by other packages is bounded, not recognised.
"""

from __future__ import annotations

import json
import logging
import os
import re
import socket
import sys
import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, TextIO

from api.settings import Settings
from judge_agent.errors import InvalidRequest, JudgeError, LeaseLost, StoreError
from judge_agent.log.secret_patterns import without_secrets

MAX_MESSAGE_CHARS = 1000
MAX_FRAMES = 30
# The judgment that this task, and every task begun in it, works for.
JUDGMENT: ContextVar[str | None] = ContextVar("judge_agent_judgment", default=None)
_OWN = ("judge_agent", "api", "tools", "sandboxes")
# At their lower levels these write whole requests: prompts, headers, answers.
_CHATTY = ("httpx", "httpx2", "httpcore", "openai", "aiohttp", "asyncpg", "urllib3")
_PATH_KEY = re.compile(r"/k/[^/\s\"'<>]+")
_PLACE = re.compile(r"%(\([a-z_]+\))?[-#0-9. +]*[a-zA-Z]")
_WORDS = re.compile(r"[a-z0-9]+")


def configure(settings: Settings, stream: TextIO | None = None) -> None:
    """Write the log of this process as the settings say, in place of whatever was set before."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(formatter(settings))
    own = logging.getLevelNamesMapping()[settings.log_level]
    logging.basicConfig(handlers=[handler], level=max(own, logging.INFO), force=True)
    logging.getLogger("judge_agent").setLevel(own)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(own, logging.WARNING))
    logging.captureWarnings(True)


def formatter(settings: Settings) -> logging.Formatter:
    """How lines are written by these settings."""
    held = (settings.model_api_key, settings.database_url, *(key for _, key in settings.api_keys))
    secrets = [one.get_secret_value() for one in held if one is not None]
    return JsonLines(secrets) if settings.log_format == "json" else TextLines(secrets)


class _Clean:
    """Makes texts of records that may be written down."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = sorted((one for one in secrets if one), key=len, reverse=True)

    def message(self, record: logging.LogRecord) -> str:
        try:
            text = str(record.msg) % _told(record.args) if record.args else str(record.msg)
        except (TypeError, ValueError, KeyError):
            text = str(record.msg)
        # asyncio's messages go on with the repr of a task, and so with the words of its exception.
        return self.text(text.partition("\n")[0] if record.name == "asyncio" else text)

    def text(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        # The search for secrets is linear; what is cut off needs none.
        text = str(without_secrets(_PATH_KEY.sub("/k/***", text[: 10 * MAX_MESSAGE_CHARS])))
        if len(text) <= MAX_MESSAGE_CHARS:
            return text
        return f"{text[:MAX_MESSAGE_CHARS]} ... ({len(text)} characters)"

    def exception(self, error: BaseException) -> dict[str, Any]:
        """Types, places and, of errors whose words are this service's own, the message."""
        told: dict[str, Any] = {"type": f"{type(error).__module__}.{type(error).__qualname__}"}
        if isinstance(error, (StoreError, LeaseLost, OSError)):
            told["message"] = self.text(str(error))
        frames = traceback.extract_tb(error.__traceback__)[-MAX_FRAMES:]
        told["frames"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        if isinstance(error, BaseExceptionGroup):
            told["of"] = [self.exception(one) for one in error.exceptions[:5]]
        elif cause is not None and cause is not error:
            told["cause"] = f"{type(cause).__module__}.{type(cause).__qualname__}"
        return told


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, event, message, worker, and the judgment and trace if there are."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__()
        self._clean = _Clean(secrets)
        self._worker = f"{socket.gethostname()}:{os.getpid()}"

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "event": event_of(record),
            "message": self._clean.message(record),
            "worker": self._worker,
            **(getattr(record, "facts", None) or {}),
            **_context(),
        }
        if record.exc_info and record.exc_info[1] is not None:
            line["exception"] = self._clean.exception(record.exc_info[1])
        return json.dumps(line, default=str)


class TextLines(logging.Formatter):
    """One line a record, and one for each place that an exception came through."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__()
        self._clean = _Clean(secrets)

    def format(self, record: logging.LogRecord) -> str:
        message = self._clean.message(record).replace("\n", "\\n")
        told = [f"{name}={value}" for name, value in _context().items() if value not in message]
        lines = [" ".join([self.formatTime(record), record.levelname, message, *told])]
        if record.exc_info and record.exc_info[1] is not None:
            lines += _lines(self._clean.exception(record.exc_info[1]))
        return "\n".join(lines)


def event_of(record: logging.LogRecord) -> str:
    """What kind of line it is: the same for all that one place writes, and without any value."""
    named = getattr(record, "event", None)
    if isinstance(named, str):
        return named
    if not record.name.startswith(_OWN):
        return record.name
    words = _WORDS.findall(_PLACE.sub(" ", str(record.msg)).lower())
    return "_".join(words)[:80] if words else f"{record.module}.{record.funcName}"


def _told(args: Any) -> Any:
    """The values of a message; an exception whose words may be a caller's or a model's goes by its type."""
    if isinstance(args, Mapping):
        return {name: _said(value) for name, value in args.items()}
    return tuple(_said(value) for value in args)


def _said(value: object) -> object:
    if not isinstance(value, BaseException):
        return value
    is_own = isinstance(value, (JudgeError, OSError)) and not isinstance(value, InvalidRequest)
    if is_own and getattr(value, "failure_kind", None) != "model_unparseable":
        return value
    return type(value).__name__


def _lines(told: Mapping[str, Any], indent: str = "  ") -> Iterator[str]:
    cause = f" (from {told['cause']})" if "cause" in told else ""
    message = f": {told['message']}" if "message" in told else ""
    yield f"{indent}{told['type']}{message}{cause}"
    yield from (f"{indent}  at {frame}" for frame in told["frames"])
    for one in told.get("of", ()):
        yield from _lines(one, f"{indent}  ")


def _context() -> dict[str, str]:
    """The judgment and the trace that the line belongs to, where there are such."""
    found: dict[str, str] = {}
    judgment_id = JUDGMENT.get()
    if judgment_id is not None:
        found["judgment_id"] = judgment_id
    # Loaded where something is traced; a service without traces does not pay for its import.
    opentelemetry = sys.modules.get("opentelemetry.trace")
    if opentelemetry is not None:
        context = opentelemetry.get_current_span().get_span_context()
        if context.is_valid:
            found |= {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}
    return found
