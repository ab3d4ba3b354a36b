ASSETS: str
SAMPLE_RATE: int

class Hibari:
    @staticmethod
    def split_sentences(text: str) -> list[str]: ...
