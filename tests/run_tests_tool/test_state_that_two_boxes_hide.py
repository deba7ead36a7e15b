"""What a test shares with the code besides values is never held against right code; wrong code fails all the same."""

import ast
import tomllib
from pathlib import Path

import pytest

from tools.testing.in_box.own_state import touches

pytestmark = pytest.mark.anyio
CASES = tomllib.loads(Path(__file__).with_suffix(".toml").read_text())
UNITTEST = """
import unittest, os, shutil
from solution import f
class TestCases(unittest.TestCase):
    def setUp(self):
        self.d = 'src_dir'
        os.makedirs(self.d, exist_ok=True)
    def tearDown(self):
        shutil.rmtree(self.d, ignore_errors=True)
    def test_made(self):
        f(self.d)
        self.assertTrue(os.path.exists(os.path.join(self.d, 'out.csv')))
"""


def file_of(test):
    return "from solution import *\ndef test_f():\n    " + test.replace("\n", "\n    ") + "\n"


@pytest.mark.parametrize("kind", ["assert", "pytest"])
@pytest.mark.parametrize("name", CASES)
async def test_right_code_is_not_refuted_and_wrong_code_is(name, kind, judge):
    case = CASES[name]
    test = case["test"] if kind == "assert" else file_of(case["test"])
    decided, _, result = await judge(case["right"], kind, [test], entry_point="f")
    assert decided[0] == "confirms", result.findings[0].reason
    decided, _, result = await judge(case["wrong"], kind, [test], entry_point="f")
    assert decided == ("refutes", "decisive"), result.findings[0].reason


async def test_a_file_in_the_style_of_unittest_that_makes_folders_is_run_beside_the_code(judge):
    made = "import os\ndef f(d):\n    with open(os.path.join(d, 'out.csv'), 'w') as file: file.write('1')\n"
    assert (await judge(made, "pytest", [UNITTEST], entry_point="f"))[0] == ("confirms", "strong")
    assert (await judge("def f(d): pass\n", "pytest", [UNITTEST], entry_point="f"))[0] == (
        "refutes",
        "decisive",
    )


async def test_a_doctest_that_writes_a_file_does_not_refute_right_code(judge):
    prompt = ">>> import pathlib\n>>> _ = pathlib.Path('a').write_text('x')\n>>> f('a')\n'x'\n"
    decided, _, result = await judge("def f(p):\n    with open(p) as h: return h.read()\n", prompt=prompt)
    assert decided[0] == "confirms", result.findings[0].reason


@pytest.mark.parametrize(
    "text",
    [
        "import math\nassert math.isclose(f(2), 4)",
        "from math import *\nassert isclose(f(2), 4)",
        "import numpy as np\nassert np.allclose(f(2), np.array([4]))",
        "import io, contextlib\nb = io.StringIO()\nwith contextlib.redirect_stdout(b): f(3)\nassert b.getvalue()",
        "import sys, os\nsys.path.insert(0, os.path.dirname('x'))\nfrom solution import f\nassert f(2) == 4",
        "import random\nfor _ in range(9):\n    n = random.randint(1, 9)\n    assert f(n) == n * n",
        "import unittest\nclass T(unittest.TestCase):\n    def test_f(self): self.assertEqual(f(2), 4)\nunittest.main",
        "from collections import Counter\nassert f('aab') == Counter('aab')",
        "from datetime import datetime\nassert f(datetime(2020, 1, 1).year) == 4",
        "assert f(2) is True",
        "assert eval('f(2)') == eval(f(3))",
    ],
)
def test_a_text_of_values_alone_touches_nothing(text):
    assert not touches(ast.parse(text), ["solution"])


@pytest.mark.parametrize(
    "text",
    [
        "import numpy as np\nnp.save('x', f(1))",
        "from numpy import random\nrandom.seed(1)",
        "import math\nmath.pi = 3\nassert f(1) == 3",
        "import os as o\nassert o.environ",
        "import sys\nassert sys.modules",
        "from unittest import mock",
        "import unittest.mock",
        "import no_such_module",
        "from . import x",
        "import random\nrandom.seed(1)",
        "eval('open(f(1))')",
        "exec('import os; os.remove(f(1))')",
        "import os\nassert g(os)",
        "def test_f(tmp_path): pass",
        "assert f(1) is f(1)",
    ],
)
def test_a_text_that_may_touch_more_is_known_as_such(text):
    assert touches(ast.parse(text), ["solution"])
