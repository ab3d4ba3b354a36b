from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ctranslate2 import models as models

__version__: str

class StorageView:
    @property
    def shape(self) -> list[int]: ...
    @classmethod
    def from_array(cls, array: NDArray[Any]) -> StorageView: ...
    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[np.float32]: ...
