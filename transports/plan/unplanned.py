"""What a plan does not understand."""


class Unplanned(Exception):
    """Leave it to graphql-core: a plan cannot be made of this selection, or gives no answer for this value."""
