"""The numbers of several workers: one that is killed leaves what it counted, once, and its files to the next."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from api.worker_numbers import PREFIX, NumbersFolder
from tests.service.test_workers import accepted, is_alive, sent, two_workers

pytestmark = pytest.mark.anyio


@pytest.fixture
def place_of_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where folders of numbers are made during the test, here and in services that it starts."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    yield tmp_path
    monkeypatch.setattr(tempfile, "tempdir", None)


async def numbers(http: httpx.AsyncClient) -> dict[tuple[str, ...], float]:
    answer = await sent(http, "GET", "/metrics")
    assert answer.status_code == 200, answer.text
    return {
        (sample.name, *(f"{name}={value}" for name, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def grew(before: dict[tuple[str, ...], float], after: dict[tuple[str, ...], float]) -> bool:
    """Whether every counter and every bucket is there still, and at least as high."""
    counted = {
        name: value for name, value in before.items() if name[0].endswith(("_total", "_count", "_bucket"))
    }
    lower = {name: (value, after.get(name)) for name, value in counted.items() if after.get(name, -1) < value}
    assert not lower
    return bool(counted)


def places_of(parent: Path) -> set[str]:
    """The places that files of numbers are of."""
    return {
        one.stem.rpartition("_")[2] for folder in parent.glob(f"{PREFIX}*") for one in folder.glob("*.db")
    }


def living_children(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in children if is_alive(int(child))]


@pytest.mark.slow
async def test_counters_survive_killed_workers_and_are_counted_once(place_of_folders: Path) -> None:
    with two_workers(place_of_folders / "data") as (service, url, _):
        ended = ("judge_judgments_total", "cached=no", "recipe=verify", "state=done")
        before: dict[tuple[str, ...], float] = {}
        for killed in range(3):
            async with httpx.AsyncClient(base_url=url, timeout=30) as http:
                for seed in range(10):
                    id_ = await accepted(http, 100 * killed + seed)
                    await sent(http, "GET", f"/v1/judgments/{id_}", headers={"Prefer": "wait=20"})
                found = await numbers(http)
                assert grew(before, found) == bool(before)
                assert found[ended] == 10 * (killed + 1)
                before = found
                assert places_of(place_of_folders) <= {"0", "1"}
                workers = living_children(service.pid)
                os.kill(workers[killed % len(workers)], signal.SIGKILL)
                for _ in range(20):
                    grew(before, await numbers(http))
                    await asyncio.sleep(0.05)
        # One answer of each worker, old or new: all say the same.
        for _ in range(6):
            async with httpx.AsyncClient(base_url=url, timeout=30) as http:
                assert (await numbers(http))[ended] == 30
    assert places_of(place_of_folders) == set()


def test_folders_of_killed_services_are_removed_and_those_of_living_ones_are_not(
    place_of_folders: Path,
) -> None:
    strange = place_of_folders / f"{PREFIX}strange"
    strange.mkdir()
    living = NumbersFolder()
    left = NumbersFolder()
    (left.path / "counter_0.db").write_bytes(b"")
    os.close(left._lock)
    fresh = NumbersFolder()
    assert {one.name for one in place_of_folders.iterdir()} == {
        strange.name,
        living.path.name,
        fresh.path.name,
    }
    living.remove()
    fresh.remove()
    assert list(place_of_folders.iterdir()) == [strange]
