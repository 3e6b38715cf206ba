"""Requests to providers, as pydantic-ai and the providers' own packages make them. Slow to import.

They know what each model takes and how each file is written; what is read of the answer is ours. So they are given a
client that keeps the request in place of sending it.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Literal, Never, cast, override
from urllib.parse import urlsplit

import httpx2
import orjson
from pydantic_ai.direct import model_request_stream
from pydantic_ai.exceptions import UserError
from pydantic_ai.messages import InstructionPart
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.settings import ModelSettings
from pydantic_ai.tools import ToolDefinition

from llm import formats, history
from llm.errors import ModelError, ModelErrorCode
from llm.plain import Patterns
from llm.turns import Request, ToolCall

_NO_KEY = "none"  # The packages insist on one; servers that need none ignore it.


class _Made(BaseException):  # no package may take it for a failure
    def __init__(self, request: httpx2.Request) -> None:
        super().__init__()
        self.request = request


class _Keeping(httpx2.AsyncBaseTransport):
    @override
    async def handle_async_request(self, request: httpx2.Request) -> Never:
        raise _Made(request)


class Requests:
    """Makes requests to one provider."""

    def __init__(self, provider: Literal["openai", "anthropic"], *, url: str | None, key: str | None) -> None:
        connect = _openai if provider == "openai" else _anthropic
        self._model = lru_cache(64)(connect(url, key or _NO_KEY, httpx2.AsyncClient(transport=_Keeping())))
        # The first model of a kind imports more; the caller is in a thread now, and on the event loop later.
        self._model("default")
        self._provider = provider
        self._declares_tools = provider == "anthropic"
        self._tells_usage_unasked = (urlsplit(url or "").hostname or "").endswith(".mistral.ai")
        self.tells_progress = False
        """Whether the server is known to be one that says how far it has read, if it is asked to."""
        self._patterns = {progress: Patterns(self.made) for progress in (False, True)}

    async def of(self, request: Request, model: str) -> httpx2.Request:
        """The HTTP request that asks for a reply as an event stream.

        Raises:
            ModelError: `BAD_REQUEST`, the conversation holds what this provider cannot be given.
        """
        patterns = self._patterns[self.tells_progress]
        return await patterns.of(request, model, history.of(request.turns)) or await self.made(request, model)

    async def made(self, request: Request, model: str) -> httpx2.Request:
        """As `of`, by the provider's package, whatever the conversation holds."""
        tools = self._tools(request)
        making = model_request_stream(
            self._model(model),
            history.of(request.turns),
            model_settings=self._settings(request, tools=bool(tools)),
            model_request_parameters=ModelRequestParameters(
                function_tools=tools,
                instruction_parts=[InstructionPart(content=request.instructions)] if request.instructions else [],
            ),
        )
        try:
            async with making:
                raise AssertionError("A request was made without being sent.")
        except _Made as made:
            return _unasked_for_usage(made.request) if self._tells_usage_unasked else made.request
        except UserError as error:
            raise ModelError(
                "The conversation holds something that this model provider cannot be given, such as a kind of file.",
                ModelErrorCode.BAD_REQUEST,
            ) from error
        except (ValueError, httpx2.HTTPError) as error:
            if not history.fetches(request.turns):
                raise
            raise ModelError(
                "A file of the conversation could not be fetched: its address is wrong or private, or it is too large.",
                ModelErrorCode.BAD_REQUEST,
            ) from error

    def _tools(self, request: Request) -> list[ToolDefinition]:
        if not self._declares_tools:
            return []
        # Anthropic takes past calls only of tools that are declared.
        names = {history.tool(part.name) for turn in request.turns for part in turn.parts if isinstance(part, ToolCall)}
        return [ToolDefinition(name=name) for name in sorted(names)]

    def _settings(self, request: Request, *, tools: bool) -> ModelSettings:
        settings = _settings(request, tools=tools)
        body = formats.body(self._provider, request.parameters)
        if self.tells_progress:
            body["return_progress"] = True
        if body:
            settings["extra_body"] = body
        return settings


def _settings(request: Request, *, tools: bool) -> ModelSettings:
    given = {name: value for name, value in request.parameters.items() if value is not None}
    for ours in ("silence", "response_format"):
        given.pop(ours, None)
    stop = given.pop("stop", None)
    # Trying again is the caller's, who also knows when to stop.
    settings = {"max_retries": 0, **given}
    if tools:
        settings["tool_choice"] = "none"
    if stop:
        settings["stop_sequences"] = [stop] if isinstance(stop, str) else stop
    return cast("ModelSettings", settings)


def _unasked_for_usage(request: httpx2.Request) -> httpx2.Request:
    """The request without its question for usage: a provider that tells it in any case may refuse to be asked."""
    body = orjson.loads(request.content)
    body.pop("stream_options", None)
    headers = [(name, value) for name, value in request.headers.multi_items() if name.lower() != "content-length"]
    return httpx2.Request(
        request.method, request.url, headers=headers, content=orjson.dumps(body), extensions=request.extensions
    )


def _openai(url: str | None, key: str, http: httpx2.AsyncClient) -> Callable[[str], Model]:
    from pydantic_ai.models.openai import OpenAIChatModel  # noqa: PLC0415
    from pydantic_ai.profiles.openai import OpenAIModelProfile  # noqa: PLC0415
    from pydantic_ai.providers.openai import OpenAIProvider  # noqa: PLC0415
    from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider  # noqa: PLC0415

    url = url or "https://api.openai.com/v1"
    host = urlsplit(url).hostname or ""
    if host.endswith((".openai.com", ".azure.com")):
        own = OpenAIProvider(base_url=url, api_key=key, http_client=http)
        return lambda model: OpenAIChatModel(model, provider=own)
    # What all compatible servers take: the older name of the limit, and one system message.
    profile = OpenAIModelProfile(
        openai_chat_supports_max_completion_tokens=False, openai_chat_supports_multiple_system_messages=False
    )
    other = OpenAICompatibleProvider("openai-compatible", base_url=url, api_key=key, http_client=http)
    return lambda model: OpenAIChatModel(model, provider=other, profile=profile)


def _anthropic(url: str | None, key: str, http: httpx2.AsyncClient) -> Callable[[str], Model]:
    from pydantic_ai.models.anthropic import AnthropicModel  # noqa: PLC0415
    from pydantic_ai.providers.anthropic import AnthropicProvider  # noqa: PLC0415

    own = AnthropicProvider(base_url=url or "https://api.anthropic.com", api_key=key, http_client=http)
    return lambda model: AnthropicModel(model, provider=own)
