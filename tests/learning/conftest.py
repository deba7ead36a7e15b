from __future__ import annotations

import pytest


@pytest.fixture
def sklearn():
    return pytest.importorskip("sklearn", reason="no scikit-learn: pip install 'judge-agent[calibrate]'")
