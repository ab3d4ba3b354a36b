"""A causal LM through transformers: the writer for a machine with a GPU."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.ports import WriterRequest
from pipelines.speech.pool import Pool
from pipelines.speech.prompt import chat_messages
from pipelines.speech.torch_device import Device, blamed_on, choose_device, gpu_extra, load_network

UNFINISHED = "\ufffd"
"""What a tokenizer makes of half a character."""

Messages = Sequence[dict[str, str]]


@dataclass(frozen=True, slots=True)
class WriterParts:
    """A loaded causal LM: transformers' tokenizer and network, and where they run."""

    tokenizer: Any
    network: Any
    device: Device
    name: str


class TransformersWriter:
    """`ports.Writer` over a causal LM; tokens come as they are made, and closing the iterator stops their making."""

    def __init__(self, parts: WriterParts, *, at_once: int = 1, waiting: int = 16, deadline_s: float = 30.0) -> None:
        """Take loaded parts (see `load`).

        Args:
            parts: tokenizer and network.
            at_once: replies at once on the device.
            waiting: replies that may wait.
            deadline_s: longest time for one whole reply.
        """
        self._parts = parts
        self._deadline_s = deadline_s
        self._pool = Pool(f"transformers-writer {parts.name}", at_once=at_once, waiting=waiting)

    @classmethod
    def load(cls, model: str, device: str = "auto", at_once: int = 1) -> TransformersWriter:
        """Load a checkpoint. It blocks for seconds to minutes: call it in a thread, before calls come.

        Args:
            model: hub id ('Qwen/Qwen2.5-7B-Instruct') or directory.
            device: see `choose_device`.
            at_once: replies at once.

        Raises:
            EngineFailed: a package, the model or the device is missing.
        """
        transformers = gpu_extra("transformers")
        place = choose_device(device)
        with blamed_on(f"writer {model}"):
            tokenizer = transformers.AutoTokenizer.from_pretrained(model)
            network = load_network(transformers.AutoModelForCausalLM, model, place)
        return cls(WriterParts(tokenizer, network, place, model), at_once=at_once)

    async def warm_up(self) -> None:
        """Write two tokens, so that the first caller does not pay for kernels and caches.

        Raises:
            EngineFailed: the model does not run.
        """
        request = WriterRequest("Hello.", "Hello?", "Be brief.", "us", "an agent", max_tokens=2)
        async for _ in self.write(request):
            pass

    async def write(self, request: WriterRequest) -> AsyncGenerator[str, None]:
        """See `ports.Writer`. A closed iterator is noticed before the next token.

        Raises:
            EngineFailed: the model broke, the deadline passed, or too many replies wait.
        """
        loop = asyncio.get_running_loop()
        stop = threading.Event()
        # A piece per token, the rest at the end, and the end itself: the queue can never be full.
        pieces: asyncio.Queue[str | None] = asyncio.Queue(request.max_tokens + 2)

        def hand_over(piece: str) -> None:
            loop.call_soon_threadsafe(pieces.put_nowait, piece)

        streamer = PieceStreamer(self._parts.tokenizer, hand_over)
        work = self._pool.run(lambda: _generate(self._parts, request, streamer, stop), deadline_s=self._deadline_s)
        generation = loop.create_task(work, name="transformers-writer")
        generation.add_done_callback(lambda _: pieces.put_nowait(None))
        try:
            while (piece := await pieces.get()) is not None:
                yield piece
            await generation
        finally:
            stop.set()
            generation.cancel()
            await asyncio.wait([generation])

    def close(self) -> None:
        """Drop waiting work."""
        self._pool.close()


class PieceStreamer:
    """What transformers calls with each token; hands on text as soon as it is whole characters."""

    def __init__(self, tokenizer: Any, hand_over: Callable[[str], None]) -> None:
        """Take a tokenizer and a function of one piece of text, called in the generating thread."""
        self._tokenizer = tokenizer
        self._hand_over = hand_over
        self._prompt_seen = False
        self._tokens: list[int] = []
        self._sent = 0

    def put(self, tokens: Any) -> None:
        """Take new token ids; the first call brings the prompt, which is left out."""
        if not self._prompt_seen:
            self._prompt_seen = True
            return
        self._tokens.extend(tokens.reshape(-1).tolist())
        self._send(self._text().removesuffix(UNFINISHED))

    def end(self) -> None:
        """Hand on what is left."""
        self._send(self._text())

    def _text(self) -> str:
        decoded: str = self._tokenizer.decode(
            self._tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return decoded

    def _send(self, text: str) -> None:
        if len(text) > self._sent:
            self._hand_over(text[self._sent :])
            self._sent = len(text)


def _generate(parts: WriterParts, request: WriterRequest, streamer: PieceStreamer, stop: threading.Event) -> None:
    """Write the reply into the streamer until it ends or is stopped. Blocks."""
    if stop.is_set():
        return
    torch, transformers = gpu_extra("torch"), gpu_extra("transformers")

    def stopped(tokens: Any, _scores: Any, **_: Any) -> Any:
        return torch.full((tokens.shape[0],), stop.is_set(), dtype=torch.bool, device=tokens.device)

    with blamed_on(f"writer {parts.name}"), torch.inference_mode():
        prompt = prompt_text(parts.tokenizer, chat_messages(request))
        templated = bool(parts.tokenizer.chat_template)
        tokens = parts.tokenizer(prompt, return_tensors="pt", add_special_tokens=not templated)
        parts.network.generate(
            input_ids=tokens["input_ids"].to(parts.device.name),
            attention_mask=tokens["attention_mask"].to(parts.device.name),
            max_new_tokens=request.max_tokens,
            do_sample=False,
            streamer=streamer,
            stopping_criteria=transformers.StoppingCriteriaList([stopped]),
            tokenizer=parts.tokenizer,
            **({} if templated else {"stop_strings": ["\nCaller:"]}),
        )


def prompt_text(tokenizer: Any, messages: Messages) -> str:
    """The prompt as text: by the tokenizer's chat template, else as a written dialogue.

    A template that knows no system role gets the instructions with the first question.
    """
    if not tokenizer.chat_template:
        return "\n".join([*(f"{_SPEAKERS[turn['role']]}{turn['content']}" for turn in messages), "Agent:"])
    try:
        return _templated(tokenizer, messages)
    except gpu_extra("jinja2").TemplateError:
        return _templated(tokenizer, without_system(messages))


_SPEAKERS = {"system": "", "user": "Caller: ", "assistant": "Agent: "}


def without_system(messages: Messages) -> Messages:
    """The same dialogue with the system turns put before the words of the turn that follows."""
    kept: list[dict[str, str]] = []
    instructions = ""
    for turn in messages:
        if turn["role"] == "system":
            instructions += turn["content"] + "\n\n"
        else:
            kept.append({"role": turn["role"], "content": instructions + turn["content"]})
            instructions = ""
    return kept


def _templated(tokenizer: Any, messages: Messages) -> str:
    text: str = tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=True)
    return text
