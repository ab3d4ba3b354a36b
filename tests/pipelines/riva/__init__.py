"""Riva behind our ports and in Pipecat's processors, against a server double that speaks Riva's published protos."""
