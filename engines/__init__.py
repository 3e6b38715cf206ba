"""The engines that Transom brings along: PostgreSQL, Valkey and a language model, each in processes of its own."""

from engines.errors import EngineError
from engines.model_process import CONTEXT, CONVERSATIONS
from engines.running import Urls, running

__all__ = ["CONTEXT", "CONVERSATIONS", "EngineError", "Urls", "running"]
