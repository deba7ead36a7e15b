"""Makes perturbed copies of the database in the box: rows left out, added and changed, with its constraints kept."""
