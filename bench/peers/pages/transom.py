"""Transom itself: the application that `transom serve` serves, with the same settings of uvicorn."""

from bench.peers.pages.serving import serve
from server import logs, serving
from server.settings import Settings

if __name__ == "__main__":
    logs.set_up("warning")
    serve(None, serving.Server, serving.config(Settings()))
