"""Stubs of the parts of twilio that are used."""
