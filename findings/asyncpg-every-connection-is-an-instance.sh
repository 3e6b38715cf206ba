#!/usr/bin/env bash
# asyncpg 0.32.0: every connection is an instance of every subclass of `asyncpg.Connection`.
#
# Behaviour: `connect(connection_class=…)` and pools take a subclass, so one may tell connections apart by their class. But
#   the metaclass answers `isinstance` for all classes alike: it looks whether the object is a connection (or the proxy
#   that a pool lends), and not of which class. `isinstance(plain, Special)` is true. `type(plain) is Special` is right.
# Source: `ConnectionMeta.__instancecheck__` in `asyncpg/connection.py` of the package.
# Seen: what the last lines of this file compare with.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check asyncpg==0.32.0
cat > "$folder/try.py" <<'PY'
import asyncpg

class Special(asyncpg.Connection):
    pass

plain = object.__new__(asyncpg.Connection)  # no server is needed to ask what it is
print("isinstance(plain, Special):", isinstance(plain, Special))
print("type(plain) is Special:", type(plain) is Special)
print("issubclass(type(plain), Special):", issubclass(type(plain), Special))
PY
"$folder/venv/bin/python" -W ignore "$folder/try.py" 2>/dev/null | tee "$folder/seen"
diff "$folder/seen" - <<'SEEN'
isinstance(plain, Special): True
type(plain) is Special: False
issubclass(type(plain), Special): False
SEEN
