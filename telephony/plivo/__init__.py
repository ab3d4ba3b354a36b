"""Plivo: webhooks, documents, media and call control."""
