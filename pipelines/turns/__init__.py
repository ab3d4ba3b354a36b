"""Turns: when the caller has finished, where the time goes, what belongs to the turn being answered."""
