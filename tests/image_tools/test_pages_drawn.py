"""A candidate's page is shown in the browser's box at the target's size, and compared with the target."""

import base64

import pytest
from PIL import Image

from judge_agent.errors import ToolError
from tools.render_compare import RenderCompare, RenderLimits

pytestmark = pytest.mark.anyio
PAGE = (
    "<!doctype html><style>body{{margin:0}}#b{{position:absolute;left:40px;top:30px;width:120px;height:80px;"
    "background:{}}}</style><div id=b></div>"
)
SIZE = (320, 200)


def wanted(colour="#ff0000", size=SIZE):
    image = Image.new("RGB", size, "white")
    image.paste(colour, (40, 30, 160, 110))
    return image


@pytest.fixture
def shown(sandbox, browser, view):
    """The opening call's result for a page beside a target."""

    async def judge(answer, target=None, *, limits=None, artifacts=(), **drawing):
        given = view(
            {"wanted": target or wanted()},
            trajectory={"final_answer": answer, "artifacts": list(artifacts)},
            drawing={"image": "wanted", **drawing},
        )
        tool = RenderCompare(sandbox, None, browser, limits=limits)
        return await tool.run({}, given, timeout_seconds=300)

    return judge


def bears(result):
    return [(one.bearing, one.strength) for one in result.findings]


async def test_a_page_that_looks_like_the_target_decides_for_the_candidate(shown):
    result = await shown(f"Here you are:\n```html\n{PAGE.format('#ff0000')}\n```")
    assert bears(result) == [("confirms", "decisive")]
    assert (result.output["kind"], result.output["identical"]) == ("html", True)
    assert result.output["size"] == list(SIZE)


async def test_a_blank_page_decides_against_the_candidate(shown):
    result = await shown("```html\n<!doctype html><p hidden>nothing\n```")
    assert bears(result) == [("refutes", "decisive")]


@pytest.mark.parametrize(("least", "bearing"), [(0.3, "confirms"), (0.9999, "refutes")])
async def test_the_callers_threshold_decides_of_a_page(shown, least, bearing):
    page = PAGE.format("#ff3000").replace("width:120px", "width:110px")
    assert bears(await shown(page, min_similarity=least)) == [(bearing, "decisive")]


@pytest.mark.parametrize(
    "needs",
    [
        '<script src="https://cdn.example/chart.js"></script>',
        '<link rel=stylesheet href="https://cdn.example/a.css">',
        "<img src=logo.png>",
    ],
    ids=["another host's script", "another host's style", "a file that is not there"],
)
async def test_a_page_that_lacks_what_no_box_has_is_not_refuted_decisively(shown, needs):
    result = await shown(f"<!doctype html>{needs}", min_similarity=0.9)
    assert bears(result) == [("refutes", "strong")]
    assert result.output["lacking"]


async def test_a_page_that_shows_something_else_each_time_is_not_refuted_decisively(shown):
    page = (
        "<!doctype html><body><script>const b=crypto.getRandomValues(new Uint8Array(300));"
        "document.body.style.fontSize='40px';document.body.append(b.join(' '))</script>"
    )
    assert bears(await shown(page, min_similarity=0.99)) == [("refutes", "strong")]


async def test_a_page_of_several_files_is_shown_with_its_style_and_script(shown):
    style = "body{margin:0}#b{position:absolute;left:40px;top:30px;width:9px;height:80px}"
    texts = {
        "index.html": "<!doctype html><link rel=stylesheet href=a.css><div id=b></div><script src=a.js></script>",
        "a.css": style,
        "a.js": "b.style.width='120px';b.style.background='#ff0000'",
    }
    files = [{"name": name, "kind": "code", "content": text} for name, text in texts.items()]
    assert bears(await shown("Done.", artifacts=files)) == [("confirms", "decisive")]


async def test_what_a_script_draws_a_little_later_is_waited_for(shown):
    later = (
        "<!doctype html><body style=margin:0><script>setTimeout(()=>document.body.innerHTML=`{}`,80)</script>"
    )
    assert bears(await shown(later.format(PAGE.format("#ff0000")))) == [("confirms", "decisive")]


@pytest.mark.slow
async def test_a_page_that_never_ends_is_no_verdict_of_its_own_fault(shown):
    result = await shown("<!doctype html><script>for(;;);</script>", min_similarity=0.5)
    assert bears(result) == [("refutes", "strong")]
    assert result.status == "failed"


async def test_a_picture_that_a_page_brings_along_is_counted(shown, encoded):
    data = f"data:image/png;base64,{encoded(wanted())}"
    page = f'<!doctype html><body style=margin:0><img style=display:block src="{data}">'
    result = await shown(page)
    assert bears(result) == [("confirms", "decisive")]
    assert result.flags == {"embedded_pictures": 1}


async def test_an_svg_is_drawn_as_a_page_where_a_page_is_asked_for(shown):
    box = '<rect x="40" y="30" width="120" height="80" fill="#ff0000"/>'
    svg = f'```svg\n<svg xmlns="http://www.w3.org/2000/svg" width="320" height="200">{box}</svg>\n```'
    result = await shown(svg, kind="html")
    assert (bears(result), result.output["kind"]) == ([("confirms", "decisive")], "html")


async def test_a_window_past_its_limit_is_the_judges_failure_and_no_verdict(shown):
    with pytest.raises(ToolError, match="the limit is page_side=300"):
        await shown(PAGE.format("red"), limits=RenderLimits(page_side=300))


async def test_without_a_browser_a_page_is_no_verdict_and_not_offered(sandbox, view):
    given = view(
        {"wanted": wanted()}, trajectory={"final_answer": PAGE.format("red")}, drawing={"image": "wanted"}
    )
    tool = RenderCompare(sandbox)
    assert not tool.offered(given)
    with pytest.raises(ToolError, match="apt-get install chromium"):
        await tool.run({}, given, timeout_seconds=60)


async def test_a_model_sees_a_page_beside_a_picture_that_it_names(sandbox, browser, view):
    given = view({"one": wanted()}, trajectory={"final_answer": PAGE.format("#ff0000")})
    tool = RenderCompare(sandbox, None, browser)
    told = await tool.run({"image": "one", "kind": "html"}, given, timeout_seconds=120)
    assert bears(told) == [("none", "hint")]
    assert told.output["identical"] is True
    alone = await tool.run({"image": ""}, given, timeout_seconds=120)
    assert alone.output["size"] == [1280, 720]
    assert base64.b64decode(alone.images[0].data).startswith(b"\x89PNG")
