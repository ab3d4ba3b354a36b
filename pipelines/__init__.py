"""The conversation: what the caller says and how they feel, turned into an answer in a fitting tone."""
