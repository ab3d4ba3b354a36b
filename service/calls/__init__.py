"""The life of one call. Start reading at `desk.py`."""
