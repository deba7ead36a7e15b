"""The HTTP service: a POST begins in `judgments.py`, the concrete parts are picked in `wiring.py`."""
