"""Tools from outside of the checkout: of installed packages, by entry point, and of a folder of the operator's.

Does NOT protect against: code of such a tool, which runs in the service's own process; the operator names it.
"""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import re
from collections.abc import Collection, Iterable, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from api.settings import Settings
from judge_agent.errors import InvalidRequest
from judge_agent.seams.function_tool import FunctionTool
from judge_agent.seams.tool import Tool

GROUP = "judge_agent.tools"
_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_-]{0,63}")
_MEMBERS = (
    "name",
    "version",
    "description",
    "parameters",
    "principle",
    "opening_calls",
    "offered",
    "can_decide",
    "run",
)


def extra_tools(settings: Settings, given: Mapping[str, Any], taken: Collection[str]) -> tuple[Tool, ...]:
    """The tools that the settings name; `given` are the parts that a tool may ask for by name (sandbox, files).

    Raises InvalidRequest that names the setting: for what is not there, is no tool, or has a name that is `taken`.
    """
    found: list[Tool] = []
    names = set(taken)
    for setting, place, listed, digest in (*_of_packages(settings), *_of_folder(settings)):
        for one in listed:
            tool = _made(one, given, setting, place)
            _check(tool, names, setting, place)
            _mark(tool, digest)
            names.add(tool.name)
            found.append(tool)
    return tuple(found)


_Source = tuple[str, str, Iterable[Any], str]


def _of_packages(settings: Settings) -> list[_Source]:
    setting = "JUDGE_TOOL_PACKAGES"
    known = {point.name: point for point in entry_points(group=GROUP)} if settings.tool_packages else {}
    sources: list[_Source] = []
    for name in settings.tool_packages:
        if name not in known:
            raise InvalidRequest(
                setting, f"{name!r} is no entry point of the group {GROUP!r}; there are {sorted(known)}"
            )
        point = known[name]
        try:
            loaded = point.load()
        except Exception as error:
            raise InvalidRequest(
                setting, f"{name!r} cannot be loaded: {type(error).__name__}: {error}"
            ) from error
        version = point.dist.version if point.dist is not None else ""
        sources.append((setting, name, loaded if isinstance(loaded, (tuple, list)) else (loaded,), version))
    return sources


def _of_folder(settings: Settings) -> list[_Source]:
    setting = "JUDGE_TOOLS_FOLDER"
    if settings.tools_folder is None:
        return []
    sources: list[_Source] = []
    for path in sorted(settings.tools_folder.glob("[!_]*.py")):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
        listed = getattr(_module(path, setting), "TOOLS", None)
        if not isinstance(listed, (tuple, list)):
            raise InvalidRequest(setting, f"{path.name} has no tuple TOOLS of its tools")
        sources.append((setting, path.name, listed, digest))
    return sources


def _module(path: Path, setting: str) -> Any:
    spec = importlib.util.spec_from_file_location(f"judge_extra_tools_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise InvalidRequest(setting, f"{path.name} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise InvalidRequest(
            setting, f"{path.name} cannot be loaded: {type(error).__name__}: {error}"
        ) from error
    return module


def _made(one: Any, given: Mapping[str, Any], setting: str, place: str) -> Any:
    """A tool out of a function's, a class, or as it is; a class is given those parts that it names."""
    if isinstance(one, FunctionTool):
        return one.given(given.get("sandbox"))
    if not inspect.isclass(one):
        return one
    try:
        wanted = inspect.signature(one).parameters
        return one(**{name: part for name, part in given.items() if name in wanted})
    except Exception as error:
        raise InvalidRequest(
            setting, f"{place}: {one.__name__} cannot be made: {type(error).__name__}: {error}"
        ) from error


def _check(tool: Any, taken: Collection[str], setting: str, place: str) -> None:
    missing = [member for member in _MEMBERS if not hasattr(tool, member)]
    if missing:
        raise InvalidRequest(
            setting, f"{place}: {type(tool).__name__} is no tool, it lacks {', '.join(missing)}"
        )
    if not isinstance(tool.name, str) or not _NAME.fullmatch(tool.name):
        raise InvalidRequest(setting, f"{place}: {tool.name!r} is no tool's name")
    if tool.name in taken:
        raise InvalidRequest(setting, f"{place}: there is a tool {tool.name!r} already")


def _mark(tool: Any, digest: str) -> None:
    """Make what the tool was read from part of its version: results of other code are other results."""
    if digest:
        tool.version = f"{tool.version}/{digest}"
