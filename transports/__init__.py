"""GraphQL over HTTP, server-sent events and WebSocket, for any Strawberry schema."""

from transports.callers import Authenticate, Caller, Identity, MakeContext, Unauthenticated
from transports.endpoint import GraphQLEndpoint
from transports.errors import Code, Explained
from transports.limits import Limits
from transports.persisted import PersistedDocuments, manifest

__all__ = [
    "Authenticate",
    "Caller",
    "Code",
    "Explained",
    "GraphQLEndpoint",
    "Identity",
    "Limits",
    "MakeContext",
    "PersistedDocuments",
    "Unauthenticated",
    "manifest",
]
