"""Facades: the reward protocols of trainers, each in front of ordinary judgments. One file a trainer.

A facade reads its trainer's body, asks as `POST /v1/judgments` does, and answers in the trainer's words. To add one,
write its file and name its router here.
"""

from typing import NamedTuple

from fastapi import APIRouter, FastAPI

from api.compat import (
    eval_protocol,
    nemo_gym,
    nemo_gym_compare,
    nemo_gym_metrics,
    openrlhf,
    reward_anything,
    roll,
    slime,
)

PREFIX = "/compat"


class Facade(NamedTuple):
    """`also` are other ways to write its name, which are served and not listed."""

    name: str
    routers: tuple[APIRouter, ...]
    also: tuple[str, ...] = ()


FACADES = (
    Facade("openrlhf", (openrlhf.router,)),
    Facade("slime", (slime.router,)),
    Facade("roll", (roll.router,)),
    Facade("nemo-gym", (nemo_gym.router, nemo_gym_compare.router, nemo_gym_metrics.router), ("nemo_gym",)),
    Facade("eval-protocol", (eval_protocol.router,), ("eval_protocol",)),
    Facade("rewardanything", (reward_anything.router,), ("reward-anything", "reward_anything")),
)


def install(app: FastAPI) -> None:
    """Serve every facade under `/compat/<name>`."""
    for facade in FACADES:
        for router in facade.routers:
            app.include_router(router, prefix=f"{PREFIX}/{facade.name}")
            for name in facade.also:
                app.include_router(router, prefix=f"{PREFIX}/{name}", include_in_schema=False)
