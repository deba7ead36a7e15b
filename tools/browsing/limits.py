"""The ceilings of `browse`."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class BrowseLimits:
    """`step_seconds` is what a step waits for an element or an assertion to come true, `load_seconds` what a page
    has to load and a picture to be made, `check_seconds` what a check may take in all. `steps` is the most of one call
    by a model, `shown_chars` the most text that one step shows, `output_chars` that of all together, as JSON.
    `screenshots` are kept of a check or a call, `images` of them stand in the result, each of at most `image_bytes`.
    `patience` is what the seconds of a check's own assertions are multiplied by.
    """

    step_seconds: float = 4.0
    load_seconds: float = 15.0
    check_seconds: float = 30.0
    steps: int = 20
    shown_chars: int = 2500
    output_chars: int = 7000
    screenshots: int = 8
    images: int = 3
    image_bytes: int = 1_500_000
    patience: float = 1.0

    def with_patience(self, factor: float) -> BrowseLimits:
        """The same with that many times the time."""
        return replace(
            self,
            step_seconds=self.step_seconds * factor,
            load_seconds=self.load_seconds * factor,
            check_seconds=self.check_seconds * factor,
            patience=self.patience * factor,
        )
