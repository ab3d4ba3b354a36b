"""A caller opens the page in a real browser, talks, is answered, hangs up; and what they are told when it fails."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.dashboards.web_line import WebLine, serving

BROWSER = next(filter(None, map(shutil.which, ("chromium", "google-chrome", "chromium-browser"))), None)
FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--allow-loopback-in-peer-connection",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
    *(["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []),
]
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine: apt-get install chromium")


@asynccontextmanager
async def open_browser(*flags: str) -> AsyncIterator[Browser]:
    """Chromium with a microphone that beeps."""
    async with async_playwright() as play:
        browser = await play.chromium.launch(executable_path=BROWSER, args=[*FLAGS, *flags])
        try:
            yield browser
        finally:
            await browser.close()


WATCH = """(page, [meter, low, high]) => new Promise((seen) => {
  const look = () => {
    const level = Number(page.style.getPropertyValue(meter));
    if (level >= low && level <= high) seen(); else requestAnimationFrame(look);
  };
  look();
})"""


async def level_becomes(page: Page, meter: str, low: float, high: float) -> None:
    """Wait until a level meter of the page, 0..1, is between two levels."""
    async with asyncio.timeout(10):
        await page.locator("#page").evaluate(WATCH, [meter, low, high])


@pytest.fixture
async def line() -> WebLine:
    """A free line."""
    return WebLine()


async def visit(browser: Browser, address: str) -> Page:
    """Open the page; what does not happen within ten seconds does not happen."""
    page = await browser.new_page()
    page.set_default_timeout(10_000)
    await page.goto(address)
    return page


def complaints(page: Page) -> list[str]:
    """Collect what the browser complains about from now on: script errors, refused resources."""
    found: list[str] = []
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on("console", lambda entry: found.append(entry.text) if entry.type == "error" else None)
    return found


async def test_a_caller_talks_reads_mutes_and_hangs_up(line: WebLine) -> None:
    """The whole call: sound goes both ways, captions and states appear, hanging up frees the line."""
    async with serving(line) as address, open_browser("--use-fake-ui-for-media-stream") as browser:
        page = await visit(browser, address + "?agent=aurora")
        found = complaints(page)
        await page.reload()
        await page.get_by_role("button", name="Start the call").click()
        await asyncio.wait_for(line.ready.wait(), 15)
        assert line.joined == [{"agent": "aurora"}]
        await expect(page.get_by_role("heading")).to_have_text("Northwind Home")

        line.tell(type="state", state="listening")
        await expect(page.locator("#state-text")).to_have_text("Listening to you")
        line.tell(type="caption", party="caller", text="My inter", final=False)
        line.tell(type="caption", party="caller", text="My internet is down.", final=True)
        line.tell(type="state", state="speaking")
        line.tell(type="caption", party="agent", text="<b>Let me check</b> that with you.", final=True)
        captions = page.get_by_role("log").locator("p")
        await expect(captions).to_have_text(["YouMy internet is down.", "Agent<b>Let me check</b> that with you."])
        await expect(page.locator("#state-text")).to_have_text("Speaking")
        await level_becomes(page, "--level", 0.2, 1)
        await level_becomes(page, "--mine-level", 0.2, 1)
        assert line.loudest > 1000

        await page.get_by_role("button", name="Mute").click()
        await expect(page.get_by_role("button", name="Unmute")).to_have_attribute("aria-pressed", "true")
        await level_becomes(page, "--mine-level", 0, 0.05)

        await page.get_by_role("button", name="Hang up").click()
        await asyncio.wait_for(line.hung_up.wait(), 10)
        await expect(page.locator("#state-text")).to_have_text("The call has ended")
        await expect(page.get_by_role("button", name="Start the call")).to_be_focused()
        assert found == []


async def test_the_agent_ends_the_call(line: WebLine) -> None:
    """When the agent hangs up the page says so and keeps what was said."""
    async with serving(line) as address, open_browser("--use-fake-ui-for-media-stream") as browser:
        page = await visit(browser, address)
        await page.get_by_role("button", name="Start the call").click()
        await asyncio.wait_for(line.ready.wait(), 15)
        line.tell(type="caption", party="agent", text="Goodbye.", final=True)
        line.tell(type="state", state="ended")
        await expect(page.locator("#state-text")).to_have_text("The call has ended")
        await expect(page.get_by_role("log")).to_have_text("AgentGoodbye.")
        await expect(page.get_by_role("alert")).to_be_hidden()


async def test_a_line_that_is_hung_up_without_a_word_has_simply_ended(line: WebLine) -> None:
    """The far side closing the line is an end like any other, not an error."""
    async with serving(line) as address, open_browser("--use-fake-ui-for-media-stream") as browser:
        page = await visit(browser, address)
        await page.get_by_role("button", name="Start the call").click()
        await asyncio.wait_for(line.ready.wait(), 15)
        await line.close()
        await expect(page.locator("#state-text")).to_have_text("The call has ended")
        await expect(page.get_by_role("alert")).to_be_hidden()


async def test_a_refused_caller_is_told_why(line: WebLine) -> None:
    """A busy service, an unknown agent and a broken service each say what to do next, and the caller can try again."""
    async with serving(line) as address, open_browser("--use-fake-ui-for-media-stream") as browser:
        page = await visit(browser, address)
        for status, title in (
            (503, "All lines are busy"),
            (404, "Nobody answers at this address"),
            (500, "Something went wrong on our side"),
        ):
            line.refuse = status
            await page.get_by_role("button", name="Start the call").click()
            await expect(page.get_by_role("alert")).to_contain_text(title)
        assert len(line.joined) == 3


async def test_without_a_microphone_the_caller_is_told_what_to_do(line: WebLine) -> None:
    """Refusing the microphone ends in advice, and no call was started."""
    async with serving(line) as address, open_browser("--deny-permission-prompts") as browser:
        page = await visit(browser, address)
        await page.get_by_role("button", name="Start the call").click()
        await expect(page.get_by_role("alert")).to_contain_text("The microphone is blocked")
        assert line.joined == []


async def test_a_service_that_is_away_is_told_apart(line: WebLine) -> None:
    """When the network fails the page blames the network."""
    async with open_browser("--use-fake-ui-for-media-stream") as browser:
        async with serving(line) as address:
            page = await visit(browser, address)
        await page.get_by_role("button", name="Start the call").click()
        await expect(page.get_by_role("alert")).to_contain_text("We cannot be reached")
