"""What stands for a value that an edit leaves as it is, where None is a value."""

from enum import Enum
from typing import Literal


class Same(Enum):
    """Stands for what is there."""

    SAME = "same"


SAME: Literal[Same.SAME] = Same.SAME
