"""Vonage: webhooks, documents, media and call control."""
