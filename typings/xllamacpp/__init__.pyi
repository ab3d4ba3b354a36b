__version__: str

class CommonParamsModel:
    path: str

class CpuParams:
    n_threads: int
    poll: int

class CommonParams:
    model: CommonParamsModel
    model_alias: set[str]
    n_ctx: int
    n_parallel: int
    n_batch: int
    cache_ram_mib: int
    cpuparams: CpuParams
    cpuparams_batch: CpuParams
    hostnames: list[str]
    port: int
    timeout_read: int
    ui: bool
    verbosity: int
    warmup: bool
    def __init__(self) -> None: ...

class Server:
    def __init__(self, params: CommonParams) -> None: ...
    @property
    def listening_address(self) -> str: ...
