"""The schema's history: dated revisions, each up and down, for SQLite and PostgreSQL."""
