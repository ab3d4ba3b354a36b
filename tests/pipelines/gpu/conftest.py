"""Models come from disk alone."""

import os

os.environ["HF_HUB_OFFLINE"] = "1"
