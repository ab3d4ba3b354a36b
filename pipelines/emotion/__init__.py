"""Emotion of the caller: estimate, baseline, fusion, trajectory."""
