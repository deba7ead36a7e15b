"""These tests run where NeMo Gym is installed: `make test-trainers`."""

from __future__ import annotations

import importlib.util

if importlib.util.find_spec("nemo_gym") is None:
    collect_ignore_glob = ["test_*"]
