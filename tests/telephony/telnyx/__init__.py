"""Scenes of the Telnyx line."""
