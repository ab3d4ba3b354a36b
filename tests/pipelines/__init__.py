"""Scenes of the conversation."""
