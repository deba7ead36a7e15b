"""Each ceiling of the tools for pictures is hit, and what is left out is said."""

import dataclasses

import pytest
from PIL import Image, ImageDraw

from judge_agent.errors import BudgetExceeded, ToolError
from tools.compare_images import CompareImages, CompareLimits
from tools.crop_image import CropImage, CropLimits
from tools.images.ocr import languages
from tools.measure_image import MeasureImage, MeasureLimits
from tools.read_image import ReadImage, ReadLimits
from tools.render_compare import RenderCompare, RenderLimits

pytestmark = pytest.mark.anyio
needs_tesseract = pytest.mark.skipif(
    "eng" not in languages(), reason="apt-get install tesseract-ocr tesseract-ocr-eng"
)
TOOLS = (CropImage, ReadImage, CompareImages, MeasureImage, RenderCompare)


def page(*lines):
    image = Image.new("RGB", (400, 40 + 40 * len(lines)), "white")
    for row, line in enumerate(lines):
        ImageDraw.Draw(image).text((20, 20 + 40 * row), line, fill="black", font_size=28)
    return image


def dots(count):
    image = Image.new("RGB", (600, 60), "white")
    for index in range(count):
        image.paste("black", (10 + 40 * index, 20, 14 + 40 * index, 24))
    return image


async def closed(tool):
    if isinstance(tool, CropImage):
        await tool.aclose()


@pytest.fixture
def ran(sandbox, view):
    async def run(tool, limits, images, seconds=120, **arguments):
        made = tool(sandbox, limits=limits)
        try:
            return await made.run(arguments, view(images), timeout_seconds=seconds)
        finally:
            await closed(made)

    return run


async def test_more_pictures_than_are_listed_are_counted(ran):
    images = {f"p{index}": Image.new("L", (2, 3)) for index in range(5)}
    told = await ran(MeasureImage, MeasureLimits(listed=3), images)
    assert (len(told.output["images"]), told.output["more"], told.truncated) == (3, 2, True)
    assert told.output["images"][0] == {"image": "p0", "size": [2, 3]}


async def test_more_regions_than_are_told_are_counted(ran):
    told = await ran(
        CompareImages, CompareLimits(regions=3), {"a": dots(0), "b": dots(9)}, first="a", second="b"
    )
    assert (len(told.output["regions"]), told.output["region_count"], told.truncated) == (3, 9, True)


async def test_pictures_with_more_pixels_than_are_compared_are_refused(ran):
    told = await ran(
        CompareImages, CompareLimits(pixels=100), {"a": dots(0), "b": dots(9)}, first="a", second="b"
    )
    assert (told.status, "the limit of what is compared is 100" in told.output["refused"]) == (
        "refused",
        True,
    )


async def test_a_map_is_shrunk_to_its_side_and_left_out_past_its_bytes(ran):
    pair = {"a": dots(0), "b": dots(9)}
    small = await ran(CompareImages, CompareLimits(map_side=100), pair, first="a", second="b")
    assert (small.images[0].width, small.images[0].height) == (100, 10)
    none = await ran(CompareImages, CompareLimits(map_bytes=10), pair, first="a", second="b")
    assert none.images == ()


async def test_pictures_of_two_sizes_are_compared_and_told_apart(ran):
    pair = {"a": dots(3), "b": dots(3).resize((300, 30))}
    told = (await ran(CompareImages, None, pair, first="a", second="b", tolerance=3.0)).output
    assert (told["same_size"], told["identical"], told["second_size"]) == (False, False, [300, 30])


@needs_tesseract
async def test_what_is_read_is_bounded_in_pixels_text_and_words(ran):
    images = {"page": page("seven words stand", "on this page now")}
    large = await ran(ReadImage, ReadLimits(pixels=100), images, image="page")
    assert "the limit is 100: give a box" in large.output["refused"]
    cut = await ran(ReadImage, ReadLimits(text_chars=5, words_chars=100), images, image="page")
    assert (cut.output["text"], cut.output["more_words"] > 0, cut.truncated) == ("seven", True, True)
    whole = await ran(ReadImage, None, images, image="page", layout="block")
    assert (whole.output["engine"], whole.output["text"].split()[:2]) == ("tesseract", ["seven", "words"])


@needs_tesseract
async def test_the_text_of_a_crop_is_cut_at_its_limit(ran):
    images = {"page": page("seven words stand")}
    told = await ran(CropImage, CropLimits(text_chars=5), images, image="page", box=[0, 0, 1000, 1000])
    assert told.output["text"] == "seven"


async def test_a_language_without_a_model_names_its_package(ran):
    with pytest.raises(ToolError, match="apt-get install tesseract-ocr tesseract-ocr-xyz"):
        await ran(ReadImage, None, {"page": page("x")}, image="page", language="xyz")
    with pytest.raises(ValueError, match="language: String should match pattern"):
        await ran(ReadImage, None, {"page": page("x")}, image="page", language="../eng")


async def test_the_other_reader_knows_two_languages(sandbox, view):
    tool = ReadImage(sandbox, engine="rapidocr")
    with pytest.raises(ValueError, match="language='deu' is none that rapidocr reads here: eng, chi_sim"):
        await tool.run({"image": "p", "language": "deu"}, view({"p": page("x")}), timeout_seconds=60)
    assert tool.version != ReadImage(sandbox).version


async def test_a_drawing_past_what_is_shown_is_compared_and_not_shown(ran, sandbox, view):
    pytest.importorskip("resvg_py", reason="resvg is not installed: pip install resvg-py")
    svg = '<svg xmlns="http://www.w3.org/2000/svg" width="64" height="48"><rect width="20" height="8"/></svg>'
    tool = RenderCompare(sandbox, limits=RenderLimits(shown_bytes=10))
    told = await tool.run({"image": ""}, view(trajectory={"final_answer": svg}), timeout_seconds=60)
    assert (told.status, told.images) == ("ok", ())


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_ceilings_are_one_frozen_dataclass_and_part_of_the_version(tool):
    limits = tool(None).limits
    assert dataclasses.is_dataclass(limits)
    assert type(limits).__doc__
    tighter = dataclasses.replace(
        limits, **{"listed": 1} if tool is MeasureImage else {_first_number(limits): 1}
    )
    assert tool(None, limits=tighter).version != tool(None).version


def _first_number(limits):
    return next(name for name, value in vars(limits).items() if isinstance(value, int))


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
async def test_without_a_box_no_tool_says_anything(tool, view):
    svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"></svg>'
    given = view({"a": Image.new("L", (3, 3))}, trajectory={"final_answer": svg})
    call = {"first": "a", "second": "a"} if tool is CompareImages else {"image": "a"}
    call |= {"box": [0, 0, 1000, 1000]} if tool is CropImage else {}
    with pytest.raises(ToolError, match=f"{tool.name} needs a box"):
        await tool(None).run(call, given, timeout_seconds=60)


async def test_a_call_past_its_time_is_the_budgets_end(ran):
    with pytest.raises(BudgetExceeded, match=r"'measure_image' exceeded timeout_seconds=0\.001"):
        await ran(MeasureImage, None, {"a": page("x")}, seconds=0.001, image="a")
