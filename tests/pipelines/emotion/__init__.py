"""Emotion: from one utterance to the trajectory of a call."""
