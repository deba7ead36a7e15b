"""`python -m evals sql FOLDER`: how well `query_sql` tells queries apart, with and without perturbed copies."""

from evals.sql.command import add_parser as add_parser
