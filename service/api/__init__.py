"""The doors, each thin: parse, one call, shape the answer."""
