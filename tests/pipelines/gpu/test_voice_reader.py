"""Emotion from the voice by networks on a device: loading, what outputs mean, batches, faults."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipelines.emotion import emotion2vec, odyssey, voice_network
from pipelines.emotion.batching import Busy, Limits, Why
from pipelines.emotion.emotion2vec import alibi_slopes
from pipelines.emotion.estimate import LABELS, Label
from pipelines.emotion.judges import HeadJudge, OutputsJudge, judge_from
from pipelines.emotion.outputs import AttributeHead, head_for, log_shares, meaning_of
from pipelines.emotion.prosody import NAMES
from pipelines.emotion.settled import settle
from pipelines.emotion.transformers_reader import TransformersVoiceReader
from pipelines.emotion.voice_network import Row, VoiceNetwork, compiled, load_voice_network
from pipelines.ports import EngineFailed, Pcm, VoiceReader
from pipelines.speech.torch_device import Device
from tests.pipelines.gpu.tiny import (
    ODYSSEY,
    TINY,
    safetensors,
    save_emotion2vec,
    save_head,
    save_odyssey,
    save_wav2vec2,
    save_wavlm,
    save_whisper,
    torch,
    transformers,
)


def noise(seconds: float, rate_hz: int = 8000, seed: int = 3) -> Pcm:
    """A stretch of noise."""
    return np.random.default_rng(seed).integers(-8000, 8000, int(seconds * rate_hz)).astype(np.int16)


def reader_over(network: VoiceNetwork, limits: Limits | None = None) -> TransformersVoiceReader:
    """A reader over a network that was changed after loading."""
    return TransformersVoiceReader(network, OutputsJudge(network.outputs, "tiny"), limits or Limits())


async def test_an_utterance_becomes_logits_and_logits_a_reading(tmp_path: Path) -> None:
    """A telephone utterance goes through a real WavLM classifier to labels, valence and arousal."""
    reader = TransformersVoiceReader.load(str(save_wavlm(tmp_path, ODYSSEY)), "cpu")
    as_port: VoiceReader = reader
    await reader.warm_up()
    features = await as_port.read_voice(noise(1.5), 8000, None)
    reading = as_port.estimate(features.vector)
    assert features.vector.shape == (8,)
    assert np.exp(features.vector).sum() == pytest.approx(1.0, abs=1e-3)
    assert features.speech_s == pytest.approx(1.5)
    assert as_port.prior is None
    assert set(reading.probabilities) == set(LABELS)
    assert sum(reading.probabilities.values()) == pytest.approx(1.0)
    assert -1 <= reading.valence <= 1
    assert -1 <= reading.arousal <= 1
    reader.close()


@pytest.mark.parametrize(("seconds", "rate_hz"), [(0.0, 8000), (0.01, 8000), (1800.0, 8000), (2.0, 96_000)])
def test_utterances_of_any_length_and_rate_become_rows(tmp_path: Path, seconds: float, rate_hz: int) -> None:
    """Nothing at all is padded, half an hour is cut to its last 20 seconds, 96 kHz is brought down."""
    network = load_voice_network(str(save_wavlm(tmp_path, ODYSSEY, feat_extract_norm="layer")), "cpu")
    row = network.row(noise(seconds, rate_hz), rate_hz)
    assert 4000 <= row.length <= row.size <= 20 * 16_000
    assert np.isfinite(network.compute([row], row.size)[0]).all()


@pytest.mark.parametrize(
    "save",
    [save_wavlm, save_wav2vec2, save_odyssey, save_emotion2vec],
    ids=["wavlm", "wav2vec2", "odyssey", "emotion2vec"],
)
def test_a_row_in_a_padded_batch_says_what_it_says_alone(tmp_path: Path, save: Any) -> None:
    """Padding and neighbours change nothing: a mask hides them."""
    shape = (
        {} if save in (save_odyssey, save_emotion2vec) else {"feat_extract_norm": "layer", "do_stable_layer_norm": True}
    )
    network = load_voice_network(str(save(tmp_path, ODYSSEY, **shape)), "cpu")
    rows = [network.row(noise(seconds, seed=place), 8000) for place, seconds in enumerate((0.7, 1.3, 1.9, 2.6))]
    alone = [network.compute([row], row.length)[0] for row in rows]
    together = network.compute(rows, max(row.size for row in rows))
    assert network.pads
    np.testing.assert_allclose(together, alone, atol=2e-5)


@pytest.mark.parametrize(
    "save",
    [save_wavlm, save_wav2vec2, save_odyssey, save_emotion2vec, save_whisper],
    ids=lambda save: save.__name__[5:],
)
def test_half_precision_says_nearly_the_same(tmp_path: Path, save: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a GPU: weights and input in bfloat16, what would drown in it in float32."""
    model = str(save(tmp_path) if save is save_whisper else save(tmp_path, ODYSSEY))
    whole = load_voice_network(model, "cpu")
    monkeypatch.setattr(voice_network, "choose_device", lambda _: Device("cpu", torch.bfloat16))
    half = load_voice_network(model, "cpu")
    row = whole.row(noise(1.9), 8000)
    expected, found = whole.compute([row, row], row.size)[0], half.compute([row, row], row.size)[0]
    assert found.dtype == np.float32
    assert np.abs(found - expected).max() < 0.1 * max(1.0, float(np.abs(expected).max()))


def test_a_network_that_knows_no_padding_gets_none(tmp_path: Path) -> None:
    """Group norm runs over the whole length and would hear the padding: lengths are cut to quarter seconds."""
    network = load_voice_network(str(save_wavlm(tmp_path, ODYSSEY)), "cpu")
    row = network.row(noise(1.9), 8000)
    assert not network.pads
    assert row.length == row.size == 28_000
    with pytest.raises(EngineFailed, match="padding"):
        compiled(network)


async def test_calls_share_a_batch(tmp_path: Path) -> None:
    """While the first utterance is computed, six more gather and go together."""
    reader = TransformersVoiceReader.load(str(save_wavlm(tmp_path, ODYSSEY, feat_extract_norm="layer")), "cpu")
    found = await asyncio.gather(*(reader.read_voice(noise(1.4, seed=seed), 8000, None) for seed in range(7)))
    assert all(np.isfinite(features.vector).all() for features in found)
    assert sum(rows * times for rows, times in reader._worker.batches.items()) == 7
    assert sum(reader._worker.batches.values()) < 7
    reader.close()


class Short:
    """Memory for so many rows only, as a GPU has it."""

    def __init__(self, network: VoiceNetwork, rows: int) -> None:
        self._forward = network.forward
        self._rows = rows
        self.seen: list[int] = []

    def forward(self, values: Any, lengths: Any) -> Any:
        """Run out of memory, or compute."""
        self.seen.append(len(values))
        if len(values) > self._rows:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return self._forward(values, lengths)


async def test_a_batch_that_does_not_fit_is_halved(tmp_path: Path) -> None:
    """Every utterance is read all the same, and the next batch is small from the start."""
    network = load_voice_network(str(save_wavlm(tmp_path, ODYSSEY, feat_extract_norm="layer")), "cpu")
    short = Short(network, 2)
    reader = reader_over(replace(network, forward=short.forward), Limits(rows=8, linger_s=0.3))
    for _ in range(2):
        await asyncio.gather(*(reader.read_voice(noise(1.4, seed=seed), 8000, None) for seed in range(8)))
    assert max(short.seen) > 2
    assert max(short.seen[-3:]) <= 2
    assert max(reader._worker.batches) <= 2
    reader.close()


async def test_an_utterance_that_never_fits_is_refused(tmp_path: Path) -> None:
    """The embedded model takes it; the reader goes on."""
    network = load_voice_network(str(save_wavlm(tmp_path, ODYSSEY)), "cpu")
    reader = reader_over(replace(network, forward=Short(network, 0).forward))
    with pytest.raises(Busy) as refused:
        await reader.read_voice(noise(1.0), 8000, None)
    assert refused.value.why is Why.MEMORY
    reader.close()


async def test_outputs_that_are_no_numbers_are_no_emotion(tmp_path: Path) -> None:
    """A row that overflowed is refused by itself; the others of its batch are read."""
    network = load_voice_network(str(save_wavlm(tmp_path, ODYSSEY)), "cpu")

    def broken(values: Any, lengths: Any) -> Any:
        outputs = network.forward(values, lengths)
        outputs[0] = float("nan")
        return outputs

    reader = reader_over(replace(network, forward=broken))
    with pytest.raises(EngineFailed, match="not finite"):
        await reader.read_voice(noise(1.0), 8000, None)
    reader.close()


async def test_sound_that_is_no_number_is_refused(tmp_path: Path) -> None:
    """NaN from a broken decoder."""
    reader = TransformersVoiceReader.load(str(save_wavlm(tmp_path, ODYSSEY)), "cpu")
    with pytest.raises(EngineFailed, match="not finite"):
        await reader.read_voice(np.full(8000, np.nan), 8000, None)
    reader.close()


@pytest.mark.parametrize("older", [False, True], ids=["safetensors", "older names, pickled"])
async def test_an_odyssey_network_runs_without_its_code(tmp_path: Path, older: bool) -> None:
    """Weights and configuration are enough; the code that the checkpoint names is not even there."""
    reader = TransformersVoiceReader.load(str(save_odyssey(tmp_path, ODYSSEY, older=older)), "cpu")
    await reader.warm_up()
    features = await reader.read_voice(noise(2.0), 8000, None)
    assert features.vector.shape == (8,)
    assert sum(reader.estimate(features.vector).probabilities.values()) == pytest.approx(1.0)
    reader.close()


def test_odyssey_pooling_is_weighted_mean_and_deviation(tmp_path: Path) -> None:
    """By the formula, in double precision, on the states of the encoder."""
    config, _ = transformers.PretrainedConfig.get_config_dict(str(save_odyssey(tmp_path, ODYSSEY)))
    network = odyssey.load(str(tmp_path), config, 8, Device("cpu", torch.float32))
    settle(network.encoder)
    values = torch.randn(1, 8000)
    with torch.inference_mode():
        states = network.encoder(values).last_hidden_state[0].double()
        urgency = torch.tanh(states @ network.pooling.weight.double().T + network.pooling.bias)
        score = urgency @ network.attention.double()
        share = torch.exp(score) / torch.exp(score).sum()
        mean = (share * states).sum(0)
        spread = torch.sqrt((share * (states - mean) ** 2).sum(0))
        expected = network.perceptron(torch.cat([mean, spread]).float()[None])
        found = network.forward(values, torch.ones_like(values).long())
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("padded", [False, True])
def test_a_settled_network_says_what_it_said(padded: bool) -> None:
    """Faster, and nothing else."""
    torch.manual_seed(2)
    shape = {**TINY, "num_hidden_layers": 2, "feat_extract_norm": "layer", "do_stable_layer_norm": True}
    plain = transformers.WavLMModel(transformers.WavLMConfig(**shape)).eval()
    values, mask = torch.randn(2, 6400), torch.ones(2, 6400).long()
    if padded:
        mask[0, 4000:] = 0
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore", UserWarning)  # of torch, about the masks that transformers mixes
        before = plain(values, attention_mask=mask).last_hidden_state
        settle(plain)
        after = plain(values, attention_mask=mask).last_hidden_state
    held = 12 if padded else before.shape[1]
    np.testing.assert_allclose(after[0, :held], before[0, :held], atol=1e-5)
    np.testing.assert_allclose(after[1], before[1], atol=1e-5)


def test_odyssey_weights_of_something_else_are_refused(tmp_path: Path) -> None:
    """Neither a missing nor a foreign weight passes."""
    file = save_odyssey(tmp_path, ODYSSEY) / "model.safetensors"
    whole = safetensors.load_file(file)
    for key in ("pool_model.attention", "ser_model.out.0.weight", "ssl_model.encoder.layers.0.attention.q_proj.weight"):
        safetensors.save_file({name: value for name, value in whole.items() if name != key}, file)
        with pytest.raises(EngineFailed, match=r"lacks|attention"):
            load_voice_network(str(tmp_path), "cpu")
    safetensors.save_file({**whole, "other.weight": torch.zeros(1)}, file)
    with pytest.raises(EngineFailed, match="something else"):
        load_voice_network(str(tmp_path), "cpu")


@pytest.mark.parametrize("wrapped", [False, True])
async def test_an_emotion2vec_runs_from_its_weights_and_classes(tmp_path: Path, wrapped: bool) -> None:
    """Its classes have two names each; 'unk' has no share."""
    reader = TransformersVoiceReader.load(str(save_emotion2vec(tmp_path, (*ODYSSEY, "<unk>"), wrapped=wrapped)), "cpu")
    await reader.warm_up()
    features = await reader.read_voice(noise(2.0), 8000, None)
    assert features.vector.shape == (9,)
    assert sum(reader.estimate(features.vector).probabilities.values()) == pytest.approx(1.0)
    reader.close()


def test_an_emotion2vec_hears_order_and_distance(tmp_path: Path) -> None:
    """Turned around, the same sound says something else; the slopes of ALiBi are the published ones."""
    network = load_voice_network(str(save_emotion2vec(tmp_path, ODYSSEY)), "cpu")
    at_s = np.arange(16_000) / 16_000
    chirp = np.sin(2 * np.pi * (100 + 900 * at_s) * at_s).astype(np.float32)
    row = Row(chirp, len(chirp), len(chirp))
    ahead, back = network.compute([row, replace(row, values=chirp[::-1].copy())], row.length)
    assert np.abs(ahead - back).max() > 1e-3
    assert alibi_slopes(8) == [2.0**-n for n in range(1, 9)]
    assert alibi_slopes(12)[8:] == pytest.approx([2**-0.5, 2**-1.5, 2**-2.5, 2**-3.5])


def test_an_emotion2vec_block_is_its_formula(tmp_path: Path) -> None:
    """Attention with distances, then norm, perceptron and norm, written out in double precision."""
    emotion2vec.find_files(str(save_emotion2vec(tmp_path, ODYSSEY)))
    place = Device("cpu", torch.float64)
    network, names = emotion2vec.load("tiny", tmp_path / "model.pt", tmp_path / "tokens.txt", place)
    weights = {name.removeprefix("blocks.1."): value for name, value in network.weights.items()}
    states, distances = torch.randn(1, 6, 16, dtype=torch.float64), network._alibi(6, "cpu").double()
    query, key, value = torch.nn.functional.linear(
        states[0], weights["attn.qkv.weight"], weights["attn.qkv.bias"]
    ).split(16, dim=1)
    heads = []
    for head in range(4):
        part = slice(4 * head, 4 * head + 4)
        score = query[:, part] @ key[:, part].T / 2 + distances[head]
        heads.append(torch.softmax(score, dim=1) @ value[:, part])
    mixed = torch.cat(heads, dim=1) @ weights["attn.proj.weight"].T + weights["attn.proj.bias"]

    def norm(rows: Any, name: str) -> Any:
        spread = rows.var(dim=1, keepdim=True, correction=0)
        centred = (rows - rows.mean(dim=1, keepdim=True)) / (spread + 1e-5).sqrt()
        return centred * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    first = norm(states[0] + mixed, "norm1")
    wide = torch.nn.functional.gelu(first @ weights["mlp.fc1.weight"].T + weights["mlp.fc1.bias"])
    expected = norm(first + wide @ weights["mlp.fc2.weight"].T + weights["mlp.fc2.bias"], "norm2")
    np.testing.assert_allclose(network._block(states, distances[None], "blocks.1")[0], expected, atol=1e-9)
    assert names[0] == "angry"


def test_an_emotion2vec_of_another_shape_is_refused(tmp_path: Path) -> None:
    """A missing block part, a part that we do not know, or more classes than outputs."""
    file = save_emotion2vec(tmp_path, ODYSSEY) / "model.pt"
    whole = torch.load(file, weights_only=True)
    for changed in (
        {name: value for name, value in whole.items() if name != "blocks.1.mlp.fc1.bias"},
        {**whole, "norm.weight": torch.zeros(16)},
    ):
        torch.save(changed, file)
        with pytest.raises(EngineFailed, match="no emotion2vec"):
            load_voice_network(str(tmp_path), "cpu")
    torch.save(whole, file)
    (tmp_path / "tokens.txt").write_text("angry\nsad\n")
    with pytest.raises(EngineFailed, match="do not fit"):
        load_voice_network(str(tmp_path), "cpu")
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(EngineFailed, match="voice network"):
        load_voice_network(str(tmp_path), "cpu")


@pytest.mark.parametrize("save", [save_wavlm, save_odyssey], ids=["wavlm", "odyssey"])
def test_a_truncated_checkpoint_is_refused(tmp_path: Path, save: Any) -> None:
    """Half a download is no model."""
    file = save(tmp_path, ODYSSEY) / "model.safetensors"
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(EngineFailed, match="voice network"):
        load_voice_network(str(tmp_path), "cpu")


def test_a_missing_checkpoint_is_named(tmp_path: Path) -> None:
    """A directory without a model fails with the name of the engine and the place."""
    with pytest.raises(EngineFailed, match=r"voice network .*nowhere"):
        load_voice_network(str(tmp_path / "nowhere"), "cpu")


async def test_a_whisper_is_read_by_a_head_that_was_trained_on_it(tmp_path: Path) -> None:
    """Pooled states and prosody, compared with the caller's baseline: the head has a prior."""
    model, head = str(save_whisper(tmp_path / "whisper")), save_head(tmp_path / "head.npz", 32)
    reader = TransformersVoiceReader.load(model, "cpu", head=head)
    await reader.warm_up()
    features = await reader.read_voice(noise(2.0), 8000, None)
    assert features.vector.shape == (32 + len(NAMES),)
    assert reader.prior is not None
    assert reader.estimate(features.vector).model == "tiny-head"
    again = judge_from(reader.judge.to_bytes())
    assert isinstance(again, HeadJudge)
    assert again.estimate(features.vector) == reader.estimate(features.vector)
    reader.close()


async def test_whisper_and_head_must_fit(tmp_path: Path) -> None:
    """Without a head, with a head for another width, with a head that was changed, or a head for a classifier."""
    model, head = str(save_whisper(tmp_path / "whisper")), save_head(tmp_path / "head.npz", 64)
    with pytest.raises(EngineFailed, match="needs a head"):
        TransformersVoiceReader.load(model, "cpu")
    reader = TransformersVoiceReader.load(model, "cpu", head=head)
    with pytest.raises(EngineFailed, match="another encoder"):
        await reader.warm_up()
    reader.close()
    with pytest.raises(EngineFailed, match="bring their own"):
        TransformersVoiceReader.load(str(save_wavlm(tmp_path / "wavlm", ODYSSEY)), "cpu", head=head)
    head.write_bytes(head.read_bytes()[:-10])
    with pytest.raises(EngineFailed, match="wrong checksum"):
        TransformersVoiceReader.load(model, "cpu", head=head)
    with pytest.raises(EngineFailed, match="missing"):
        TransformersVoiceReader.load(model, "cpu", head=tmp_path / "other.npz")


def test_a_compiled_network_says_the_same(tmp_path: Path) -> None:
    """Fixed shapes, more rows than were asked for, the same outputs."""
    network = load_voice_network(str(save_wavlm(tmp_path, ODYSSEY, feat_extract_norm="layer")), "cpu")
    shapes: list[tuple[int, ...]] = []

    def forward(values: Any, lengths: Any) -> Any:
        shapes.append(tuple(values.shape))
        return network.forward(values, lengths)

    fixed = replace(network, forward=forward, compiled=True)
    rows = [fixed.row(noise(seconds, seed=place), 8000) for place, seconds in enumerate((1.2, 1.7))]
    together = fixed.compute(rows, rows[0].size)
    assert shapes == [(4, 32_000)]
    np.testing.assert_allclose(together, [network.compute([row], row.length)[0] for row in rows], atol=2e-5)


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("Angry", Label.ANGRY),
        ("ang", Label.ANGRY),
        ("Happiness", Label.SATISFIED),
        ("sadness", Label.SAD),
        ("neutral", Label.NEUTRAL),
        ("calm", Label.NEUTRAL),
        ("fearful", Label.ANXIOUS),
        ("disgust", Label.FRUSTRATED),
        ("Contempt", Label.FRUSTRATED),
        ("confused", Label.CONFUSED),
        ("surprised", Label.CONFUSED),
    ],
)
def test_class_names_map_to_our_labels(name: str, label: Label) -> None:
    """The names that public checkpoints use find their label."""
    meaning = meaning_of(name)
    assert meaning is not None
    assert meaning.label is label


def test_what_a_class_means_can_be_chosen() -> None:
    """A setting goes before the table; a class can be left out; a wrong name on either side is an error."""
    judge = OutputsJudge(("Angry", "Contempt", "LABEL_2"), "m", labels={"contempt": "none", "LABEL_2": "confused"})
    reading = judge.estimate(np.array([0.0, 9.0, 5.0], np.float32))
    assert max(reading.probabilities, key=lambda label: reading.probabilities[label]) is Label.CONFUSED
    assert judge_from(judge.to_bytes()).estimate(np.array([0.0, 9.0, 5.0], np.float32)) == reading
    with pytest.raises(EngineFailed, match="cannot mean 'cross'"):
        head_for(("Angry", "Sad"), chosen={"Angry": "cross"})
    with pytest.raises(EngineFailed, match="no class Furious"):
        head_for(("Angry", "Sad"), chosen={"Furious": "angry"})


@pytest.mark.parametrize("held", [b"", b"[]", b"PK\x03\x04", b'{"outputs": 3}', b'{"outputs": ["a"], "labels": []}'])
def test_bytes_that_are_no_judge_are_refused(held: bytes) -> None:
    """Whatever answers on the server's port."""
    with pytest.raises(EngineFailed):
        judge_from(held)


def test_the_leading_class_leads_the_reading() -> None:
    """A clear 'Angry' is angry, unpleasant and excited; 'other' takes no share."""
    reading = head_for(["other", "Angry", "Neutral"]).read(np.array([9.0, 6.0, 0.0], dtype=np.float32), "m")
    assert max(reading.probabilities, key=lambda label: reading.probabilities[label]) is Label.ANGRY
    assert reading.confidence > 0.95
    assert reading.valence < -0.5
    assert reading.arousal > 0.5
    cooler = head_for(["other", "Angry", "Neutral"], temperature=4.0)
    assert cooler.read(np.array([9.0, 6.0, 0.0], dtype=np.float32), "m").confidence < reading.confidence


def test_attributes_are_read_as_a_place() -> None:
    """Arousal, dominance, valence in 0..1: low valence and high arousal are angry, the middle is neutral."""
    head = head_for(["arousal", "dominance", "valence"])
    assert head == AttributeHead(valence=2, arousal=0)
    angry = head.read(np.array([0.9, 0.8, 0.1], dtype=np.float32), "m")
    assert angry.valence == pytest.approx(-0.8)
    assert angry.arousal == pytest.approx(0.8)
    assert max(angry.probabilities, key=lambda label: angry.probabilities[label]) is Label.ANGRY
    calm = head.read(np.array([0.5, 0.5, 0.5], dtype=np.float32), "m")
    assert max(calm.probabilities, key=lambda label: calm.probabilities[label]) is Label.NEUTRAL


def test_logits_and_probabilities_become_the_same_shares() -> None:
    """A network that ends in a softmax is not softened twice."""
    logits = np.array([8.0, 12.0, -3.0], dtype=np.float32)
    shares = np.exp(log_shares(logits)).astype(np.float32)
    assert shares.sum() == pytest.approx(1.0, abs=1e-4)
    assert log_shares(shares) == pytest.approx(log_shares(logits), abs=1e-2)


@pytest.mark.parametrize("save", [save_wavlm, save_odyssey], ids=["wavlm", "odyssey"])
async def test_an_attribute_checkpoint_loads_by_its_output_names(tmp_path: Path, save: Any) -> None:
    """A regression head is recognised by the names of its outputs."""
    names: Sequence[str] = ("arousal", "dominance", "valence")
    reader = TransformersVoiceReader.load(str(save(tmp_path, names)), "cpu")
    features = await reader.read_voice(noise(1.0), 8000, None)
    assert sum(reader.estimate(features.vector).probabilities.values()) == pytest.approx(1.0)
    reader.close()


def test_a_classifier_of_something_else_is_refused(tmp_path: Path) -> None:
    """A keyword spotter is no emotion model."""
    with pytest.raises(EngineFailed, match="no emotions among the outputs"):
        TransformersVoiceReader.load(str(save_wavlm(tmp_path, ("yes", "no", "stop"))), "cpu")


def test_a_checkpoint_without_its_head_is_refused(tmp_path: Path) -> None:
    """A bare encoder would get a random head: loading says so instead of guessing emotions."""
    save_wavlm(tmp_path, ODYSSEY)
    classifier = transformers.WavLMForSequenceClassification.from_pretrained(tmp_path)
    classifier.wavlm.save_pretrained(tmp_path)
    with pytest.raises(EngineFailed, match=r"no weights for classifier"):
        TransformersVoiceReader.load(str(tmp_path), "cpu")


async def test_a_checkpoint_of_older_days_loads(tmp_path: Path) -> None:
    """Weight norm under its old names, and no mask embedding, which only training reads."""
    path = save_wavlm(tmp_path, ODYSSEY) / "model.safetensors"
    older = {
        key.replace("parametrizations.weight.original0", "weight_g").replace(
            "parametrizations.weight.original1", "weight_v"
        ): weights
        for key, weights in safetensors.load_file(path).items()
        if "masked_spec_embed" not in key
    }
    assert any(key.endswith("weight_g") for key in older)
    safetensors.save_file(older, path, metadata={"format": "pt"})
    reader = TransformersVoiceReader.load(str(tmp_path), "cpu")
    assert (await reader.read_voice(noise(1.0), 8000, None)).vector.shape == (8,)
    reader.close()
