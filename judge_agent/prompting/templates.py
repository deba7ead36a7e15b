"""Prompt files: `<node>/<name>.vN.md`, declared variables, one pass over the template.

A file begins with a header between `---` lines that declares its variables; `# system` and `# user` begin
the messages. A value is put in once and never looked at again, so text under judgment cannot be a template.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from judge_agent.errors import PromptError
from judge_agent.hashing import sha256_of
from judge_agent.seams.model import ChatMessage

_VARIABLE = re.compile(r"\{\{([a-z_]+)\}\}")
_DECLARED = re.compile(r"^variables:(.*)$", re.MULTILINE)
_SECTION = re.compile(r"^# (system|user)[ \t]*$", re.MULTILINE)


@dataclass(frozen=True)
class Template:
    name: str
    sha256: str
    variables: frozenset[str]
    sections: tuple[tuple[str, str], ...]

    def render(self, values: Mapping[str, str]) -> tuple[ChatMessage, ...]:
        """Fill in the declared variables. Raises PromptError for a missing or an undeclared one."""
        if missing := self.variables - values.keys():
            raise PromptError(f"prompt {self.name!r} needs the variables {sorted(missing)}")
        if unknown := values.keys() - self.variables:
            raise PromptError(f"prompt {self.name!r} does not declare {sorted(unknown)}")
        return tuple(
            ChatMessage(role, _VARIABLE.sub(lambda match: values[match.group(1)], body).strip())  # type: ignore[arg-type]
            for role, body in self.sections
        )


class PromptLibrary:
    """The prompt files of one folder. Files named in `manifest.json` are held to their hash."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or default_folder()
        self._cache: dict[str, Template] = {}

    def load(self, name: str) -> Template:
        """Load `critique/default.v1`. Raises PromptError when it is missing, wrong, or not the released text."""
        if name not in self._cache:
            self._cache[name] = self._read(name)
        return self._cache[name]

    @cached_property
    def manifest(self) -> Mapping[str, str]:
        path = self.folder / "manifest.json"
        return dict(json.loads(path.read_text("utf-8"))) if path.exists() else {}

    def _read(self, name: str) -> Template:
        path = self.folder / f"{name}.md"
        if not path.is_file():
            raise PromptError(f"prompt {name!r} does not exist in {self.folder}")
        text = path.read_text("utf-8")
        digest = sha256_of(text)
        released = self.manifest.get(f"{name}.md")
        if released is not None and released != digest:
            raise PromptError(
                f"prompt {name!r} differs from its released text (manifest {released[:12]}, file {digest[:12]}); "
                "add a new version instead of editing a released one"
            )
        return parse(name, text, digest)


def parse(name: str, text: str, digest: str) -> Template:
    """Parse a prompt file. Raises PromptError when declared and used variables differ."""
    parts = text.split("---\n", 2) if text.startswith("---\n") else []
    line = _DECLARED.search(parts[1]) if len(parts) == 3 else None
    if line is None:
        raise PromptError(f"prompt {name!r} does not begin with a header that declares its 'variables:'")
    declared, body = frozenset(line.group(1).replace(",", " ").split()), parts[2]
    used = frozenset(_VARIABLE.findall(body))
    if declared != used:
        raise PromptError(f"prompt {name!r} declares {sorted(declared)} and uses {sorted(used)}")
    pieces = _SECTION.split(body)
    sections = tuple(zip(pieces[1::2], (piece.strip() for piece in pieces[2::2]), strict=True))
    if not sections:
        raise PromptError(f"prompt {name!r} has no '# system' or '# user' section")
    return Template(name, digest, declared, sections)


def default_folder() -> Path:
    """The folder of prompts: beside the package in a checkout, inside it in a wheel."""
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "prompts", package.parent / "prompts"):
        if (folder / "recipes").is_dir():
            return folder
    raise PromptError("the prompts folder is missing; reinstall judge-agent")


def file_hashes(folder: Path) -> dict[str, str]:
    """The SHA-256 of every data file, as the manifest holds them."""
    files = sorted(path for pattern in ("*/*.md", "*/*.toml") for path in folder.glob(pattern))
    return {str(path.relative_to(folder)): sha256_of(path.read_text("utf-8")) for path in files}
