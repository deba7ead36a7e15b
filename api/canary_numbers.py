"""How canaries stand, in numbers that Prometheus reads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from judge_agent.store import CanaryRow


class CanaryNumbers(Collector):
    """How each canary stands in the whole store; of one that is not known at the moment, how it stood before."""

    def __init__(self, rows: Sequence[CanaryRow]) -> None:
        self._rows = rows

    def collect(self) -> Iterable[Metric]:
        labels = ["recipe", "canary"]
        failed = GaugeMetricFamily("judge_canary_failed", "1 while a canary fails.", labels=labels)
        unknown = GaugeMetricFamily(
            "judge_canary_unknown", "1 while the last round gave no score.", labels=labels
        )
        judged = GaugeMetricFamily("judge_canary_judged_timestamp_seconds", "The last round.", labels=labels)
        for row in self._rows:
            names = [row.recipe, row.name]
            failed.add_metric(names, float(row.state == "failed"))
            unknown.add_metric(names, float(row.unknown_since is not None))
            judged.add_metric(names, row.at)
        yield from (failed, unknown, judged)
