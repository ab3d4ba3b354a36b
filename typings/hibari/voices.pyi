from typing import TypedDict

class VoiceEntry(TypedDict):
    file: str
    british: bool
    language: str
    gender: str

VOICES: dict[str, VoiceEntry]

def voice_path(name: str, download_missing: bool = True) -> str: ...
