"""Tests of the service: calls."""
