"""Keeping windows in step with the rows: one feed for each scope and process, one window for each subscription."""
