"""Scenes of the Genesys line."""
