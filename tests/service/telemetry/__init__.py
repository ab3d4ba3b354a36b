"""Tests of the service: telemetry."""
