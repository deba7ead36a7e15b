"""Code that draws is drawn in a box and compared with the picture that was asked for."""

import base64

import pytest

from tools.render_compare import RenderCompare

pytestmark = pytest.mark.anyio
pytest.importorskip("resvg_py", reason="resvg is not installed: pip install resvg-py")
SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="160" height="120"><rect x="20" y="30" width="60" height="40" '
    'fill="{}"/><circle cx="120" cy="60" r="25" fill="navy"/></svg>'
)
EMPTY = '<svg xmlns="http://www.w3.org/2000/svg" width="160" height="120"></svg>'


@pytest.fixture
def drawn(sandbox, view):
    """The opening call's result for an answer, beside a target (base64 of a PNG)."""

    async def judge(answer, target, *, sees_images=True, **drawing):
        given = view(
            {"wanted": base64.b64decode(target)},
            trajectory={"final_answer": answer},
            drawing={"image": "wanted", **drawing},
            sees_images=sees_images,
        )
        return await RenderCompare(sandbox).run({}, given, timeout_seconds=60)

    return judge


@pytest.fixture
async def target(sandbox, view):
    """What the SVG with a red box looks like."""
    given = view(trajectory={"final_answer": SVG.format("red")})
    result = await RenderCompare(sandbox).run({"image": ""}, given, timeout_seconds=60)
    return result.images[0].data


def bears(result):
    return [(one.bearing, one.strength, one.score) for one in result.findings]


async def test_an_equal_drawing_decides_for_the_candidate(drawn, target):
    result = await drawn(f"Here:\n```svg\n{SVG.format('red')}\n```", target)
    assert bears(result) == [("confirms", "decisive", 1.0)]
    assert result.output["identical"] is True


async def test_a_blank_drawing_decides_against_the_candidate_whatever_similarity_is_asked_for(drawn, target):
    result = await drawn(EMPTY, target, min_similarity=0.1)
    assert bears(result) == [("refutes", "decisive", 0.0)]


@pytest.mark.parametrize(("least", "bearing"), [(0.5, "confirms"), (0.999, "refutes")])
async def test_the_callers_own_threshold_decides(drawn, target, least, bearing):
    result = await drawn(SVG.format("#e00000"), target, min_similarity=least)
    assert bears(result) == [(bearing, "decisive", 1.0 if bearing == "confirms" else 0.0)]


async def test_another_colour_of_the_same_brightness_is_no_likeness(drawn, target):
    result = await drawn(SVG.format("#008100"), target, min_similarity=0.9)
    assert result.output["ssim"] > 0.99
    assert bears(result) == [("refutes", "decisive", 0.0)]


async def test_another_drawing_without_a_threshold_is_for_the_model_to_judge(drawn, target):
    result = await drawn(SVG.format("lime"), target)
    assert bears(result) == [("none", "hint", None)]
    assert result.output["regions"][0]["pixel_box"] == [20, 30, 80, 70]
    assert [image.name for image in result.images] == ["what the code draws", "where it differs, in red"]


async def test_an_answer_that_draws_nothing_is_refuted(drawn, target):
    assert bears(await drawn("I would rather not.", target)) == [("refutes", "decisive", 0.0)]


async def test_matplotlib_code_is_run_and_its_figure_compared(drawn, sandbox, view):
    code = "```python\nimport matplotlib.pyplot as plt\nplt.plot([1, 3, 2])\nplt.title('{}')\nplt.show()\n```"
    given = view(trajectory={"final_answer": code.format("Sales")})
    wanted = (await RenderCompare(sandbox).run({"image": ""}, given, timeout_seconds=60)).images[0]
    assert (wanted.width, wanted.height) == (640, 480)
    assert bears(await drawn(code.format("Sales"), wanted.data)) == [("confirms", "decisive", 1.0)]
    assert bears(await drawn(code.format("Costs"), wanted.data))[0][1] != "decisive"


async def test_a_program_that_is_no_python_is_refuted_and_one_that_lacks_a_file_is_not_decided(drawn, target):
    broken = await drawn("```python\nimport matplotlib.pyplot as plt\nplt.plot([1, 2\n```", target)
    assert bears(broken) == [("refutes", "decisive", 0.0)]
    lacking = await drawn(
        "```python\nimport matplotlib.pyplot as plt\nplt.plot(open('d.csv').read())\n```", target
    )
    assert bears(lacking) == [("refutes", "strong", None)]
