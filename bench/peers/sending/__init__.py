"""Servers that store a message as a user would write it: the same rows as Transom, without what else it looks after."""
