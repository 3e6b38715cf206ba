"""What becomes of a session too many with an agent."""

from db.models import WhenFull
from schema import choice

choice.describe(
    WhenFull,
    "What to do where a member has as many active sessions with an agent as it allows.",
    REJECT="Refuse, as `QuotaExceeded`.",
    ARCHIVE_OLDEST="Put the one away that has been quiet for longest.",
)

__all__ = ["WhenFull"]
