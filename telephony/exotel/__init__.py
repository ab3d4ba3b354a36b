"""Exotel: webhooks, documents, media and call control."""
