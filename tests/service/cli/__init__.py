"""Scenes of the command line."""
