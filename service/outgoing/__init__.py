"""What leaves the house for other people's servers."""
