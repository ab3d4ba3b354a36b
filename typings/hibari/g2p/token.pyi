class Tok:
    text: str
    whitespace: str
    phonemes: str | None
