"""Code that draws and means harm: it ends within its limits, sees no target, and is no verdict of the judge's own."""

import pytest
from PIL import Image

from judge_agent.errors import BudgetExceeded, ToolError
from tools.compare_images import CompareLimits
from tools.images.box import BoxLimits
from tools.render_compare import RenderCompare, RenderLimits

pytestmark = pytest.mark.anyio
pytest.importorskip("resvg_py", reason="resvg is not installed: pip install resvg-py")
pytest.importorskip("matplotlib", reason="matplotlib is not installed: pip install matplotlib")
PASSWD = '<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
XML = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="60" height="40"'
LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
USES = "".join(
    f'<g id="u{n}">{f"""<use xlink:href="#u{n - 1}"/>""" * 8}</g>'
    if n
    else '<rect id="u0" width="9" height="9"/>'
    for n in range(12)
)
TARGET = Image.effect_noise((60, 40), 90).convert("RGB")
TIGHT = RenderLimits(
    drawing=BoxLimits(seconds=4.0, memory_bytes=600_000_000, bytes=1_000_000, pixels=200_000)
)
SVGS = {
    "entities": f'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY l0 "ha">{LAUGHS}]><svg {XML}><text>&l11;</text></svg>',
    "a file": f'<svg {XML}><image xlink:href="file:///etc/passwd" width="60" height="40"/><text>&x;</text></svg>',
    "an entity from a file": f'<?xml version="1.0"?>{PASSWD}<svg {XML}><text>&x;</text></svg>',
    "another host": f'<svg {XML}><image xlink:href="http://127.0.0.1:1/a.png" width="60" height="40"/></svg>',
    "a script": f'<svg {XML} onload="for(;;);"><script>for(;;);</script><rect width="9" height="9"/></svg>',
    "depth": f"<svg {XML}>{'<g>' * 60_000}{'</g>' * 60_000}</svg>",
    "uses of uses": f'<svg {XML}>{USES}<use xlink:href="#u11"/></svg>',
    "a use of itself": f'<svg {XML}><g id="a"><use xlink:href="#a"/></g></svg>',
    "a large blur": (
        f'<svg {XML}><filter id="f" x="-9999" y="-9999" width="99999" height="99999">'
        '<feGaussianBlur stdDeviation="9999"/></filter><rect width="9" height="9" filter="url(#f)"/></svg>'
    ),
    "height": '<svg xmlns="http://www.w3.org/2000/svg" width="1" height="9999999"><rect width="1" height="9"/></svg>',
}
PROGRAMS = {
    "for ever": "while True: pass",
    "memory": "x = 'a' * 10**11",
    "children": "import os\nwhile True: os.fork()",
    "a large figure": "plt.figure(figsize=(400, 400)); plt.savefig('a.png', dpi=400)",
    "a long file": "open('a.png', 'wb').write(bytes(4_000_000))",
    "no picture": "open('a.png', 'w').write('<html>')",
    "a link": "import os; os.symlink('/etc/passwd', 'a.png'); os.symlink('/etc/passwd', 'drawing.png')",
    "a folder": "import os; os.mkdir('drawing.png')",
    "its own end": "import os; os._exit(0)",
    "a flood": "while True: print('x' * 10**6)",
    "the network": "import socket; socket.create_connection(('127.0.0.1', 1)); plt.plot([1])",
}

# Copies the first PNG of the target's size (60 x 40) that lies anywhere.
SEARCH = r"""
import os, shutil
import matplotlib.pyplot as plt
size = b"\x00\x00\x00\x3c\x00\x00\x00\x28"
for top in (".", "/", "/proc", "/tmp", "/dev/shm"):
    for folder, _, names in os.walk(top):
        for name in names:
            try:
                head = open(os.path.join(folder, name), "rb").read(64)
            except OSError:
                continue
            if head[:4] == b"\x89PNG" and size in head:
                shutil.copy(os.path.join(folder, name), "found.png")
                raise SystemExit
plt.plot([1, 2])
"""


@pytest.fixture
def drawn(sandbox, view):
    async def judge(answer, target=TARGET, limits=TIGHT, seconds=120.0):
        given = view({"wanted": target}, trajectory={"final_answer": answer}, drawing={"image": "wanted"})
        return await RenderCompare(sandbox, limits=limits).run({}, given, timeout_seconds=seconds)

    return judge


@pytest.mark.parametrize("name", SVGS)
async def test_an_svg_that_attacks_confirms_nothing_and_ends_in_time(drawn, name):
    result = await drawn(SVGS[name])
    assert result.findings[0].bearing != "confirms"
    assert "root:" not in str(result.output)


@pytest.mark.parametrize("name", PROGRAMS)
async def test_a_program_that_attacks_confirms_nothing_and_ends_in_time(drawn, name):
    result = await drawn(f"```python\nimport matplotlib.pyplot as plt\n{PROGRAMS[name]}\n```")
    assert (result.findings[0].bearing, result.findings[0].strength) == ("refutes", "strong")


async def test_the_target_is_nowhere_where_a_program_can_look(drawn):
    result = await drawn(f"```python\n{SEARCH}\n```", limits=RenderLimits())
    assert result.findings[0].bearing != "confirms"
    assert result.output.get("identical") is not True


async def test_each_limit_of_a_drawing_is_told_by_name(drawn):
    bars = "```python\nimport matplotlib.pyplot as plt\nplt.bar([1, 2], [3, 4]); plt.savefig('a.png')\n```"
    few = await drawn(bars, limits=RenderLimits(drawing=BoxLimits(pixels=1000)))
    assert "the limit is 1000" in few.output["reason"]
    loop = "```python\nimport matplotlib.pyplot as plt\nwhile True: pass\n```"
    slow = await drawn(loop, limits=RenderLimits(drawing=BoxLimits(seconds=1.0)))
    assert "used up its cpu_seconds" in slow.output["reason"]


async def test_a_target_past_a_limit_or_broken_is_the_judges_failure(drawn):
    svg = f'<svg {XML}><rect width="9" height="9"/></svg>'
    with pytest.raises(ToolError, match="the limit of what is compared is 100"):
        await drawn(svg, limits=RenderLimits(compare=CompareLimits(pixels=100)))
    with pytest.raises(ToolError, match="the target of the drawing cannot be compared"):
        await drawn(svg, target=b"\x89PNG\r\n\x1a\n" + bytes(40))


async def test_a_call_past_its_time_is_the_budgets_end_and_no_verdict(drawn):
    loop = "```python\nimport matplotlib.pyplot as plt\nwhile True: pass\n```"
    with pytest.raises(BudgetExceeded, match=r"exceeded timeout_seconds=0\.2"):
        await drawn(loop, limits=RenderLimits(), seconds=0.2)
