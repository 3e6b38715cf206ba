"""The engines that Transom brings along: PostgreSQL, Valkey and a language model, each in processes of its own."""

from server.engines.errors import EngineError
from server.engines.model_process import CONTEXT, CONVERSATIONS
from server.engines.running import Urls, running

__all__ = ["CONTEXT", "CONVERSATIONS", "EngineError", "Urls", "running"]
