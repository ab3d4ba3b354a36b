"""Emotion from the voice by a network on a GPU, computed in batches across calls."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipelines.emotion.baseline import Prior
from pipelines.emotion.batch_worker import BatchWorker
from pipelines.emotion.batching import Limits
from pipelines.emotion.estimate import Reading
from pipelines.emotion.judges import HeadJudge, Judge, OutputsJudge
from pipelines.emotion.prosody import prosody
from pipelines.emotion.shipped import load_file
from pipelines.emotion.voice import VoiceHead, voice_vector
from pipelines.emotion.voice_network import LONGEST_S, Row, VoiceNetwork, load_voice_network
from pipelines.ports import EngineFailed, Pcm, VoiceFeatures
from pipelines.speech.pool import Pool

Vector = NDArray[np.float32]


class TransformersVoiceReader:
    """`ports.VoiceReader` over a network on a device; many calls share its batches."""

    def __init__(self, network: VoiceNetwork, judge: Judge, limits: Limits, *, deadline_s: float = 1.0) -> None:
        """Take a loaded network and whoever reads its outputs (see `load`).

        Args:
            network: on its device.
            judge: reads the features.
            limits: of a batch and of the queue.
            deadline_s: longest wait for one utterance.
        """
        self.judge = judge
        self.network = network
        self._deadline_s = deadline_s
        self._before = Pool(f"voice-rows {network.name}", at_once=2, waiting=limits.waiting)
        self._worker = BatchWorker[Row, Vector](f"voice {network.name}", network.compute, limits)

    @classmethod
    def load(
        cls,
        model: str,
        device: str = "auto",
        *,
        head: Path | None = None,
        labels: Mapping[str, str] | None = None,
        temperature: float = 1.0,
        rows: int = 32,
        linger_s: float = 0.02,
        waiting: int = 256,
        deadline_s: float = 1.0,
        compiles: bool = False,
    ) -> TransformersVoiceReader:
        """Load a checkpoint. It blocks for seconds to minutes: call it in a thread, before calls come.

        Args:
            model: hub id or directory of an audio classifier, an Odyssey network or a Whisper.
            device: see `choose_device`.
            head: file of a head that was trained on this Whisper.
            labels: see `outputs.meaning_of`.
            temperature: see `outputs.ClassHead`.
            rows: see `batching.Limits`.
            linger_s: see `batching.Limits`.
            waiting: see `batching.Limits`.
            deadline_s: longest wait for one utterance.
            compiles: see `load_voice_network`.

        Raises:
            EngineFailed: as `load_voice_network`; its outputs are no emotions; a Whisper comes without a head, another
                network with one; the head is broken.
        """
        network = load_voice_network(model, device, compiles=compiles)
        if bool(network.outputs) == (head is not None):
            raise EngineFailed(
                f"voice network {model}: a Whisper needs a head that was trained on it, others bring their own"
            )
        judge: Judge
        if head is not None:
            judge = HeadJudge(VoiceHead.from_arrays(load_file(head)))
        else:
            judge = OutputsJudge(network.outputs, f"transformers:{model}", temperature, labels)
        return cls(network, judge, Limits(rows, linger_s, waiting, mixes=network.pads), deadline_s=deadline_s)

    @property
    def prior(self) -> Prior | None:
        """See `ports.VoiceReader`."""
        return self.judge.prior

    async def warm_up(self) -> None:
        """Compute silence.

        Raises:
            EngineFailed: the network does not run, or its head was trained on another one.
        """
        silence = np.zeros(8000, np.int16)

        def compute() -> Vector:
            self.network.warm_up()
            row = self.network.row(silence, 8000)
            return self.network.compute([row], row.size)[0]

        outputs = await self._before.run(compute, deadline_s=1800.0 if self.network.compiled else 120.0)
        await self._features(outputs, silence, 8000)

    async def read_voice(self, pcm: Pcm, rate_hz: int, encoded: Vector | None) -> VoiceFeatures:
        """See `ports.VoiceReader`; the recogniser's states are not used.

        Raises:
            Busy: too much waits already, or the answer would be late.
            EngineFailed: the network broke, or what it says is not finite.
        """
        row = await self._before.run(lambda: self.network.row(pcm, rate_hz), deadline_s=self._deadline_s)
        outputs = await self._worker.run(row, row.size, deadline_s=self._deadline_s)
        return await self._features(outputs, pcm, rate_hz)

    async def _features(self, outputs: Vector, pcm: Pcm, rate_hz: int) -> VoiceFeatures:
        """What the judge reads: the outputs, or pooled states beside the prosody."""
        if not np.isfinite(outputs).all():
            raise EngineFailed(f"voice network {self.network.name}: its outputs are not finite")
        if isinstance(self.judge, OutputsJudge):
            return VoiceFeatures(self.judge.head.features(outputs), len(pcm) / rate_hz)
        heard = pcm[-int(LONGEST_S * rate_hz) :]
        described, speech_s = await self._before.run(lambda: prosody(heard, rate_hz), deadline_s=self._deadline_s)
        vector = voice_vector(outputs, described)
        prior = self.prior
        if prior is not None and vector.shape != prior.mean.shape:
            raise EngineFailed(f"voice network {self.network.name}: its head was trained on another encoder")
        return VoiceFeatures(vector, speech_s)

    def estimate(self, features: Vector) -> Reading:
        """See `ports.VoiceReader`."""
        return self.judge.estimate(features)

    def close(self) -> None:
        """Drop waiting work."""
        self._worker.close()
        self._before.close()
