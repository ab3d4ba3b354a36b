from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

def f1_score(
    y_true: Sequence[str],
    y_pred: Sequence[str],
    *,
    labels: Sequence[str] | None = ...,
    average: None,
    zero_division: float = ...,
) -> NDArray[np.float64]: ...
