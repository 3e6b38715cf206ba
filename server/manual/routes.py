"""The routes below `/docs`."""

from pathlib import Path

import anyio
from anyio import to_thread
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.staticfiles import StaticFiles

from server.manual.books import Book, Page

type Headers = dict[str, str]

_TEXT = "text/plain; charset=utf-8"


def routes(docs: Path, files: StaticFiles, headers: Headers) -> list[Route]:
    """`/docs`, the index; `/docs/guide/branch`, a page; `/docs/guide/branch.md`, its Markdown; and pictures.

    What a page says of the others is as it was when it was first asked for; a change of its own text is seen at once.
    """
    shelf = _Shelf(docs)

    async def index(request: Request) -> Response:
        html = await shelf.index(request.scope.get("root_path", ""))
        return HTMLResponse(html, headers={**headers, "cache-control": "no-cache"})

    async def page(request: Request) -> Response:
        root, path = request.scope.get("root_path", ""), request.path_params["path"]
        if not path or path.endswith("/"):
            return RedirectResponse(f"{root}/docs/{path}".rstrip("/"), headers=headers)
        html = await shelf.page(root, path)
        if html is not None:
            return HTMLResponse(html, headers={**headers, "cache-control": "no-cache"})
        if (beside := await shelf.beside(path)) is not None:
            return FileResponse(beside, media_type=_TEXT, headers={**headers, "cache-control": "no-cache"})
        return await files.get_response(path, request.scope)

    return [Route("/docs", index, name="docs"), Route("/docs/{path:path}", page)]


class _Shelf:
    """Keeps pages once they are rendered; all work is done in a thread."""

    def __init__(self, docs: Path) -> None:
        self._docs = docs
        self._book: Book | None = None
        self._kept: dict[tuple[str, str], tuple[float, str]] = {}

    async def index(self, root: str) -> str:
        """The index, made anew each time."""
        from server.manual import sheets  # noqa: PLC0415  (the renderer and its grammars take a while to load)

        return await to_thread.run_sync(lambda: sheets.index(root, Book(self._docs)))

    async def page(self, root: str, path: str) -> str | None:
        """The page at a path below `/docs`; None where there is none."""
        book = await self._opened()
        found = next((page for page in book.pages.values() if page.address == f"/docs/{path}"), None)
        if found is None:
            return None
        changed = (await anyio.Path(found.file).stat()).st_mtime
        kept = self._kept.get((root, path))
        if kept is None or kept[0] != changed:
            kept = changed, await to_thread.run_sync(_rendered, root, book, found)
            self._kept[root, path] = kept
        return kept[1]

    async def beside(self, path: str) -> Path | None:
        """A page outside of the folder as Markdown, or another file of the project that pages link to."""
        book = await self._opened()
        if path in book.pages or path in book.sources:
            return book.file(path)
        return None

    async def _opened(self) -> Book:
        if self._book is None:
            self._book = await to_thread.run_sync(Book, self._docs)
        return self._book


def _rendered(root: str, book: Book, page: Page) -> str:
    from server.manual import rendering, sheets  # noqa: PLC0415

    def leads_to(target: str) -> str | None:
        found = book.leads_to(page, target)
        return None if found is None else root + found

    return sheets.page(root, book, page, rendering.render(page.file.read_text(), leads_to))
