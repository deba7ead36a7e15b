"""Facades: the reward protocols of trainers, each in front of ordinary judgments. One file a trainer.

A facade reads its trainer's body, asks as `POST /v1/judgments` does, and answers in the trainer's words. To add one,
write its file and name its router here.
"""

from api.compat import openrlhf, slime

PREFIX = "/compat"
ROUTERS = (openrlhf.router, slime.router)
