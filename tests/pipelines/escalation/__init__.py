"""When a human is needed."""
