"""The embedded LLM in its own process: killed in mid-sentence it hurts nobody, and it is back by itself."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from pipelines.ports import EngineFailed, WriterRequest
from pipelines.speech.llama import EmbeddedLlama, backoff_s
from pipelines.speech.writer import Deadlines, OpenAIWriter

REQUEST = WriterRequest(
    fact="Open the flap, hold the button for ten seconds, and wait until the light is blue.",
    question="What do I do?",
    guidance="The caller sounds calm.",
    company="Fenwillow Home",
    persona="an agent",
    max_tokens=200,
)
PATIENT = Deadlines(connect_s=5, first_piece_s=60, piece_s=60)


def model_file() -> Path:
    """The installed SmolLM2, in the model cache that the settings name."""
    cache = os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))
    folder = Path(os.environ.get("ATTUNE_MODELS__CACHE_DIR", str(Path(cache) / "attune" / "models"))) / "smollm2-135m"
    found = sorted(folder.glob("*.gguf"))
    if not found:
        pytest.skip(f"no GGUF file in {folder}: install the model with `attune models install smollm2-135m`")
    return found[0]


@pytest.fixture
async def llama() -> AsyncIterator[EmbeddedLlama]:
    """The model, loaded in a child process."""
    async with EmbeddedLlama(model_file(), threads=1, context_tokens=1024, at_once=2) as llama:
        yield llama


async def until(condition: Callable[[], bool], deadline_s: float = 60.0) -> None:
    """Look again every 20 ms: another process has no event to wait for."""
    for _ in range(int(deadline_s / 0.02)):
        if condition():
            return
        await asyncio.sleep(0.02)
    pytest.fail(f"nothing happened in {deadline_s:g} s")


async def test_it_writes_two_replies_at_once(llama: EmbeddedLlama) -> None:
    """Two replies at once, over the address that the child told, twice the same at temperature 0."""
    assert llama.is_up
    assert llama.is_small
    writer = OpenAIWriter(llama.base_url, "embedded", plain_prompt=True, temperature=0.0, deadlines=PATIENT)

    async def write() -> str:
        return "".join([piece async for piece in writer.write(replace(REQUEST, max_tokens=12))])

    first, second = await asyncio.gather(write(), write())
    assert len(first.split()) > 3
    assert len(second.split()) > 3
    assert await write() in (first, second)
    await writer.aclose()


async def test_a_kill_in_mid_sentence_fails_the_reply_and_the_child_comes_back(llama: EmbeddedLlama) -> None:
    """The stream breaks within a second, the address stays, and the next reply is written."""
    writer = OpenAIWriter(llama.base_url, "embedded", plain_prompt=True, deadlines=PATIENT)
    address, killed = llama.base_url, llama.pid
    assert killed is not None
    async with aclosing(writer.write(REQUEST)) as pieces:
        await anext(pieces)
        os.kill(killed, signal.SIGKILL)
        async with asyncio.timeout(1):
            with pytest.raises(EngineFailed):
                async for _ in pieces:
                    pass
    await until(lambda: llama.is_up and llama.pid != killed)
    assert llama.base_url == address
    await until(lambda: llama.restarts == 1)
    assert [piece async for piece in writer.write(replace(REQUEST, max_tokens=3))]
    await writer.aclose()


async def test_closing_a_reply_stops_its_making(llama: EmbeddedLlama) -> None:
    """After a barge-in the child falls quiet: the cores belong to the caller's next words."""
    writer = OpenAIWriter(llama.base_url, "embedded", plain_prompt=True, temperature=1.0, deadlines=PATIENT)
    async with aclosing(writer.write(replace(REQUEST, max_tokens=900))) as pieces:
        await anext(pieces)
    child = psutil.Process(llama.pid)

    async def is_quiet() -> bool:
        before = child.cpu_times()
        await asyncio.sleep(0.5)
        after = child.cpu_times()
        return after.user + after.system - before.user - before.system < 0.1

    async with asyncio.timeout(10):
        while not await is_quiet():
            pass
    await writer.aclose()


async def test_it_ends_with_its_context() -> None:
    """No process is left behind."""
    async with EmbeddedLlama(model_file(), context_tokens=512) as llama:
        child = psutil.Process(llama.pid)
        assert child.is_running()
    assert not child.is_running()
    assert not llama.is_up
    assert llama.pid is None


async def test_it_dies_with_a_parent_that_is_killed() -> None:
    """The kernel closes a dead process's pipes: the child sees the end of its input and goes."""
    program = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from pipelines.speech.llama import EmbeddedLlama\n"
        "async def main():\n"
        "    async with EmbeddedLlama(Path(sys.argv[1]), context_tokens=512) as llama:\n"
        "        sys.stdout.write(f'{llama.pid}\\n')\n"
        "        sys.stdout.flush()\n"
        "        await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, str(model_file()), stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    child = psutil.Process(int(await asyncio.wait_for(parent.stdout.readline(), 60)))
    assert child.is_running()
    parent.kill()
    await parent.wait()
    await until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, 10)


async def test_a_file_that_is_no_model_is_named(tmp_path: Path) -> None:
    """The start fails with what llama.cpp said about it, and leaves no process."""
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF nothing")
    with pytest.raises(EngineFailed, match=r"broken\.gguf does not load"):
        async with EmbeddedLlama(broken):
            pass
    assert not [child for child in psutil.Process().children() if "llama_server" in " ".join(child.cmdline())]


def test_the_pauses_between_starts_grow_to_a_bound() -> None:
    """At once the first time, never more than ten seconds apart."""
    pauses = [backoff_s(failures) for failures in range(1, 40)]
    assert pauses[:4] == [0.0, 0.25, 0.5, 1.0]
    assert pauses == sorted(pauses)
    assert pauses[-1] == 10.0
