"""The hand-written rewrites: what is the same must be told to be the same, by both engines."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, NamedTuple

from judge_agent.schema import Engine

FILE = Path(__file__).parent / "rewrites.toml"


class Rewrite(NamedTuple):
    """Two queries of one meaning, and the script of their database."""

    database: str
    script: str
    reference: str
    other: str

    def given(self, engine: Engine) -> dict[str, Any]:
        return {"name": self.database, "engine": engine, "sql": self.script}


def rewrites() -> list[Rewrite]:
    data = tomllib.loads(FILE.read_text("utf-8"))
    scripts = data["databases"]
    return [
        Rewrite(one["database"], scripts[one["database"]], one["reference"], one["other"])
        for one in data["rewrite"]
    ]
