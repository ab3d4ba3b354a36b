"""The lines: carriers and web calls, each brought to a Pipecat transport."""
