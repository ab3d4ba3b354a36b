class TwilioException(Exception): ...

class TwilioRestException(TwilioException):
    status: int
    uri: str
    msg: str
    code: int | None
    def __init__(self, status: int, uri: str, msg: str = "", code: int | None = None) -> None: ...
