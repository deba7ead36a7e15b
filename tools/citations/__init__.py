"""What a trajectory cites, where that stands, and how its claims hang together."""
