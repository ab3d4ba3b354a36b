"""The commands behind `attune`."""
