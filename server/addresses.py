"""What the text of a setting must be like: each function returns it as it is used, or says what it must be instead.

The messages are ends of a sentence that begins with the variable's name. They never repeat an address whole, because it
may hold a password.
"""

import re
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from strawberry.http.websocket_origin import normalize_origin

from db.database import address

_HOST = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_-]{1,63})*\.?")
_CLUSTER = re.compile(r"rediss?\+cluster://(?:[^@/?]*@)?[^@/?]+(/?\d*(?:\?.*)?)")
_QUOTES = "\"'"
_OWN_NETWORK = (".localhost", ".local", ".internal", ".svc")


def written(value: object, *, bare: bool = True, empty: bool = False) -> object:
    """A value from the environment, without blanks around it if `bare`.

    Raises:
        ValueError: it is empty and may not be, or stands in quotes that the shell would have taken away.
    """
    if not isinstance(value, str):
        return value
    text = value.strip()
    if not text and not empty:
        raise ValueError("is empty. Give it a value, or do not set it at all.")
    if len(text) > 1 and text[0] == text[-1] and text[0] in _QUOTES:
        raise ValueError("has quotes around its value, which would be a part of it. Take them away.")
    return text if bare else value


def host(name: str) -> str:
    """A name or an address to listen on; `[::1]` may stand in brackets."""
    found = name[1:-1] if name.startswith("[") and name.endswith("]") else name
    try:
        return str(ip_address(found))
    except ValueError:
        if found is name and _HOST.fullmatch(name):
            return name
    raise ValueError(f"must be an address or a name to listen on, such as 127.0.0.1, not {name[:80]!r}.")


def folder(path: Path) -> Path:
    """A folder; `~` is resolved."""
    try:
        return path.expanduser()
    except RuntimeError:
        raise ValueError(f"names the home of a user who is not known here: {str(path)[:80]!r}.") from None


def database(url: str) -> str:
    """The address of a PostgreSQL."""
    _parts(url, "postgresql://user:secret@host:5432/name")
    try:
        address(url)
    except ValueError as error:
        raise ValueError(f"cannot be used. {error}") from None
    return url


def redis(url: str) -> str:
    """The address of a Redis or Valkey."""
    right = "redis://host:6379/0, rediss://host:6379/0, redis+cluster://host:6379,host:6379 or unix:///path/of.sock"
    if cluster := _CLUSTER.fullmatch(url):
        database = cluster[1].partition("?")[0].strip("/")
        if database in ("", "0"):
            return url
        raise ValueError("names a database of a cluster, which has only the one with number 0.")
    parts = _parts(url, right)
    if parts.scheme == "unix" and parts.path.strip("/"):
        return url
    if parts.scheme not in ("redis", "rediss") or not parts.hostname:
        raise ValueError(f"must be an address such as {right}.")
    if not re.fullmatch(r"/?|/\d+", parts.path):
        raise ValueError(f"must end with the number of a database, such as /0, not {parts.path[:40]!r}.")
    return url


def model(url: str) -> str:
    """The address of a model provider, or of a scripted model for tests."""
    parts = _parts(url, "https://host/v1")
    if parts.scheme in ("scripted", "none") or _can_be_asked(url, parts):
        return url
    raise ValueError("must be an address such as https://host/v1.")


def provider(url: str, *, anthropic: bool) -> str:
    """The address of a model provider of several, which the paths of its API are appended to."""
    right = "https://host" if anthropic else "https://host/v1"
    parts = _parts(url, right)
    if parts.scheme == "scripted":
        return url
    if not _can_be_asked(url, parts):
        raise ValueError(f"must be an address such as {right}.")
    if "@" in parts.netloc:
        raise ValueError("must hold no password. Send it as the header `authorization`, from a variable or a file.")
    if parts.query or parts.fragment:
        raise ValueError("must end before its question mark or #: paths are appended to it.")
    if ending := re.search(r"/(chat/completions|completions|responses|models|(v1/)?messages)/?\Z", parts.path):
        raise ValueError(f"must end before {ending[0].rstrip('/')}, which is appended to it.")
    if anthropic and parts.path.rstrip("/").endswith("/v1"):
        raise ValueError("must end before /v1, which is appended to it.")
    return url


def proxy(url: str) -> str:
    """The address of a proxy."""
    right = "http://proxy:3128"
    parts = _parts(url, right)
    if not _can_be_asked(url, parts):
        raise ValueError(f"must be an address such as {right}, or false.")
    return url


def key_set(url: str) -> str:
    """The address of an identity provider's keys, which nobody on the way may exchange."""
    right = "https://login.example.com/.well-known/jwks.json"
    parts = _parts(url, right)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"must be an address such as {right}.")
    if parts.scheme == "http" and not _in_own_network(parts.hostname):
        raise ValueError(
            "must begin with https://, because whoever is on the way could put keys of their own in the place of the "
            "provider's. Only hosts of this machine or of a private network may be asked over http://."
        )
    return url


def origins(text: str) -> str:
    """Origins with commas between them, as browsers write them."""
    return ",".join(_origin(each.strip()) for each in text.split(",") if each.strip())


def _origin(text: str) -> str:
    if text == "*":
        return text
    shown = repr(text[:80])
    if "://" not in text:
        guess = f"http://{text}" if re.match(r"(localhost|[\w.-]+\.localhost|127\.|\[)", text) else f"https://{text}"
        if re.fullmatch(r"[\w.\[\]:-]+", text) and text != "null" and normalize_origin(guess):
            raise ValueError(f"names {shown}, which lacks its scheme. Write {normalize_origin(guess)}.")
        raise ValueError(f"must be origins such as https://chat.example.com with commas between them, not {shown}.")
    found = normalize_origin(text)
    parts = urlsplit(text)
    if found is None or not re.fullmatch(r"[\x21-\x7e]+", text) or parts.scheme in ("ws", "wss"):
        raise ValueError(f"must be origins as browsers write them, such as https://chat.example.com, not {shown}.")
    if "*" in text:
        raise ValueError(f"names {shown}. Name each origin by itself, or * for all of them.")
    if parts.path not in ("", "/") or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError(f"names {shown}, which is more than an origin. Write {found}.")
    return found


def _parts(url: str, right: str) -> SplitResult:
    """The parts of an address whose port is one.

    Raises:
        ValueError: it is no address. What is right is said in its place.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        parts = None
    if parts is None or not parts.scheme or re.search(r"\s", url):
        raise ValueError(f"must be an address such as {right}.")
    return parts


def _can_be_asked(url: str, parts: SplitResult) -> bool:
    """Whether an address is one for the library that asks providers, too, which takes fewer hosts."""
    import httpx2  # noqa: PLC0415  # a tenth of a second, where there is no such address

    try:
        host = httpx2.URL(url).host
    except (httpx2.InvalidURL, ValueError):
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and bool(host)


def _in_own_network(name: str) -> bool:
    try:
        found = ip_address(name)
    except ValueError:
        return "." not in name or name.endswith(_OWN_NETWORK)
    return found.is_private or found.is_loopback
