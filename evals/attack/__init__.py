"""`python -m evals attack`: keys, relatives, short answers, injections and hacks through the HTTP service."""
