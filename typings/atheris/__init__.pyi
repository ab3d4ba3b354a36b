from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

def instrument_imports(
    include: Sequence[str] = ..., exclude: Sequence[str] = ..., enable_loader_override: bool = True
) -> AbstractContextManager[None]: ...
def Setup(
    args: Sequence[str], test_one_input: Callable[[bytes], None], *, enable_python_coverage: bool = True
) -> Sequence[str]: ...
def Fuzz() -> None: ...
