#!/usr/bin/env bash
# graphql-core 3.3.2: a nullable variable for a member of a `@oneOf` input is let in by validation within a list.
#
# Behaviour: a variable that stands for a member of a `@oneOf` input must be of a non-null type. The rule finds that where
#   the input is an argument, or a field of another input. Where the input is an item of a list, the document is valid,
#   and is refused only when it is executed and the variable is null or absent.
# Source: https://spec.graphql.org/September2025/#sec-All-Variable-Usages-Are-Allowed and
#   https://spec.graphql.org/September2025/#sec-OneOf-Input-Objects; `values_of_correct_type.py` of the package.
# Seen: what the last lines of this file compare with.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check graphql-core==3.3.2
cat > "$folder/try.py" <<'PY'
from graphql import build_schema, parse, validate

schema = build_schema("""
    input Place @oneOf { name: String, number: Int }
    input Search { place: Place }
    type Query { one(place: Place): Int, within(search: Search): Int, many(places: [Place!]): Int }
""")
DOCUMENTS = {
    "an argument": "query ($name: String) { one(place: {name: $name}) }",
    "a field of another input": "query ($name: String) { within(search: {place: {name: $name}}) }",
    "an item of a list": "query ($name: String) { many(places: [{name: $name}]) }",
}
for where, text in DOCUMENTS.items():
    print(f"{where}: {'refused' if validate(schema, parse(text)) else 'valid'}")
PY
"$folder/venv/bin/python" "$folder/try.py" | tee "$folder/seen"
diff "$folder/seen" - <<'SEEN'
an argument: refused
a field of another input: refused
an item of a list: valid
SEEN
