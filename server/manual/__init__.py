"""The documentation as pages to read in a browser, made from the Markdown files of the project."""

from server.manual.books import Book
from server.manual.routes import routes

__all__ = ["Book", "routes"]
