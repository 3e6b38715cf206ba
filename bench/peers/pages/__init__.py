"""Servers that answer a page of messages from PostgreSQL, as a user would write them. All ask the same SQL."""
