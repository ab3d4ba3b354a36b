from os import PathLike
from typing import Any, BinaryIO, Literal, overload

import numpy as np
from numpy.typing import NDArray

_File = str | PathLike[str] | BinaryIO

class SoundFileError(Exception): ...
class SoundFileRuntimeError(SoundFileError, RuntimeError): ...
class LibsndfileError(SoundFileRuntimeError): ...

class _SoundFileInfo:
    samplerate: int
    channels: int
    frames: int
    duration: float

def info(file: _File) -> _SoundFileInfo: ...
@overload
def read(
    file: _File,
    frames: int = -1,
    start: int = 0,
    stop: int | None = None,
    dtype: Literal["float64"] = "float64",
    always_2d: bool = False,
) -> tuple[NDArray[np.float64], int]: ...
@overload
def read(
    file: _File,
    frames: int = -1,
    start: int = 0,
    stop: int | None = None,
    *,
    dtype: Literal["float32"],
    always_2d: bool = False,
) -> tuple[NDArray[np.float32], int]: ...
@overload
def read(
    file: _File,
    frames: int = -1,
    start: int = 0,
    stop: int | None = None,
    *,
    dtype: Literal["int16"],
    always_2d: bool = False,
) -> tuple[NDArray[np.int16], int]: ...
def write(
    file: _File, data: NDArray[Any], samplerate: int, subtype: str | None = None, format: str | None = None
) -> None: ...
