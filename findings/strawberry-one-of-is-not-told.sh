#!/usr/bin/env bash
# strawberry-graphql 0.341.2 with graphql-core 3.3.2: an input that is `@oneOf` is none to graphql-core.
#
# Behaviour: `@strawberry.input(one_of=True)` prints `@oneOf` in the SDL, so clients and their generators see it. But the
#   type that graphql-core executes with has `is_one_of` false, so its own checks do not run. Literals are checked by a
#   validation rule of Strawberry's. Through a variable, two members, a null member or none fail later, in Strawberry's
#   conversion of the value, with an error that has no location; where it is a member of another input, no path within
#   the value either.
# Source: https://spec.graphql.org/September2025/#sec-OneOf-Input-Objects ("Input Coercion"), and
#   `strawberry/schema/schema_converter.py` of the package.
# Seen: what the last lines of this file compare with.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check strawberry-graphql==0.341.2 graphql-core==3.3.2
cat > "$folder/try.py" <<'PY'
import strawberry
from strawberry import UNSET

@strawberry.input(one_of=True)
class Place:
    name: str | None = UNSET
    number: int | None = UNSET

@strawberry.type
class Query:
    @strawberry.field
    def find(self, place: Place) -> str:
        return "found"

schema = strawberry.Schema(Query)
print("printed:", "@oneOf" in schema.as_str())
print("told to graphql-core:", schema._schema.type_map["Place"].is_one_of)
ask = "query ($place: Place!) { find(place: $place) }"
literal = schema.execute_sync('{ find(place: {name: "a", number: 1}) }')
print("two members, literal:", literal.data, "at", literal.errors[0].locations is not None)
variable = schema.execute_sync(ask, variable_values={"place": {"name": "a", "number": 1}})
print("two members, variable:", variable.data, "at", variable.errors[0].locations)
PY
"$folder/venv/bin/python" "$folder/try.py" 2>/dev/null | tee "$folder/seen"
diff "$folder/seen" - <<'SEEN'
printed: True
told to graphql-core: False
two members, literal: None at True
two members, variable: None at None
SEEN
