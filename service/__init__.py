"""The contact centre around the conversation: who may call, where it is written down, who is watching."""

from loguru import logger

logger.remove()  # Pipecat speaks while it is imported; from then on `service.telemetry.logs` says where its words go
