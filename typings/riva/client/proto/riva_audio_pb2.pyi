class AudioEncoding:
    ENCODING_UNSPECIFIED: int
    LINEAR_PCM: int
    FLAC: int
    MULAW: int
    OGGOPUS: int
    ALAW: int
