"""`python -m evals sites`: twenty small sites with a planted fault each, and their sound twins, through `browse`.

It ends with 1 where a fault is not found by its check or a sound twin is refuted.
"""

from __future__ import annotations

import argparse
import asyncio
import time
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from judge_agent.errors import JudgeError
from judge_agent.schema import Reference, Task, Trajectory, UiChecks
from judge_agent.seams.tool import ToolResult, ToolView
from sandboxes.browser import find_browser, lacking
from tools.browse import Browse

DATA = Path(__file__).parent / "sites.toml"
SECONDS = 300.0


def add_parser(names: Any) -> None:
    parser = names.add_parser("sites", help="planted faults in small web sites, and their sound twins")
    parser.add_argument("--out", type=Path, help="a folder for the screenshots")
    parser.set_defaults(run=run)


def given_sites() -> list[dict[str, Any]]:
    """Every site as its two twins: name, html, checks, and `finds`, which is None for the sound one."""
    found: list[dict[str, Any]] = []
    for site in tomllib.loads(DATA.read_text(encoding="utf-8"))["site"]:
        broken = site["sound"].replace(site["replace"], site["by"])
        assert broken != site["sound"], site["name"]
        shared = {"checks": site["checks"]}
        found.append({"name": f"not {site['name']}", "html": site["sound"], "finds": None, **shared})
        found.append({"name": site["name"], "html": broken, "finds": site["finds"], **shared})
    return found


def view_of(site: Mapping[str, Any]) -> ToolView:
    """The site as a candidate's page, held to its checks."""
    artifact = {"name": "index.html", "kind": "html", "content": site["html"]}
    checks = UiChecks.model_validate({"checks": site["checks"]})
    task = Task(prompt="Build the page.", reference=Reference(ui=checks))
    return ToolView(task, Trajectory.model_validate({"artifacts": [artifact]}))


def is_right(site: Mapping[str, Any], result: ToolResult) -> bool:
    """Whether the sound twin is confirmed, or the fault refuted by the one check that is to find it."""
    finding = result.findings[0]
    if site["finds"] is None:
        return (finding.bearing, finding.strength) == ("confirms", "decisive")
    failed = [one["name"] for one in result.output["checks"] if one["outcome"] == "failed"]
    return (finding.bearing, finding.strength) == ("refutes", "decisive") and failed == [site["finds"]]


def run(parsed: argparse.Namespace) -> int:
    return asyncio.run(_run(parsed.out))


async def _run(folder: Path | None) -> int:
    browser = find_browser()
    if browser is None:
        print(f"this machine lacks {', '.join(lacking())}")
        return 2
    shown: dict[str, bytes] = {}
    tool = Browse(browser, keep=shown.__setitem__)
    right = 0
    sites = given_sites()
    try:
        for site in sites:
            began = time.monotonic()
            told, reason = await _judged(tool, site)
            right += told
            words = "as it should be" if told else f"WRONG: {reason}"
            print(f"{site['name']}: {words} ({time.monotonic() - began:.1f} s)", flush=True)
            await asyncio.to_thread(_kept, folder, site["name"], shown)
            shown.clear()
    finally:
        await browser.aclose()
    print(f"{right} of {len(sites)} as they should be")
    return 0 if right == len(sites) else 1


async def _judged(tool: Browse, site: Mapping[str, Any]) -> tuple[bool, str]:
    """Whether it is as it should be, and what was said. What could not be told is neither found nor sound."""
    try:
        result = await tool.run({}, view_of(site), timeout_seconds=SECONDS)
    except JudgeError as error:
        return False, str(error)
    return is_right(site, result), result.findings[0].reason


def _kept(folder: Path | None, name: str, shown: Mapping[str, bytes]) -> None:
    if folder is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    for number, picture in enumerate(shown.values()):
        (folder / f"{name.replace(' ', '-')}-{number}.png").write_bytes(picture)
