from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

class LogisticRegression:
    classes_: NDArray[np.int64]
    coef_: NDArray[np.float64]
    intercept_: NDArray[np.float64]
    def __init__(
        self, *, C: float = ..., class_weight: str | None = ..., max_iter: int = ..., tol: float = ...
    ) -> None: ...
    def fit(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = ...) -> Self: ...

class Ridge:
    coef_: NDArray[np.float64]
    intercept_: NDArray[np.float64]
    def __init__(self, alpha: float = ..., *, solver: str = ...) -> None: ...
    def fit(self, X: Any, y: ArrayLike) -> Self: ...
