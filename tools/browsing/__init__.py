"""The parts of `browse`: sites, steps, what is asserted, stages."""
