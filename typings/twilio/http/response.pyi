from collections.abc import Mapping

class Response:
    status_code: int
    def __init__(self, status_code: int, text: str, headers: Mapping[str, str] | None = None) -> None: ...
