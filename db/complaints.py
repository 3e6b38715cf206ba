"""What a failure to connect means, in a sentence for whoever runs the server."""

import socket
import ssl

import asyncpg
import sqlalchemy as sa

SETTING = "TRANSOM_DATABASE_URL"
_SEE = f"See to {SETTING}."


def of(error: BaseException, url: sa.URL) -> str:
    """What is wrong, and what to do."""
    return _unreached(error, url) if isinstance(error, OSError) else _refused(error, url)


def passes(error: BaseException) -> bool:
    """Whether the database may well come up within moments: it was started just now."""
    return isinstance(error, ConnectionRefusedError | asyncpg.CannotConnectNowError)


def _unreached(error: OSError, url: sa.URL) -> str:
    place = _place(url)
    if isinstance(error, socket.gaierror):
        reason = f"there is no host {url.host!r}. See to the name in {SETTING}."
    elif isinstance(error, ConnectionRefusedError):
        reason = f"nothing listens on {place}. Start it, or see to {SETTING}."
    elif isinstance(error, FileNotFoundError):
        reason = f"there is no socket for {place}. Start it, or see to {SETTING}."
    elif isinstance(error, TimeoutError):
        reason = f"{place} does not answer. See to {SETTING}, and to what is between here and there."
    elif isinstance(error, ssl.SSLCertVerificationError):
        reason = f"the certificate of {place} is not trusted ({error.verify_message}). Set PGSSLROOTCERT."
    elif "rejected SSL" in str(error):
        reason = f"{place} does not speak TLS. Take sslmode out of {SETTING}, or turn TLS on there."
    elif isinstance(error, ConnectionResetError):
        reason = f"{place} closes the connection. See whether a PostgreSQL is there, and to {SETTING}."
    else:
        reason = f"{error}. {_SEE}"
    return f"The database cannot be reached: {reason}"


def _refused(error: BaseException, url: sa.URL) -> str:
    said = str(error).partition("\n")[0]
    match error:
        case asyncpg.InvalidPasswordError():
            advice = f"See to the user and the password in {SETTING}."
        case asyncpg.InvalidCatalogNameError():
            advice = f"Make it (`createdb --owner {url.username} {url.database}`), or see to {SETTING}."
        case asyncpg.TooManyConnectionsError():
            advice = "End what uses them, or raise the limit (max_connections, ALTER ROLE … CONNECTION LIMIT)."
        case asyncpg.InvalidAuthorizationSpecificationError() if "no encryption" in said or "SSL off" in said:
            advice = f"Put ?sslmode=require behind {SETTING}, or let it in with pg_hba.conf."
        case asyncpg.InsufficientPrivilegeError():
            advice = f"An administrator can run: GRANT CONNECT ON DATABASE {url.database} TO {url.username};"
        case asyncpg.ConnectionDoesNotExistError():
            return f"The database cannot be reached: {_place(url)} closes the connection ({said}). {_SEE}"
        case _:
            advice = _SEE
    return f"The database refuses: {said}. {advice}"


def _place(url: sa.URL) -> str:
    host = url.query.get("host") or url.host or "the default socket"
    port = url.query.get("port") or url.port or 5432
    return f"{host} (port {port})" if str(host).startswith("/") or not url.host else f"{host}:{port}"
