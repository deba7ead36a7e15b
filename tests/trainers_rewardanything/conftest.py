"""These tests run where RewardAnything is installed: `make test-trainers`."""

from __future__ import annotations

import importlib.util

if importlib.util.find_spec("rewardanything") is None:
    collect_ignore_glob = ["test_*"]
