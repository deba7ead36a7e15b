"""Behind `query_sql`: what may run, where it runs, and when two results are the same."""
