"""Documents of a request: read in boxes, kept as pages and passages, searched in an index that stays in its box."""
