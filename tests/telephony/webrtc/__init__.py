"""Scenes of web calls."""
