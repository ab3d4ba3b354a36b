from hibari.tts import Hibari as Hibari

__version__: str
