"""The HTTP application: routes, problems, the Host check. Knows nothing of models, tools or boxes."""

from __future__ import annotations

from fastapi import FastAPI

from api import (
    batch,
    blobs,
    canary_table,
    catalog,
    compat,
    docs_page,
    events,
    health,
    judgments,
    metrics,
    problems,
    run_code,
)
from api.compat.keys import PathKeys
from api.groups import routes as groups
from api.hosts import HostCheck
from api.large_bodies import HeldBodies
from api.limits import RateLimitFields
from api.measuring import CountedRequests
from api.open_requests import OpenRequests
from api.parts import Parts
from api.runs import pins
from api.runs import routes as runs
from api.stopping import StoppedRequests
from judge_agent import __version__

DESCRIPTION = "A judge for agent trajectories that checks before it scores."


def create_app(parts: Parts) -> FastAPI:
    """Make the application around parts that are open for as long as it is served."""
    app = FastAPI(
        title="judge-agent",
        version=__version__,
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.parts = parts
    for router in (
        batch.router,
        judgments.router,
        groups.router,
        events.router,
        blobs.router,
        catalog.router,
        canary_table.router,
        health.router,
        metrics.router,
        pins.router,
        runs.router,
        run_code.router,
    ):
        app.include_router(router)
    compat.install(app)
    docs_page.install(app)
    problems.install(app)
    if parts.traces is not None:
        from api.traces import TracedRequests

        app.add_middleware(TracedRequests, traces=parts.traces)
    app.add_middleware(HeldBodies)
    app.add_middleware(RateLimitFields, parts=parts)
    app.add_middleware(OpenRequests, max_requests=parts.settings.max_connections, metrics=parts.metrics)
    app.add_middleware(CountedRequests, metrics=parts.metrics)
    app.add_middleware(PathKeys, parts=parts)
    app.add_middleware(HostCheck, settings=parts.settings)
    app.add_middleware(StoppedRequests, parts=parts)
    return app
