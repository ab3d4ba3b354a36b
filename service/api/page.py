"""The caller's page: `/call` and `/call/<agent>`."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, HTTPException
from fastapi.responses import FileResponse, RedirectResponse

HEADERS = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "Permissions-Policy": "microphone=(self)",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}


def call_page_router(folder: Path) -> APIRouter:
    """The page's files from a folder; every other path below `/call` is the page for an agent of that name."""
    router = APIRouter(include_in_schema=False)
    files = {path.name: path for path in folder.iterdir() if path.suffix in (".js", ".css", ".svg")}

    @router.get("/")
    def home() -> RedirectResponse:
        """There is no other page yet."""
        return RedirectResponse("/call")

    @router.get("/call")
    def page() -> FileResponse:
        """The page."""
        return FileResponse(folder / "index.html", headers=HEADERS)

    @router.get("/call/{name}")
    def file_or_agent(name: str) -> FileResponse:
        """A file of the page, or the page for an agent."""
        if name in files:
            return FileResponse(files[name], headers=HEADERS)
        if "." in name:
            raise HTTPException(404)
        return FileResponse(folder / "index.html", headers=HEADERS)

    return router
