"""A dumb pipe of bytes: the Bus contract, the in-process hub and the Redis bus."""
