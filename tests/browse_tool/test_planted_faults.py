"""Twenty small sites with one planted fault each, and their sound twins."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

pytestmark = pytest.mark.anyio
SITES = tomllib.loads((Path(__file__).parent / "sites.toml").read_text())["site"]


@pytest.mark.parametrize("site", SITES, ids=lambda site: site["name"])
async def test_a_sound_site_passes_its_checks(judged, site):
    told, result = await judged(site["sound"], site["checks"])
    assert told == ("confirms", "decisive"), result.output
    assert result.findings[0].score == 1.0


@pytest.mark.parametrize("site", SITES, ids=lambda site: site["name"])
async def test_a_planted_fault_is_found_by_its_check(judged, site):
    faulty = site["sound"].replace(site["replace"], site["by"])
    assert faulty != site["sound"]
    told, result = await judged(faulty, site["checks"])
    assert told == ("refutes", "decisive"), result.output
    failed = [one["name"] for one in result.output["checks"] if one["outcome"] == "failed"]
    assert failed == [site["finds"]]
