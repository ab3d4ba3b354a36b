"""The contact centre around the conversation: who may call, where it is written down, who is watching."""
