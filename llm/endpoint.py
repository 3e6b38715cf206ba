"""One provider's HTTP API, spoken through pydantic-ai. Slow to import: `llm.provider` does so on first use."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from functools import lru_cache
from typing import Literal, cast
from urllib.parse import urlsplit

import httpx2
from pydantic_ai.direct import model_request_stream
from pydantic_ai.messages import InstructionPart
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.settings import ModelSettings
from pydantic_ai.tools import ToolDefinition

from llm import failures, history, replies
from llm.errors import ModelError
from llm.events import Event
from llm.provider import is_local
from llm.turns import Request, ToolCall

_NO_KEY = "none"  # The clients insist on one; servers that need none ignore it.


class Endpoint:
    """A provider's API and the connections to it."""

    def __init__(self, provider: Literal["openai", "anthropic"], *, url: str | None, key: str | None) -> None:
        self._secrets = () if key is None else (key,)
        # Silence is watched by the caller, and as many replies may run as it likes. No proxy reaches this machine.
        self._http = httpx2.AsyncClient(
            timeout=httpx2.Timeout(30, connect=5, read=None),
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=100),
            trust_env=not is_local(url),
        )
        connect = _openai if provider == "openai" else _anthropic
        self._model = lru_cache(64)(connect(url, key or _NO_KEY, self._http))
        # The first model of a kind imports more; the caller is in a thread now, and on the event loop later.
        self._model("default")
        self._declares_tools = provider == "anthropic"

    async def stream(self, request: Request, model: str) -> AsyncGenerator[Event]:
        """Ask once, without another try. Closing it closes the connection.

        Raises:
            ModelError: anything went wrong. `UNREACHABLE` comes only before the first event, so that asking again
                repeats nothing.
        """
        begun = False
        try:
            tools = self._tools(request)
            stream = model_request_stream(
                self._model(model),
                history.of(request.turns),
                model_settings=_settings(request, tools=bool(tools)),
                model_request_parameters=ModelRequestParameters(
                    function_tools=tools,
                    instruction_parts=[InstructionPart(content=request.instructions)] if request.instructions else [],
                ),
            )
            async with stream as response, aclosing(replies.events(response)) as events:
                async for event in events:
                    begun = True
                    yield event
        except ModelError:
            raise
        except Exception as error:
            fetches = history.fetches(request.turns)
            raise failures.of(error, begun=begun, fetches=fetches, secrets=self._secrets) from error

    async def close(self) -> None:
        """Close every connection."""
        await self._http.aclose()

    def _tools(self, request: Request) -> list[ToolDefinition]:
        if not self._declares_tools:
            return []
        # Anthropic takes past calls only of tools that are declared.
        names = {history.tool(part.name) for turn in request.turns for part in turn.parts if isinstance(part, ToolCall)}
        return [ToolDefinition(name=name) for name in sorted(names)]


def _settings(request: Request, *, tools: bool) -> ModelSettings:
    given = {name: value for name, value in request.parameters.items() if value is not None}
    stop = given.pop("stop", None)
    # Trying again is the caller's, who also knows when to stop.
    settings = {"max_retries": 0, **given}
    if tools:
        settings["tool_choice"] = "none"
    if stop:
        settings["stop_sequences"] = [stop] if isinstance(stop, str) else stop
    return cast("ModelSettings", settings)


def _openai(url: str | None, key: str, http: httpx2.AsyncClient) -> Callable[[str], Model]:
    from pydantic_ai.models.openai import OpenAIChatModel  # noqa: PLC0415
    from pydantic_ai.profiles.openai import OpenAIModelProfile  # noqa: PLC0415
    from pydantic_ai.providers.openai import OpenAIProvider  # noqa: PLC0415
    from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider  # noqa: PLC0415

    url = url or "https://api.openai.com/v1"
    host = urlsplit(url).hostname or ""
    # A reply without its last chunk was cut off somewhere on the way, and must not look complete.
    profile = OpenAIModelProfile(openai_chat_streaming_requires_finish_reason=True)
    if host.endswith((".openai.com", ".azure.com")):
        own = OpenAIProvider(base_url=url, api_key=key, http_client=http)
        return lambda model: OpenAIChatModel(model, provider=own, profile=profile)
    # What all compatible servers take: the older name of the limit, and one system message.
    profile["openai_chat_supports_max_completion_tokens"] = False
    profile["openai_chat_supports_multiple_system_messages"] = False
    other = OpenAICompatibleProvider("openai-compatible", base_url=url, api_key=key, http_client=http)
    return lambda model: OpenAIChatModel(model, provider=other, profile=profile)


def _anthropic(url: str | None, key: str, http: httpx2.AsyncClient) -> Callable[[str], Model]:
    from pydantic_ai.models.anthropic import AnthropicModel  # noqa: PLC0415
    from pydantic_ai.providers.anthropic import AnthropicProvider  # noqa: PLC0415

    own = AnthropicProvider(base_url=url or "https://api.anthropic.com", api_key=key, http_client=http)
    return lambda model: AnthropicModel(model, provider=own)
