import numpy as np
from numpy.typing import NDArray

SR: int
HOP: int

def synth(
    lh: NDArray[np.float32],
    th: NDArray[np.float32],
    ln: NDArray[np.float32],
    lr: NDArray[np.float32],
    phi: NDArray[np.float32],
    f0: NDArray[np.float32],
    rng: np.random.Generator,
) -> NDArray[np.float32]: ...
