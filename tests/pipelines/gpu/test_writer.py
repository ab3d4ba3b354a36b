"""A causal LM through transformers: pieces as they are made, and an end as soon as nobody listens."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipelines.ports import EngineFailed, Writer, WriterRequest
from pipelines.speech.torch_device import gpu_extra
from pipelines.speech.transformers_writer import PieceStreamer, TransformersWriter, prompt_text
from tests.pipelines.gpu.tiny import CHAT_TEMPLATE, save_llama, transformers

REQUEST = WriterRequest(
    fact="A restart takes two minutes.",
    question="How long does it take?",
    guidance="Calm. State the fact.",
    company="Northwind",
    persona="a calm, practical support agent",
    max_tokens=12,
)


def count_passes(writer: TransformersWriter) -> list[int]:
    """Grows by one with every token that the network makes."""
    passes: list[int] = []
    writer._parts.network.register_forward_hook(lambda *_: passes.append(1))
    return passes


@pytest.mark.parametrize("chat_template", [CHAT_TEMPLATE, None], ids=["chat template", "plain prompt"])
async def test_the_reply_comes_in_pieces(tmp_path: Path, chat_template: str | None) -> None:
    """Twelve tokens arrive one by one and make the text that the model writes in one go."""
    writer = TransformersWriter.load(str(save_llama(tmp_path, chat_template=chat_template)), "cpu")
    as_port: Writer = writer
    await writer.warm_up()
    passes = count_passes(writer)
    pieces = [piece async for piece in as_port.write(REQUEST)]
    assert len(passes) == 12
    assert len(pieces) >= 6
    assert all(pieces)
    again = [piece async for piece in as_port.write(REQUEST)]
    assert "".join(again) == "".join(pieces)
    writer.close()


async def test_closing_the_iterator_stops_the_network_within_a_token(tmp_path: Path) -> None:
    """After aclose the thread makes at most the token it is at, and the next reply gets the device."""
    writer = TransformersWriter.load(str(save_llama(tmp_path)), "cpu")
    passes = count_passes(writer)
    reply = writer.write(replace(REQUEST, max_tokens=3000))
    for _ in range(3):
        await anext(reply)
    await reply.aclose()
    made = len(passes)
    after = [piece async for piece in writer.write(replace(REQUEST, max_tokens=2))]
    assert after
    assert len(passes) <= made + 2 + 2
    assert made < 1000
    writer.close()


async def test_a_cancelled_listener_stops_the_network_too(tmp_path: Path) -> None:
    """A barge-in cancels the task that reads the reply: the device is free at once."""
    writer = TransformersWriter.load(str(save_llama(tmp_path)), "cpu")
    passes = count_passes(writer)
    speaking = asyncio.Event()

    async def listen() -> None:
        async for _ in writer.write(replace(REQUEST, max_tokens=3000)):
            speaking.set()

    listener = asyncio.create_task(listen())
    await speaking.wait()
    listener.cancel()
    with pytest.raises(asyncio.CancelledError):
        await listener
    async for _ in writer.write(replace(REQUEST, max_tokens=2)):
        pass
    assert len(passes) < 1000
    writer.close()


async def test_too_many_replies_are_refused(tmp_path: Path) -> None:
    """One at once and none waiting: the second reply fails at once instead of queueing without limit."""
    loaded = TransformersWriter.load(str(save_llama(tmp_path)), "cpu")
    writer = TransformersWriter(loaded._parts, at_once=1, waiting=0)
    first = writer.write(replace(REQUEST, max_tokens=3000))
    await anext(first)
    with pytest.raises(EngineFailed, match="waiting already"):
        await anext(writer.write(REQUEST))
    await first.aclose()
    loaded.close()
    writer.close()


async def test_a_model_that_breaks_says_so(tmp_path: Path) -> None:
    """Weights that do not fit the tokenizer break in the middle of the work, and the error names the writer."""
    writer = TransformersWriter.load(str(save_llama(tmp_path)), "cpu")
    network: Any = writer._parts.network
    network.model.embed_tokens = gpu_extra("torch").nn.Embedding(3, 16)
    with pytest.raises(EngineFailed, match=r"writer .*IndexError"):
        await anext(writer.write(REQUEST))
    writer.close()


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    """A directory without a model fails with the name of the engine and the place."""
    with pytest.raises(EngineFailed, match=r"writer .*nowhere"):
        TransformersWriter.load(str(tmp_path / "nowhere"), "cpu")


def test_a_template_without_a_system_role_gets_the_instructions_with_the_question(tmp_path: Path) -> None:
    """Some chat templates raise on a system turn."""
    strict = (
        "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}" + CHAT_TEMPLATE
    )
    tokenizer = transformers.AutoTokenizer.from_pretrained(save_llama(tmp_path, chat_template=strict))
    turns = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hello?"}]
    assert prompt_text(tokenizer, turns) == "user: Be kind.\n\nHello?\nassistant:"


def test_half_a_character_waits_for_its_other_half(tmp_path: Path) -> None:
    """A character of two byte tokens is handed on as one piece."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(save_llama(tmp_path))
    torch = gpu_extra("torch")
    pieces: list[str] = []
    streamer = PieceStreamer(tokenizer, pieces.append)
    streamer.put(torch.tensor([[1, 2, 3]]))
    for token in tokenizer("a\u00e9b")["input_ids"]:
        streamer.put(torch.tensor([token]))
    streamer.end()
    assert pieces == ["a", "\u00e9", "b"]
