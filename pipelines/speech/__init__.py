"""Engines for recognising, wording and speaking, one per process and slot."""
