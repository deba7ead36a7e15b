"""What runs inside boxes: the fork server and what its children become. Imports the standard library alone."""
