"""Telnyx: webhooks, documents, media and call control."""
