"""Scenes of the Twilio line."""
