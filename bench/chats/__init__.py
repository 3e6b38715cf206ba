"""Whole products with people at them: a chat and a window for each, as their own pages have it."""
