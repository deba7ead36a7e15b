"""Sixty pictures made for the purpose: text is read, bars are cut and measured, planted differences are found."""

import numpy
import pytest

pytest.importorskip("PIL", reason="Pillow is not installed: pip install pillow")
pytest.importorskip("matplotlib", reason="matplotlib is not installed: pip install matplotlib")
from evals.drawn_pictures import character_error_rate, chart_pictures, pairs_of_pictures, text_pictures
from tools.compare_images import CompareImages
from tools.crop_image import CropImage
from tools.images.ocr import languages
from tools.measure_image import MeasureImage
from tools.read_image import ReadImage

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
MOST_ERRORS = 0.01


async def test_text_is_read_with_hardly_an_error(sandbox, view):
    if "eng" not in languages():
        pytest.skip("tesseract is not installed: apt-get install tesseract-ocr")
    tool, errors = ReadImage(sandbox), []
    for page in text_pictures():
        result = await tool.run({"image": "page"}, view({"page": page.image}), timeout_seconds=120)
        assert result.status == "ok", page.name
        errors.append(character_error_rate(result.output["text"], page.text))
    print("character error rates", [round(error, 4) for error in errors])
    assert sum(errors) / len(errors) <= MOST_ERRORS


async def test_bars_of_charts_are_cut_to_the_pixel_and_have_their_colour(sandbox, view, pixels_of):
    crop, measure = CropImage(sandbox), MeasureImage(sandbox)
    for chart in chart_pictures():
        given = view({"chart": chart.image}, sees_images=True)
        width, height = chart.image.size
        for bar, colour in zip(chart.bars[:2], chart.colours, strict=False):
            box = [1000 * edge / side for edge, side in zip(bar, (width, height) * 2, strict=True)]
            cut = await crop.run({"image": "chart", "box": box}, given, timeout_seconds=120)
            left, top, right, bottom = cut.output["pixel_box"]
            assert numpy.array_equal(
                numpy.asarray(pixels_of(cut.images[0])), numpy.asarray(chart.image)[top:bottom, left:right]
            )
            assert max(abs(a - b) for a, b in zip((left, top, right, bottom), bar, strict=True)) <= 1
            inner = [box[0] + 4, box[1] + 4, box[2] - 4, box[3] - 4]
            told = await measure.run({"image": "chart", "box": inner}, given, timeout_seconds=120)
            assert told.output["mean_colour"] == colour


async def test_every_planted_difference_is_found_and_no_other(sandbox, view):
    tool = CompareImages(sandbox)
    for pair in pairs_of_pictures():
        result = await tool.run(
            {"first": "a", "second": "b", "tolerance": 0},
            view({"a": pair.first, "b": pair.second}),
            timeout_seconds=120,
        )
        found = {tuple(region["pixel_box"]) for region in result.output["regions"]}
        assert found == set(pair.boxes), pair.name
        assert result.output["identical"] is (not pair.boxes)
