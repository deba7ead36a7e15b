"""What runs in the boxes of the tools of numbers: the sources are sent there, and nothing is imported from the host."""
