import grpc

class Auth:
    channel: grpc.Channel
    def __init__(
        self,
        ssl_root_cert: str | None = None,
        use_ssl: bool = False,
        uri: str = "localhost:50051",
        metadata_args: list[list[str]] | None = None,
    ) -> None: ...
    def get_auth_metadata(self) -> list[tuple[str, str]]: ...
