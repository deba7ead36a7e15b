"""MCP servers that the operator allows: the connection to one, and each of its tools as one of the judge."""
