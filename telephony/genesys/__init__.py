"""Genesys AudioHook: media of calls that a Genesys flow sends to us."""
