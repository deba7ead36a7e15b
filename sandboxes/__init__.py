"""Where untrusted work runs. `choose` gives the boxes of the tier that was asked for, `probe_tier` says what works."""

from sandboxes.probe import Probe, find_bwrap, make_sandbox, probe
from sandboxes.tiers import SLOWDOWN, TIERS, Chosen, Tier, choose, probe_tier

__all__ = [
    "SLOWDOWN",
    "TIERS",
    "Chosen",
    "Probe",
    "Tier",
    "choose",
    "find_bwrap",
    "make_sandbox",
    "probe",
    "probe_tier",
]
