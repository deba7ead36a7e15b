"""These tests run where skyrl_gym is installed: `make test-trainers`."""

from __future__ import annotations

import importlib.util

if importlib.util.find_spec("skyrl_gym") is None:
    collect_ignore_glob = ["test_*"]
