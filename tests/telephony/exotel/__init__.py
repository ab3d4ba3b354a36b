"""Scenes of the Exotel line."""
