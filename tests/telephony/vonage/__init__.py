"""Scenes of the Vonage line."""
