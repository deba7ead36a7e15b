"""Picks the concrete parts: store, journal, log, model, boxes, tools, judge. The only place that does."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from api.canaries import CanaryWatch
from api.extra_tools import extra_tools
from api.jury import jury_models
from api.mcp_servers import allowed_servers
from api.measuring import Metrics
from api.parts import Parts, assembled, resource_files
from api.settings import Settings
from api.vllm import started_vllm
from api.wanted_traces import wants_contents, wants_traces
from judge_agent.calibration import load_calibrations
from judge_agent.errors import InvalidRequest, ModelError
from judge_agent.judge import Judge
from judge_agent.log import AuditLogWriter, ToldLog
from judge_agent.log.shared_heads import SharedHeads
from judge_agent.named_principles import load_principles
from judge_agent.seams.browser import Browser
from judge_agent.seams.model import ChatModel
from judge_agent.seams.sandbox import Sandbox
from judge_agent.seams.tool import Tool
from judge_agent.store import Store
from judge_agent.store.opening import opened_store
from judge_agent.tool_cache import ToolCache
from sandboxes import SLOWDOWN, choose
from sandboxes.browser import find_browser
from tools import (
    BOXED_TOOLS,
    BROWSER_TOOLS,
    DOCUMENT_TOOLS,
    RESOURCE_TOOLS,
    TOOLS,
    CropImage,
    ReadImage,
    RenderCompare,
)
from tools.documents.reranking import Reranker
from tools.documents.shelf import Shelf
from tools.live_search import LiveSearch
from tools.mcp_servers.mcp_tool import opened_mcp_tools
from tools.query_sql import QuerySql, QuerySqlLimits
from tools.run_tests import RunTests, RunTestsLimits

if TYPE_CHECKING:
    from api.traces import JudgmentTraces

log = logging.getLogger("judge_agent.service")
INTRODUCTION_SECONDS = 3.0
MODEL_CONNECTIONS = 1000


@asynccontextmanager
async def service(settings: Settings, *, is_alone: bool = True) -> AsyncIterator[Parts]:
    """Everything that the service needs, opened in order and closed in reverse. Raises JudgeError.

    `is_alone` is false for one of several workers: whoever starts them holds the lock of a SQLite file.
    """
    metrics = Metrics()
    canaries = CanaryWatch(share=settings.canary_share, seconds=settings.canary_seconds)
    async with (
        _opened(settings, exclusive=is_alone, metrics=metrics, canaries=canaries) as (
            store,
            judge,
            sandbox,
            traces,
        ),
        assembled(
            settings,
            store=store,
            judge=judge,
            sandbox=sandbox,
            is_alone=is_alone,
            metrics=metrics,
            traces=traces,
            canaries=canaries,
        ) as parts,
    ):
        yield parts


@asynccontextmanager
async def local_judge(settings: Settings) -> AsyncIterator[Judge]:
    """A judge with the service's own parts, without its queue; for one judgment from the command line."""
    async with _opened(settings, exclusive=False) as (_, judge, _, _):
        yield judge


@asynccontextmanager
async def _opened(
    settings: Settings,
    *,
    exclusive: bool = True,
    metrics: Metrics | None = None,
    canaries: CanaryWatch | None = None,
) -> AsyncIterator[tuple[Store, Judge, Sandbox | None, JudgmentTraces | None]]:
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(
            opened_store(settings.database_path, settings.database, exclusive=exclusive)
        )
        heads = store if settings.database is None else SharedHeads(store, settings.log_dir)
        written = await stack.enter_async_context(
            AuditLogWriter(settings.log_dir, anchor=heads.set_head, last_anchored=heads.last_segment)
        )
        traces = await _traces(settings, store, stack) if metrics is not None else None
        hearing = [one.observe for one in (metrics, traces, canaries) if one is not None]
        log = await stack.enter_async_context(ToldLog(written, store.tell, *hearing))
        model = await _model(settings)
        if model is not None:
            stack.push_async_callback(model.aclose)
        sandbox = await _boxes(settings)
        if sandbox is not None:
            stack.push_async_callback(sandbox.aclose)
        browser = await asyncio.to_thread(find_browser) if settings.sandbox == "namespaces" else None
        if browser is not None:
            stack.push_async_callback(browser.aclose)
        jury = jury_models(settings.jury, max(MODEL_CONNECTIONS, 2 * settings.max_running))
        for juror in jury.values():
            stack.push_async_callback(juror.aclose)
        of_servers = await stack.enter_async_context(opened_mcp_tools(allowed_servers(settings.mcp_servers)))
        tools = _tools(settings, sandbox, browser)
        for tool in tools:
            if (close := getattr(tool, "aclose", None)) is not None:  # what it keeps warm in boxes
                stack.push_async_callback(close)
        judge = _judge_type(traces)(
            model=model,
            tools=(*tools, *of_servers),
            journal=store.journal,
            shared=store.shared,
            log=log,
            stamp=canaries.stamp if canaries is not None else _no_stamp,
            pins=store.runs,
            tool_cache=ToolCache(settings.tool_cache_bytes) if settings.tool_cache_bytes else None,
            tell=log.tell,
            calibrations=load_calibrations(settings.calibrations_dir),
            jury=jury,
            principles=load_principles(settings.principles_dir),
        )
        yield store, judge, sandbox, traces


def _no_stamp(_recipe: str) -> dict[str, Any]:
    return {}


async def _traces(settings: Settings, store: Store, stack: AsyncExitStack) -> JudgmentTraces | None:
    """The traces of judgments, where they are wanted. Raises InvalidRequest where their package is missing."""
    if not wants_traces(settings):
        return None
    try:
        from api.traces import opened_traces
    except ModuleNotFoundError as error:
        raise InvalidRequest(
            "JUDGE_TRACES",
            f"needs the package {error.name!r}; install it with: pip install 'judge-agent[service]'",
        ) from error
    opened = opened_traces(store.shared, provider_name=settings.model, contents=wants_contents())
    return await stack.enter_async_context(opened)


def _judge_type(traces: JudgmentTraces | None) -> Callable[..., Judge]:
    if traces is None:
        return Judge
    from api.traces import TracedJudge

    return partial(TracedJudge, traces)


async def _model(settings: Settings) -> ChatModel | None:
    """The model of the settings; a vLLM is up when this returns. Raises InvalidRequest and ModelError."""
    if settings.model == "none":
        return None
    if settings.model == "embedded":
        return _embedded(settings.cache_dir / "weights")
    if settings.model == "vllm":
        return await started_vllm(settings)
    from judge_agent.models.openai_chat import OpenAIChatModel

    key = settings.model_api_key.get_secret_value() if settings.model_api_key else None
    assert settings.model_url is not None
    model = OpenAIChatModel(
        settings.model_url,
        settings.model_name,
        key,
        context_window=settings.model_context_window,
        # A call that waits for a connection waits within its own time.
        max_connections=max(MODEL_CONNECTIONS, 2 * settings.max_running),
        images=settings.model_images,
        tools=settings.model_tools,
        reasoning=settings.model_reasoning,
        logprobs=settings.model_logprobs,
    )
    await _introduced(model)
    return model


async def _introduced(model: ChatModel) -> None:
    """Have the model say at the start what it is, and whether its window is a guess; a server that is not up yet is
    asked again by the first judgment."""
    try:
        async with asyncio.timeout(INTRODUCTION_SECONDS):
            await model.info()
    except TimeoutError:
        log.warning("the model server has not said within %g seconds what it serves", INTRODUCTION_SECONDS)
    except ModelError as error:
        log.warning("the model server does not say what it serves: %s", error)


def _embedded(cache_dir: Path) -> ChatModel:
    from judge_agent.models.embedded import EmbeddedModel

    return EmbeddedModel(cache_dir=cache_dir)


async def _boxes(settings: Settings) -> Sandbox | None:
    """The boxes of the chosen tier, which the log names; None where they do not work: no other takes their place."""
    sandbox, detail = await choose(settings.sandbox, cache_dir=settings.cache_dir)
    if sandbox is None:
        log.warning("tools that need a box are unavailable: %s", detail)
    elif settings.sandbox != "namespaces":
        log.warning("boxes of a weaker tier: %s", detail)
    else:
        log.info("boxes: %s", detail)
    return sandbox


def _tools(settings: Settings, sandbox: Sandbox | None, browser: Browser | None) -> tuple[Tool, ...]:
    """Every tool, each given its box; where no box can be made the boxed ones are there and say so.

    Time limits that decide against an answer are longer in slow boxes: what is slow there is the box.
    """
    files, slow = resource_files(settings), SLOWDOWN[settings.sandbox]
    rerank = None if settings.search_rerank is None else Reranker(settings.search_rerank)
    shelf = Shelf(sandbox, files, rerank=rerank)
    tests, sql = RunTestsLimits(), QuerySqlLimits()
    tests = replace(
        tests,
        seconds_per_test=tests.seconds_per_test * slow,
        seconds_per_suite=tests.seconds_per_suite * slow,
    )
    sql = replace(sql, seconds_per_query=sql.seconds_per_query * slow)
    timed: dict[type[Tool], Callable[..., Tool]] = {
        RunTests: partial(RunTests, limits=tests),
        QuerySql: partial(QuerySql, limits=sql),
        RenderCompare: partial(RenderCompare, browser=browser),
        ReadImage: partial(ReadImage, engine=settings.ocr),
        CropImage: partial(CropImage, engine=settings.ocr),
    }
    own = (
        *(tool() for tool in TOOLS),
        *(timed.get(tool, tool)(sandbox) for tool in BOXED_TOOLS),
        *(timed.get(tool, tool)(sandbox, files) for tool in RESOURCE_TOOLS),
        *(tool(browser, files) for tool in BROWSER_TOOLS),
        *(tool(shelf) for tool in DOCUMENT_TOOLS),
        *_live_search(settings),
    )
    given = {"sandbox": sandbox, "files": files, "browser": browser}
    return (*own, *extra_tools(settings, given, [tool.name for tool in own]))


def _live_search(settings: Settings) -> Iterator[Tool]:
    """The only tool that reaches the network, where the operator says whom it may ask."""
    if settings.live_search_url is not None:
        key = settings.live_search_key.get_secret_value() if settings.live_search_key else None
        yield LiveSearch(settings.live_search_url, settings.live_search_provider, key)
