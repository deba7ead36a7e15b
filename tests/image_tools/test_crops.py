"""Crops are exact to the pixel, shown to a model that takes pictures, and described to one that does not."""

import numpy
import pytest
from PIL import Image

from tools.crop_image import CropLimits

pytestmark = pytest.mark.anyio
NOISE = Image.fromarray(numpy.random.default_rng(7).integers(0, 256, (317, 211, 3), dtype=numpy.uint8))
BOXES = [
    ([0, 0, 1000, 1000], [0, 0, 211, 317]),
    ([0, 0, 1, 1], [0, 0, 1, 1]),
    ([999, 999, 1000, 1000], [210, 316, 211, 317]),
    ([333.3, 250, 333.4, 500.5], [70, 79, 71, 159]),
    ([100.1, 0, 500, 1000], [21, 0, 106, 317]),
    ([12, 34, 567, 890], [2, 10, 120, 283]),
]


@pytest.mark.parametrize(("box", "pixels"), BOXES, ids=str)
async def test_a_crop_holds_exactly_the_pixels_that_its_box_touches(cropping, view, pixels_of, box, pixels):
    call = {"image": "noise", "box": box, "describe": "no"}
    result = await cropping().run(call, view({"noise": NOISE}), timeout_seconds=30)
    assert result.status == "ok"
    assert result.output["pixel_box"] == pixels
    left, top, right, bottom = pixels
    wanted = numpy.asarray(NOISE)[top:bottom, left:right]
    assert numpy.array_equal(numpy.asarray(pixels_of(result.images[0])), wanted)


BAD = [
    ({"box": [0, 0, 1001, 10]}, "box.2: Input should be less than or equal to 1000, not 1001"),
    ({"box": [-1, 0, 10, 10]}, "box.0: Input should be greater than or equal to 0, not -1"),
    ({"box": [10, 0, 10, 10]}, "is empty: left < right and top < bottom must hold, not [10"),
    ({"box": [0, 0, float("nan"), 10]}, "numbers must be finite"),
    ({"box": [0, 0, 1e999, 10]}, "numbers must be finite"),
    ({"box": [0, 0, True, 10]}, "box.2: Input should be a valid number, not True"),
    ({"box": [0, 0, 10]}, "box: List should have at least 4 items"),
    ({"box": "0 0 10 10"}, "box: Input should be a valid"),
    ({}, "box: Field required"),
    ({"box": [0, 0, 9, 9], "scale": 9}, "scale: Input should be less than or equal to 8, not 9"),
    ({"box": [0, 0, 9, 9], "scale": 1.5}, "scale: Input should be a valid integer"),
    (
        {"box": [0, 0, 9, 9], "describe": "maybe"},
        "describe: Input should be 'auto', 'yes' or 'no', not 'maybe'",
    ),
    ({"box": [0, 0, 9, 9], "image": "nose"}, "image='nose' is no image of this request; there are: noise"),
    ({"box": [0, 0, 9, 9], "image": "n" * 129}, "image: String should have at most 128 characters"),
    ({"box": [0, 0, 9, 9], "zoom": 2}, "unknown argument 'zoom'"),
]


@pytest.mark.parametrize(("call", "words"), BAD, ids=[words for _, words in BAD])
async def test_bad_arguments_are_named_with_value_and_limit(cropping, view, call, words):
    with pytest.raises(ValueError) as caught:
        await cropping().run({"image": "noise", **call}, view({"noise": NOISE}), timeout_seconds=30)
    assert words in str(caught.value)


async def test_who_cannot_see_is_told_what_the_crop_holds(cropping, view):
    red = Image.new("RGB", (60, 40), "red")
    call = {"image": "red", "box": [0, 0, 500, 500]}
    told = (await cropping().run(call, view({"red": red}), timeout_seconds=60)).output
    assert told["measures"]["mean_colour"] == "#ff0000"
    assert "text" in told
    seen = (await cropping().run(call, view({"red": red}, sees_images=True), timeout_seconds=60)).output
    assert "measures" not in seen


@pytest.mark.parametrize(
    ("limits", "words"),
    [(CropLimits(crop_pixels=100), "the limit is 100"), (CropLimits(crop_bytes=90), "the limit is 90")],
    ids=["pixels", "bytes"],
)
async def test_a_crop_past_a_limit_is_refused_by_name(cropping, view, limits, words):
    call = {"image": "noise", "box": [0, 0, 900, 900], "describe": "no"}
    result = await cropping(limits=limits).run(call, view({"noise": NOISE}), timeout_seconds=30)
    assert result.status == "refused"
    assert words in result.output["refused"]
