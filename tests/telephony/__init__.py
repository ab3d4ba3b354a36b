"""Scenes of the lines."""
