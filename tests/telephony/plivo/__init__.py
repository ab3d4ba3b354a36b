"""Scenes of the Plivo line."""
