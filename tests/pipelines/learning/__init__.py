"""Training, on little data."""
