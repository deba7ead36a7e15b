"""Keeps `prompts/manifest.json`: the hash of every released prompt, recipe and principle file.

`python -m judge_agent.prompting.manifest` checks it; `--write` adds new files and, since recipes and
principles carry their hash in every record, takes their changes over. A prompt that was released is never
edited: a changed one is refused, and wants a new version.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from judge_agent.prompting.templates import PromptLibrary, default_folder, file_hashes


def main(arguments: Sequence[str] | None = None) -> int:
    """Check or write the manifest; 0 when it holds, 1 when files differ from it (named on stderr)."""
    parser = argparse.ArgumentParser(description="Check the manifest of the prompt files.")
    parser.add_argument(
        "--write", action="store_true", help="add new files, and changed recipes and principles"
    )
    parser.add_argument("--folder", type=Path, default=None, help="the prompts folder")
    options = parser.parse_args(arguments)
    folder = options.folder or default_folder()
    released, found = PromptLibrary(folder).manifest, file_hashes(folder)
    edited = [name for name in released if name.endswith(".md") and found.get(name) != released[name]]
    if edited:
        return _complain("released prompts were edited or removed; add a new version instead", edited)
    if options.write:
        text = json.dumps(found, indent=2, sort_keys=True) + "\n"
        (folder / "manifest.json").write_text(text, "utf-8")
        return 0
    stale = sorted(name for name in {*released, *found} if released.get(name) != found.get(name))
    return _complain("the manifest differs; run with --write", stale) if stale else 0


def _complain(what: str, names: Sequence[str]) -> int:
    sys.stderr.write(f"{what}: {', '.join(names)}\n")
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
