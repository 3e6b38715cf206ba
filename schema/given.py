"""What an edit says of a field that can be empty: nothing, so it stays; null, so it is taken away; or a value."""

import strawberry


def given[Value](field: strawberry.Maybe[Value | None] | Value, empty: Value) -> Value | None:
    """The value to set; None where the field was left out. Null is set as what is `empty`."""
    if isinstance(field, strawberry.Some):
        return empty if field.value is None else field.value
    return field
