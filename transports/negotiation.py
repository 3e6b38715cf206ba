"""Which media type to answer with (RFC 9110, section 12.5.1)."""

from dataclasses import dataclass
from functools import lru_cache

RESPONSE = "application/graphql-response+json"
JSON = "application/json"
EVENTS = "text/event-stream"
PARTS = "multipart/mixed"


@dataclass(frozen=True, slots=True)
class _Range:
    type: str
    quality: float
    place: int

    @property
    def specificity(self) -> int:
        return 0 if self.type == "*/*" else 1 if self.type.endswith("/*") else 2

    def covers(self, media_type: str) -> bool:
        return self.type in {media_type, "*/*", media_type.partition("/")[0] + "/*"}


@lru_cache(maxsize=256)
def choose(accept: str | None, *, streams: bool) -> str | None:
    """The media type to answer with, or `None` if the client accepts none of ours.

    A stream of results (`streams`) can only be `text/event-stream`, or `multipart/mixed` if the client wants that more;
    and `*/*`, which programs send that know nothing of streams, asks for neither: they would wait for the end of it.
    A single result is sent as events only if the client wants that more than JSON. Without a preference of the client
    it is `application/json`.
    """
    ranges = [range_ for range_ in _ranges(accept or "*/*") if not (streams and range_.type == "*/*")]
    offers = (EVENTS, PARTS) if streams else (JSON, RESPONSE, EVENTS)
    wanted: list[tuple[tuple[float, ...], str]] = []
    for offer in offers:
        covering = [range_ for range_ in ranges if range_.covers(offer)]
        if covering:
            best = max(covering, key=lambda range_: range_.specificity)
            if best.quality > 0:
                rank = (best.specificity, offer == EVENTS) if streams else (offer != EVENTS, best.specificity)
                wanted.append(((best.quality, *rank, -best.place), offer))
    return max(wanted, key=lambda want: want[0])[1] if wanted else None


def _ranges(accept: str) -> list[_Range]:
    ranges = []
    for place, part in enumerate(accept.split(",")):
        type_, *parameters = (piece.strip() for piece in part.lower().split(";"))
        if type_:
            ranges.append(_Range(type_, _quality(parameters), place))
    return ranges


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return min(max(float(value), 0.0), 1.0)
            except ValueError:
                return 0.0
    return 1.0
