"""The rules of conversations. Knows nothing of GraphQL, HTTP or Redis, and no SQL text."""
