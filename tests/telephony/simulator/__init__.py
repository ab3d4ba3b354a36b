"""Scenes of the carrier simulator."""
