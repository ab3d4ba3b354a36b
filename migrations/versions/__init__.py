"""Revisions, named by date."""
