"""Where untrusted work runs. `make_sandbox` gives the best box of this machine, `probe` says what works and why not."""

from sandboxes.probe import (
    Probe as Probe,
    find_bwrap as find_bwrap,
    make_sandbox as make_sandbox,
    probe as probe,
)
