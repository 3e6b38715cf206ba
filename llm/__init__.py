"""Turns in, events out: model providers behind one protocol."""
