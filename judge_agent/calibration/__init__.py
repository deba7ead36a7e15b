"""Calibrated confidence: what raw confidences have come to, by recipe and model, and what may be said at which risk.

`items` reads labelled judgments, `fitting` makes a calibration of them (needs scikit-learn), `measures` says how good
confidences are, `table` is what is kept and applied, `risk` turns a risk into a threshold, `files` keeps them.
"""

from judge_agent.calibration.applying import abstaining as abstaining
from judge_agent.calibration.applying import with_calibration as with_calibration
from judge_agent.calibration.files import Calibrations as Calibrations
from judge_agent.calibration.files import load_calibrations as load_calibrations
from judge_agent.calibration.table import Calibration as Calibration
