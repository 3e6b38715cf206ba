"""GraphQL over HTTP, server-sent events and WebSocket, for any Strawberry schema."""

from server.graphql.callers import Authenticate, Caller, Identity, MakeContext, Unauthenticated
from server.graphql.endpoint import GraphQLEndpoint
from server.graphql.errors import Code, Explained
from server.graphql.limits import Limits
from server.graphql.persisted import PersistedDocuments, manifest

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
