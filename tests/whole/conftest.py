"""A real service as a subprocess: what a user gets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from evals.service import running


@pytest.fixture(scope="session")
def verify_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a service without a model; `verify` works on it, with real boxes."""
    with running(tmp_path_factory.mktemp("verify_service"), model="none") as url:
        yield url
