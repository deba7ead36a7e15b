"""The files of a candidate as a program of the judge's finds them: its artifacts, and its code as `solution.py`.

Names are the candidate's, so they are made harmless: relative, short, of plain characters. What cannot lie beside the
others is left out and said. Nothing of the reference is among them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from judge_agent.seams.tool import ToolView
from judge_agent.trajectory import code_under_test

SOLUTION = "solution.py"
MAX_FILES = 64
MAX_BYTES = 4 * 2**20
MAX_PART_CHARS = 80
MAX_PART_BYTES = 200
MAX_DEPTH = 6
_ODD = re.compile(r"[^\w.+@ -]")
_LOOKS_AROUND = re.compile(r"\b(?:listdir|scandir|walk|fwalk|iterdir|r?glob)\b")


class CandidateFiles(NamedTuple):
    """`left_out` says of each file that is not there why."""

    files: Mapping[str, bytes]
    left_out: Mapping[str, str]


def candidate_files(view: ToolView) -> CandidateFiles:
    """The files of the view's candidate, in their order; at most 64 and 4 MiB together."""
    files: dict[str, bytes] = {}
    left_out: dict[str, str] = {}
    free = MAX_BYTES
    for given, text in _texts(view):
        name, content = plain_name(given), text.encode("utf-8", "surrogatepass")
        if files.get(name) == content:
            continue
        problem = _problem(name, files)
        if problem is None and len(content) > free:
            problem = f"the candidate's files are larger than {MAX_BYTES} bytes together"
        if problem is not None:
            left_out[given[:MAX_PART_CHARS]] = problem
            continue
        files[name] = content
        free -= len(content)
    return CandidateFiles(files, left_out)


def named_in(code: str, names: Iterable[str]) -> bool:
    """Whether a program names one of the files or modules, or looks around in its folder.

    A program that does neither works without the candidate's files, and nothing that it prints can be theirs.
    """
    if _LOOKS_AROUND.search(code):
        return True
    parts = {part for name in names for part in name.split("/")}
    return any(part in code or re.search(rf"\b{re.escape(_stem(part))}\b", code) for part in parts)


def plain_name(given: str) -> str:
    """A relative name without `..`, hidden parts and odd characters; empty where nothing is left."""
    parts = [_plain_part(part) for part in re.split(r"[/\\]+", given)]
    return "/".join([part for part in parts if part][-MAX_DEPTH:])


def _plain_part(part: str) -> str:
    """At most MAX_PART_CHARS, and MAX_PART_BYTES: file systems count bytes."""
    plain = _ODD.sub("_", part).strip(" .")[:MAX_PART_CHARS]
    return plain.encode()[:MAX_PART_BYTES].decode(errors="ignore").strip(" .")


def _texts(view: ToolView) -> Iterator[tuple[str, str]]:
    tests = view.task.reference.tests
    code = code_under_test(view.trajectory, tests.entry_point if tests is not None else None)
    if code is not None:
        yield SOLUTION, code.source
    for artifact in view.trajectory.artifacts:
        if artifact.kind != "image":
            yield artifact.name, artifact.content


def _problem(name: str, files: Mapping[str, bytes]) -> str | None:
    if not name:
        return "its name is none"
    if len(files) >= MAX_FILES:
        return f"there are more than {MAX_FILES} files"
    if name in files:
        return f"another file is {name!r} already"
    if any(one.startswith(f"{name}/") or name.startswith(f"{one}/") for one in files):
        return f"{name!r} would be a file and a folder"
    return None


def _stem(part: str) -> str:
    return part.rpartition(".")[0] or part
