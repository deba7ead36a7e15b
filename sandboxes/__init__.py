"""Where untrusted work runs. `make_sandbox` gives the best box of this machine, `probe` says what works and why not."""

from sandboxes.probe import Probe, find_bwrap, make_sandbox, probe

__all__ = ["Probe", "find_bwrap", "make_sandbox", "probe"]
