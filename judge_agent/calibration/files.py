"""Keeps calibrations as files, one a version; reads a folder of them, the newest of each recipe and model."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

from pydantic import ValidationError

from judge_agent.calibration.table import Calibration, ModelKey
from judge_agent.errors import StoreError

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9]+")


class Calibrations:
    """The newest calibration of each recipe and model. Fits exactly or not at all."""

    def __init__(self, known: Iterable[Calibration] = ()) -> None:
        self._known: dict[tuple[str, ModelKey | None], Calibration] = {}
        for one in known:
            key = (one.recipe_sha256, one.model)
            if key not in self._known or self._known[key].version < one.version:
                self._known[key] = one

    def of(self, recipe_sha256: str, model: ModelKey | None) -> Calibration | None:
        """That of this very recipe and this very revision of the model."""
        return self._known.get((recipe_sha256, model))

    def of_recipe(self, recipe_sha256: str) -> tuple[Calibration, ...]:
        """Those of this very recipe, by any model."""
        return tuple(one for (sha256, _), one in self._known.items() if sha256 == recipe_sha256)


def load_calibrations(folder: Path | None) -> Calibrations:
    """Read every `*.json` of a folder; None is no calibration. Raises StoreError naming the file that is none."""
    if folder is None:
        return Calibrations()
    return Calibrations(_read(path) for path in sorted(folder.glob("*.json")))


def write_calibration(folder: Path, calibration: Calibration) -> tuple[Path, Calibration]:
    """Keep a calibration as the next version of its recipe and model. Returns its path, and it with its hash.

    Raises StoreError.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        before = load_calibrations(folder).of(calibration.recipe_sha256, calibration.model)
        following = {"version": before.version + 1, "parent": before.sha256} if before else {}
        numbered = calibration.model_copy(update=following)
        whole = numbered.model_copy(update={"sha256": numbered.content_sha256})
        path = folder / _name(whole)
        with path.open("x", encoding="utf-8") as file:
            file.write(json.dumps(whole.model_dump(mode="json"), indent=1) + "\n")
    except OSError as error:
        raise StoreError(f"cannot keep a calibration in {str(folder)!r}: {error}") from error
    return path, whole


def _name(one: Calibration) -> str:
    model = f"{one.model.id}-{one.model.revision}" if one.model else "no-model"
    short = _NOT_IN_NAMES.sub("-", model).strip("-")[:60]
    key = one.model_dump_json(include={"model"})
    return f"{one.recipe}-{one.recipe_sha256[:8]}-{short}-{_crc(key)}.v{one.version}.json"


def _crc(text: str) -> str:
    """Tells apart two models whose names are alike in their first letters."""
    from zlib import crc32

    return f"{crc32(text.encode()):08x}"


def _read(path: Path) -> Calibration:
    try:
        found = Calibration.model_validate_json(path.read_text("utf-8"))
    except (OSError, ValueError, ValidationError) as error:
        raise StoreError(f"calibration file {path.name!r}: {error}") from error
    if found.sha256 != found.content_sha256:
        raise StoreError(
            f"calibration file {path.name!r} was changed: its content has another hash than it says"
        )
    return found
