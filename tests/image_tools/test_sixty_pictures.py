"""Sixty pictures made for the purpose: text is read, bars are cut and measured, planted differences are found."""

import re
from collections import Counter
from importlib.util import find_spec

import pytest

from evals.__main__ import main
from evals.pictures import Found
from tools.images.ocr import languages

needs_pictures = pytest.mark.skipif(
    find_spec("PIL") is None or find_spec("matplotlib") is None,
    reason="pip install 'judge-agent[tools]' -c constraints.txt",
)
ALL = Counter({"crops": 2, "crops exact": 2, "colours right": 2, "regions found": 3})


@pytest.mark.slow
@needs_pictures
@pytest.mark.skipif("eng" not in languages(), reason="apt-get install tesseract-ocr")
def test_text_is_read_bars_are_cut_to_the_pixel_and_every_planted_difference_is_found_and_no_other(capsys):
    assert main(["pictures"]) == 0
    said = capsys.readouterr().out
    assert re.search(r"crops: (\d+) of \1 exact to the pixel", said)
    assert re.search(r"regions: [1-9]\d* found, 0 missed, 0 false; 0 pairs told wrong", said)


@pytest.mark.slow
@needs_pictures
@pytest.mark.skipif(
    find_spec("rapidocr_onnxruntime") is None, reason="pip install 'judge-agent[rapidocr]' -c constraints.txt"
)
def test_the_other_reader_reads_the_same_pictures(capsys):
    main(["pictures", "--ocr", "rapidocr"])
    rate = re.search(r"rapidocr: ([\d.]+)% where spaces do not count", capsys.readouterr().out)
    assert rate is not None
    assert float(rate[1]) < 2


@pytest.mark.parametrize(
    "found",
    [
        Found((0.0, 0.03), ALL),
        Found((), ALL),
        Found((0.0,), ALL + Counter({"crops": 1, "colours right": 1})),
        Found((0.0,), ALL + Counter({"crops": 1, "crops exact": 1})),
        Found((0.0,), ALL + Counter({"regions missed": 1})),
        Found((0.0,), ALL + Counter({"regions false": 1})),
        Found((0.0,), ALL + Counter({"pairs told wrong": 1})),
    ],
    ids=["misread", "not read", "not exact", "colour", "missed", "false", "told wrong"],
)
def test_each_bound_can_be_missed(found):
    assert Found((0.0, 0.01), ALL).holds
    assert not found.holds
