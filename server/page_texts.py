"""The pages that are written here because they must work without a build of the browser part."""

from html import escape

_STYLE = """
:root { color-scheme: light dark; }
body { display: grid; place-items: center; min-height: 100vh; margin: 0; font: 1.05rem/1.6 system-ui, sans-serif;
  background: light-dark(#f6f7fa, #12161f); color: light-dark(#1c2536, #e3e8f2); }
main { width: min(36rem, 100% - 3rem); padding-block: 3rem; }
svg { width: 3.5rem; }
h1 { margin: 1rem 0 0.5rem; font-size: 2rem; letter-spacing: -0.02em; }
p { margin: 0 0 1rem; color: light-dark(#5a667d, #98a4ba); }
a { color: light-dark(#2458b8, #8fb4f5); }
code, pre { font: 0.95em ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
pre { padding: 0.8rem 1.1rem; border-radius: 0.6rem; background: light-dark(#e9edf5, #1d2432);
  color: light-dark(#1c2536, #ffc35c); }
ul { padding: 0; list-style: none; }
li { display: grid; grid-template-columns: 10.5rem 1fr; gap: 0 1rem; padding: 0.35rem 0;
  border-bottom: 1px solid light-dark(#dfe4ec, #2c3546); }
li a { justify-self: start; white-space: nowrap; }
"""

_MARK = (
    '<svg viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="7" fill="#1d3a6e"/>'
    '<rect x="5" y="5" width="22" height="6" rx="1.6" fill="#8fb4ee"/>'
    '<rect x="5" y="14" width="10" height="13" rx="1.6" fill="#8fb4ee"/>'
    '<rect x="17" y="14" width="10" height="13" rx="1.6" fill="{lamp}"/></svg>'
)

_LIT = "#ffc35c"
_DARK = "#31548f"

MARK = _MARK.format(lamp=_LIT)
"""The mark, as SVG."""

_PLACES = {
    "/": "the start page",
    "/graphiql": "GraphiQL, to explore the API",
    "/graphql": "the API: queries, mutations, subscriptions",
    "/schema.graphql": "its schema",
    "/possibleTypes.json": "the types behind its interfaces and unions, for caches",
    "/docs": "the documentation",
    "/healthz": "health, for probes",
}


def not_found(root: str) -> str:
    """The page for an unknown path; `root` is the path prefix under which the application is mounted."""
    places = "".join(f'<li><a href="{escape(root)}{path}">{path}</a> {what}</li>' for path, what in _PLACES.items())
    return _page(
        "Nothing here", f"<p>This address is not one of Transom's. These are:</p><ul>{places}</ul>", lamp=_DARK
    )


def not_found_text() -> str:
    """The same for callers that read no HTML."""
    width = max(map(len, _PLACES))
    return "Not found. Transom answers at:\n" + "".join(
        f"  {path:<{width}}  {what}\n" for path, what in _PLACES.items()
    )


def not_built() -> str:
    """The page in place of every page of a browser part that has not been built."""
    return _page(
        "The pages are not built yet",
        "<p>The API is up at <code>/graphql</code>. To build the start page and GraphiQL, run this"
        " in the project's folder, then reload:</p><pre>make web</pre>",
        lamp=_DARK,
    )


def _page(title: str, body: str, *, lamp: str = _LIT) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="icon" href="data:,"><title>{title} · Transom</title><style>{_STYLE}</style></head>'
        f"<body><main>{_MARK.format(lamp=lamp)}<h1>{title}</h1>{body}</main></body></html>"
    )
