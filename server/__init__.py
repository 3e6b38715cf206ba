"""Knows every part: the application, its settings, authentication, endpoints, engines and command line."""
