"""What the routes of one application share once it has started."""

from dataclasses import dataclass, field

from chat.process import Process
from chat.runtime import Life


@dataclass(slots=True)
class State:
    """Set by the lifespan."""

    life: Life | None = field(default=None)
    draining: bool = False

    @property
    def process(self) -> Process:
        """The process at work; there is none before the application has started."""
        assert self.life is not None
        return self.life.process
