"""Replies: asked for, claimed, generated, ended."""
