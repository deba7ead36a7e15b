"""Groups over HTTP: a cohort of rollouts is joined, judged and settled once. The walk begins in `routes.py`."""
