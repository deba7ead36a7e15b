"""The host's side of reading files: PDFs each in a box of their own, the rest together, what comes back as data.

A file that ends its box (time, memory, a parser that dies) is refused by name; the files after it are read in another.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import resources
from itertools import islice
from typing import Any

from judge_agent.errors import ToolError
from judge_agent.seams.progress import progress
from judge_agent.seams.sandbox import BoxResult, Limits, Program, Sandbox
from tools.documents.library import Document, Library, document_of, passages_of
from tools.documents.limits import CorpusLimits
from tools.documents.sources import SourceFile

MAX_BESIDE_CHARS = 4000
MAX_BOXES = 64  # a file that ends its box costs one; whoever sends more of them has none read after that
MAX_REFUSALS_TOLD = 200
INSTALL = "pip install 'judge-agent[tools]' -c constraints.txt"
_MODULES = ("reader", "markup", "pdf", "refusing")


@dataclass
class _Reading:
    """What has been read so far."""

    limits: CorpusLimits
    documents: list[Document] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)
    chars: int = 0
    ids: set[str] = field(default_factory=set)

    @property
    def room(self) -> int:
        return self.limits.max_text_chars - self.chars

    def refuse(self, file: SourceFile, why: str) -> None:
        if len(self.refused) < MAX_REFUSALS_TOLD:
            self.refused[file.id] = why

    def take(self, file: SourceFile, line: Mapping[str, Any]) -> None:
        """Take a document over that a box read; whatever the box says, the limits hold. Raises ValueError."""
        if "skipped" in line:
            self.skipped[file.corpus] = int(line["skipped"])
            return
        pages = [str(page) for page in line["pages"]]
        self.chars += sum(map(len, pages))
        if self.chars > self.limits.max_text_chars or len(self.documents) >= self.limits.max_documents:
            raise ValueError("more text or documents than max_text_chars and max_documents let through")
        id_ = str(line["id"]) if file.format == "jsonl" else file.id
        if id_ in self.ids:
            id_ = f"{id_}~{len(self.ids)}"
        self.ids.add(id_)
        title, url = str(line.get("title") or "")[:500], str(line.get("url") or "")[:2000]
        paged = line.get("paged") is True and len(pages) <= self.limits.max_pages
        made = document_of(id_, file.corpus, title, url, pages, paged, self.limits)
        self.documents.append(replace(made, beside=str(line.get("beside") or "")[:MAX_BESIDE_CHARS]))


async def read_library(
    sandbox: Sandbox, files: Sequence[SourceFile], limits: CorpusLimits, *, seed: int = 0
) -> Library:
    """Read all files. Raises ToolError where packages are missing in the box, SandboxError."""
    reading = _Reading(limits)
    boxes = 0
    done = 0
    for group in _groups(files):
        left = list(group)
        while left:
            boxes += 1
            if boxes > MAX_BOXES:
                for file in left:
                    reading.refuse(file, f"is not read: {MAX_BOXES} boxes were used up by other files")
                break
            left = await _read_some(sandbox, left, reading, seed)
            progress(done + len(group) - len(left), len(files), "files")
        done += len(group)
    return await asyncio.to_thread(_library, reading)


def _library(reading: _Reading) -> Library:
    limits = reading.limits
    documents = tuple(reading.documents)
    passages = tuple(islice(passages_of(documents, limits), limits.max_passages + 1))
    if len(passages) > limits.max_passages:
        raise ToolError(f"the corpora come to more than max_passages={limits.max_passages} passages")
    return Library(documents, passages, reading.refused, reading.skipped)


def _groups(files: Sequence[SourceFile]) -> Iterator[list[SourceFile]]:
    """PDFs by themselves: a parser in C that is taken over must not speak for other files."""
    yield [file for file in files if file.format != "pdf"]
    for file in files:
        if file.format == "pdf":
            yield [file]


async def _read_some(
    sandbox: Sandbox, files: list[SourceFile], reading: _Reading, seed: int
) -> list[SourceFile]:
    """Read files in one box; return those that it did not come to."""
    program = await asyncio.to_thread(_program, files, reading, seed)
    result = await sandbox.run(program, limits=_box_limits(files, reading))
    return await asyncio.to_thread(_taken, result, files, reading)


def _taken(result: BoxResult, files: list[SourceFile], reading: _Reading) -> list[SourceFile]:
    """Take over what a box has read; return the files that it did not come to."""
    begun, done = -1, False
    for line in _lines(result.stdout):
        try:
            done = done or line.get("done") is True
            if line.get("begun") is True:
                begun = _index(line, begun, len(files))
            elif line.get("refused") == "missing":
                raise ToolError(f"documents need {line.get('why')} in the box: {INSTALL}")
            elif "refused" in line:
                reading.refuse(files[begun], str(line.get("why"))[:300])
            elif not done and begun >= 0:
                reading.take(files[begun], line)
        except (ValueError, KeyError, TypeError) as error:
            reading.refuse(files[max(begun, 0)], f"its box broke the protocol: {error}"[:300])
            return files[max(begun, 0) + 1 :]
    if done:
        return []
    if result.limit == "wall_seconds":  # says something of the machine, nothing of the file
        raise ToolError(f"reading {files[max(begun, 0)].id} got too little of the machine to end in time")
    reading.refuse(files[max(begun, 0)], _how_it_ended(result, reading.limits))
    return files[max(begun, 0) + 1 :]


def _index(line: Mapping[str, Any], before: int, count: int) -> int:
    index = line.get("file")
    if not isinstance(index, int) or index != before + 1 or index >= count:
        raise ValueError(f"file {index!r} after {before}")
    return index


def _program(files: Sequence[SourceFile], reading: _Reading, seed: int) -> Program:
    limits = reading.limits
    told = [
        {"id": one.id, "format": one.format, "size": len(one.content), "title": one.title, "url": one.url}
        for one in files
    ]
    head = {
        "limits": {
            "max_pages": limits.max_pages,
            "max_documents": limits.max_documents,
            "max_text_chars": reading.room,
            "max_ratio": limits.max_ratio,
            "ratio_from_chars": limits.ratio_from_chars,
        },
        "files": told,
    }
    stdin = b"".join((json.dumps(head).encode(), b"\n", *(one.content for one in files)))
    return Program("from tools.documents.in_box.reader import main\nmain()", _modules(), stdin, seed)


def _box_limits(files: Sequence[SourceFile], reading: _Reading) -> Limits:
    """Time for the largest file, and a millisecond for each of the others."""
    seconds = reading.limits.seconds_per_file + len(files) / 1000
    size = sum(len(one.content) for one in files)
    return Limits(
        wall_seconds=seconds * 4 + 30,  # a busy machine must not end what its CPU time lets through
        cpu_seconds=max(1, round(seconds)),
        memory_bytes=reading.limits.memory_bytes,
        # JSON writes a character in up to twelve bytes; most take one.
        output_bytes=reading.room * 6 + 2_000_000,
        program_bytes=size + 8_000_000,
    )


def _how_it_ended(result: BoxResult, limits: CorpusLimits) -> str:
    if result.limit == "cpu_seconds":
        return f"took longer to read than seconds_per_file={limits.seconds_per_file:g}"
    if result.limit == "memory_bytes" or b"MemoryError" in result.stderr:
        return f"needs more memory to read than memory_bytes={limits.memory_bytes}"
    if result.limit is not None:
        return f"hit the limit {result.limit} of its box"
    return f"ended its parser ({'signal ' + str(result.signal) if result.signal else result.exit_code})"


def _lines(stdout: bytes) -> Iterator[dict[str, Any]]:
    for raw in stdout.split(b"\n"):
        if not raw:
            continue
        try:
            line = json.loads(raw)
        except (ValueError, RecursionError):
            continue  # the last one of a box that was killed
        if isinstance(line, dict):
            yield line


@cache
def _modules() -> dict[str, str]:
    folder = resources.files("tools.documents.in_box")
    return {
        f"tools.documents.in_box.{name}": folder.joinpath(f"{name}.py").read_text(encoding="utf-8")
        for name in _MODULES
    }
