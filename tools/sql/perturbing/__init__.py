"""Runs both queries on perturbed copies of the database, and says how near a query is to the reference's schema."""
