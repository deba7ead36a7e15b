"""What `check_state` is made of: a world that calls change, expressions over it, comparison with what it is to be."""
