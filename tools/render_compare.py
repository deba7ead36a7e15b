"""Draws what the candidate's code draws (HTML, SVG, matplotlib), and compares it with the picture that was asked for.

The code runs in a box in which the target does not lie; another box compares. Decided is: a drawing that equals the
target pixel by pixel; where the caller says `min_similarity`, whether the drawing reaches it; a blank drawing of a
target that is not; code that cannot run as Python; an answer without anything that draws. All else informs: fonts and
versions draw differently, and whether a difference matters is for the model to say. A page decides against the
candidate only where two fresh windows show the same, and it lacked nothing that no box has.

The similarity is SSIM over the windows in which either picture shows something, the least of brightness, red and blue:
over all windows an empty page would be nearly equal to a line chart, and by brightness alone red is nearly dark green.
The target is a reference: no picture of it is shown to the model.

Draws without the files and packages that the candidate may have had. Code may bring a picture along instead of drawing
it; the flag `embedded_pictures` says how many.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import Field

from judge_agent.errors import ToolError
from judge_agent.schema import Drawing, PrincipleSpec
from judge_agent.seams.browser import Browser
from judge_agent.seams.resources import ResourceFiles
from judge_agent.seams.sandbox import Sandbox
from judge_agent.seams.tool import (
    DecidingTool,
    Finding,
    OpeningCall,
    ResultImage,
    ToolResult,
    ToolView,
    in_time,
)
from tools.compare_images import DEFAULT_TOLERANCE, CompareLimits, compared
from tools.images.arguments import MAX_NAME_CHARS
from tools.images.box import BoxLimits, Done, Picture, PictureBox, PictureRefused, digest_of, picture_of
from tools.images.catalogue import Catalogue, resource_bytes
from tools.images.drawings import DrawingCode, NoDrawing, drawing_code, recognised_drawing
from tools.images.drawn import Drawn, Failure
from tools.images.page_drawing import drawn_page
from tools.images.rendering import rendered
from tools.images.telling import refusal, shown_picture

NEARLY_EQUAL = 0.98


@dataclass(frozen=True)
class RenderLimits:
    """`drawing` holds for the candidate's code, `compare` for both pictures; `shown_bytes` bounds each picture that is
    shown, `page_side` (pixels) the window of a page.
    """

    drawing: BoxLimits = field(
        default_factory=lambda: BoxLimits(seconds=20.0, pixels=10_000_000, bytes=8_000_000)
    )
    compare: CompareLimits = field(default_factory=CompareLimits)
    shown_bytes: int = 1_400_000
    page_side: int = 8192


class RenderCompare(DecidingTool):
    """The tool `render_compare`. `files` is where blobs and files under the root are read."""

    name = "render_compare"
    decides = PrincipleSpec(
        name="drawing",
        description="The candidate's code draws the picture that was asked for.",
        kind="hard",
        dimension="correctness",
        tool=name,
    )

    def __init__(
        self,
        sandbox: Sandbox | None,
        files: ResourceFiles | None = None,
        browser: Browser | None = None,
        *,
        limits: RenderLimits | None = None,
    ) -> None:
        self.limits = limits or RenderLimits()
        self._draws = PictureBox(self.name, sandbox, self.limits.drawing)
        self._compares = PictureBox(self.name, sandbox, self.limits.compare.box)
        self._files, self._browser = files, browser
        shows = f"{browser.name}-{browser.version}" if browser is not None else "no browser"
        self.version = f"5/{self._draws.version}/{digest_of(self.limits)}/{shows}"

    def opening_calls(self, view: ToolView) -> Sequence[OpeningCall]:
        """One call where a drawing is asked for."""
        return (OpeningCall(),) if view.task.reference.drawing is not None else ()

    def offered(self, view: ToolView) -> bool:
        """Where the candidate wrote something that draws, and there is what draws it."""
        code = recognised_drawing(view, None)
        return code is not None and (code.kind != "html" or self._browser is not None)

    async def run(
        self, arguments: Mapping[str, Any], view: ToolView, *, timeout_seconds: float
    ) -> ToolResult:
        """Draw and compare. Raises ValueError (of the arguments), ToolError, SandboxError, BudgetExceeded."""
        drawing = view.task.reference.drawing
        if arguments or drawing is None:
            return await super().run(arguments, view, timeout_seconds=timeout_seconds)
        async with in_time(self.name, timeout_seconds):
            return await self._judged(drawing, view)

    async def _judged(self, drawing: Drawing, view: ToolView) -> ToolResult:
        """The opening call: the candidate's drawing beside the target of the reference."""
        target = await self._target(drawing, view)
        code = drawing_code(view, drawing.kind)
        if isinstance(code, NoDrawing):
            return _nothing_drawn("the answer holds no code that draws", own=not code.in_doubt)
        drawn = await self._drawn(code, target, view)
        if isinstance(drawn, Failure):
            return _nothing_drawn(drawn.reason, own=drawn.own)
        try:
            done = await self._beside(drawn.picture, target, view)
        except PictureRefused as why:
            return _nothing_drawn(str(why), own=False)
        finding = _verdict(done.told, drawing.min_similarity)
        if code.kind == "html" and (finding.bearing, finding.strength) == ("refutes", "decisive"):
            finding = await self._looked_again(finding, code, drawn, target, view)
        return self._result(code, drawn, done, finding, {"target": drawing.image})

    async def _looked_again(
        self, finding: Finding, code: DrawingCode, drawn: Drawn, target: Picture, view: ToolView
    ) -> Finding:
        """A page decides against the candidate only where it lacked nothing and shows the same in a fresh window."""
        lacking = (*drawn.lacking, *code.left_out)
        if lacking:
            return _in_doubt(finding, f"the page lacks {lacking[0]}")
        again = await self._drawn(code, target, view)
        if isinstance(again, Failure) or again.picture.content != drawn.picture.content:
            return _in_doubt(finding, "another window shows another picture")
        return finding

    async def asked(
        self,
        view: ToolView,
        *,
        image: Annotated[str, Field(max_length=MAX_NAME_CHARS)],
        kind: Literal["auto", "html", "svg", "matplotlib"] = "auto",
        timeout_seconds: float,
    ) -> ToolResult:
        """Draws what the candidate's code draws (an HTML page, SVG, or Python with matplotlib) in an isolated box,
        shows it, and compares it with an image: similarity, and the regions that differ.

        image: Name of the image to compare with; empty: only show what the code draws.
        kind: Which code of the candidate draws; auto: told from it.

        Raises ToolError, SandboxError, StoreError.
        """
        code = drawing_code(view, None if kind == "auto" else kind)
        if isinstance(code, NoDrawing):
            raise ValueError(f"kind={kind!r}: the candidate wrote no such code")
        try:
            target = None
            if image:
                catalogue = await Catalogue.of(view, self._files)
                target = await catalogue.picture("image", image, self.limits.compare.box)
            drawn = await self._drawn(code, target, view)
            if isinstance(drawn, Failure):
                reason = Finding("none", "hint", None, drawn.reason)
                return ToolResult("failed", {"kind": code.kind, "reason": drawn.reason}, (reason,))
            done = await self._beside(drawn.picture, target or drawn.picture, view)
        except PictureRefused as why:
            return refusal(why)
        finding = Finding("none", "hint", None, "what the candidate's code draws")
        return self._result(code, drawn, done, finding, {"image": image})

    async def _target(self, drawing: Drawing, view: ToolView) -> Picture:
        """The picture that was asked for; one that cannot be read is no fault of the candidate's. Raises ToolError."""
        image = next((one for one in view.resources.images if one.name == drawing.image), None)
        if image is None:
            raise ToolError(
                f"task.reference.drawing names {drawing.image!r}, which is none of resources.images"
            )
        content = await resource_bytes(image, self._files, view.tenant)
        limits = self.limits.compare
        try:
            picture = picture_of(content, image.name, limits.box)
            if picture.width * picture.height > limits.pixels:
                raise PictureRefused(
                    f"image {image.name!r} has {picture.width * picture.height} pixels; the limit of what is compared "
                    f"is {limits.pixels}"
                )
            measured = {"task": "measure", "image": picture.job("image"), "box": None}
            await self._compares.do(measured, {"image": content}, seed=view.seed)
        except PictureRefused as why:
            raise ToolError(f"the target of the drawing cannot be compared: {why}") from why
        return picture

    async def _drawn(self, code: DrawingCode, target: Picture | None, view: ToolView) -> Drawn | Failure:
        limits = self.limits.drawing
        if code.site is not None:
            size = None if target is None else (target.width, target.height)
            return await drawn_page(
                self._browser, code.site, size, limits, page_side=self.limits.page_side, seed=view.seed
            )
        width = None if target is None else target.width
        return await rendered(self._draws, code, (width, None), limits, seed=view.seed)

    async def _beside(self, drawn: Picture, target: Picture, view: ToolView) -> Done:
        return await compared(
            self._compares,
            target,
            drawn,
            self.limits.compare,
            tolerance=DEFAULT_TOLERANCE,
            map_of="second",
            seed=view.seed,
        )

    def _result(
        self, code: DrawingCode, drawn: Drawn, done: Done, finding: Finding, named: Mapping[str, Any]
    ) -> ToolResult:
        findings = [finding]
        if code.step_id is not None and finding.bearing != "none":
            findings.append(Finding(**{**vars(finding), "step_id": code.step_id}))
        told = done.told if named.get("image", "target") else {"size": done.told["size"]}
        output = {"kind": code.kind, "sha256": code.sha256, **named, **told}
        if drawn.lacking:
            output["lacking"] = list(drawn.lacking)
        return ToolResult(
            "ok",
            output,
            tuple(findings),
            checked={"drawings": 1},
            flags={"embedded_pictures": code.embedded_pictures} if code.embedded_pictures else {},
            images=self._shown(drawn.picture, done),
        )

    def _shown(self, drawn: Picture, done: Done) -> tuple[ResultImage, ...]:
        """The drawing, and where it differs: both of the candidate's own picture, never of the target."""
        limit = self.limits.shown_bytes
        drawing = shown_picture(drawn.content, "what the code draws", max_bytes=limit)
        differs = None
        if not done.told.get("identical"):
            differs = shown_picture(done.files.get("map.png"), "where it differs, in red", max_bytes=limit)
        return tuple(one for one in (drawing, differs) if one is not None)


def _nothing_drawn(reason: str, *, own: bool) -> ToolResult:
    finding = (
        Finding("refutes", "decisive", 0.0, reason) if own else Finding("refutes", "strong", None, reason)
    )
    return ToolResult("failed", {"reason": reason}, (finding,), checked={"drawings": 1})


def _in_doubt(finding: Finding, why: str) -> Finding:
    return Finding("refutes", "strong", None, f"{finding.reason}; but {why}"[:300])


def _verdict(told: Mapping[str, Any], wanted: float | None) -> Finding:
    """What the comparison says: equality and the caller's own threshold decide, nearly equal is strong."""
    similarity = float(told["content_ssim"])
    if told["identical"] is True:
        return Finding("confirms", "decisive", 1.0, "the drawing equals the target pixel by pixel")
    if told["second_blank"] is True and told["first_blank"] is not True:
        return Finding("refutes", "decisive", 0.0, "the drawing is blank, and the target is not")
    said = f"the drawing has a similarity of {similarity:.4f} with the target"
    if wanted is not None and similarity >= wanted:
        return Finding("confirms", "decisive", 1.0, f"{said}; at least {wanted:g} was asked for")
    if wanted is not None:
        return Finding("refutes", "decisive", 0.0, f"{said}; at least {wanted:g} was asked for")
    if similarity >= NEARLY_EQUAL and told["same_size"] is True:
        return Finding("confirms", "strong", None, said)
    return Finding("none", "hint", None, said)
