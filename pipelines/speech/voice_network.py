"""ONNX networks that turn phonemes into sound: numbers in, float32 arrays out, errors as ours."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as onnx

from pipelines.ports import EngineFailed

_BROKEN = (
    onnx.Fail,
    onnx.InvalidArgument,
    onnx.InvalidGraph,
    onnx.InvalidProtobuf,
    onnx.NoSuchFile,
    onnx.NotImplemented,
    onnx.RuntimeException,
)


class VoiceNetwork:
    """One loaded network on the CPU; it may run in several threads at once."""

    def __init__(self, path: Path, *, threads: int) -> None:
        """Load it.

        Args:
            path: the ONNX file.
            threads: of one run. They sleep between runs instead of spinning: other engines share the cores.

        Raises:
            EngineFailed: the file is absent or no network.
        """
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._name = path.name
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except _BROKEN as broken:
            raise EngineFailed(f"{self._name} does not load: {broken}") from broken

    @property
    def inputs(self) -> frozenset[str]:
        """Names of what it takes."""
        return frozenset(one.name for one in self._session.get_inputs())

    def run(self, inputs: Mapping[str, NDArray[np.generic]]) -> list[NDArray[np.float32]]:
        """Run it once, blocking; all outputs in the network's order.

        Raises:
            EngineFailed: it cannot take these inputs.
        """
        try:
            return self._session.run(None, inputs)
        except _BROKEN as broken:
            raise EngineFailed(f"{self._name} broke: {broken}") from broken
