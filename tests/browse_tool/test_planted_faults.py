"""Twenty small sites with one planted fault each, and their sound twins."""

from __future__ import annotations

import pytest

from evals.sites import given_sites, is_right, view_of

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
SITES = given_sites()


@pytest.mark.parametrize("site", SITES, ids=lambda site: site["name"])
async def test_a_planted_fault_is_found_by_its_check_and_a_sound_twin_passes(tool, site):
    result = await tool.run({}, view_of(site), timeout_seconds=300)
    assert is_right(site, result), result


def test_there_are_twenty_sites_with_a_fault_and_as_many_without():
    assert (
        sum(site["finds"] is None for site in SITES) == sum(site["finds"] is not None for site in SITES) == 20
    )
