"""Scenes of hearing, writing and speaking."""
