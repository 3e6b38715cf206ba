"""What a database holds, as PostgreSQL itself describes it."""

import asyncpg

_OURS = "(SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname NOT LIKE 'alembic_version%')"

_TABLES = {
    "columns": f"""
        SELECT format('%s.%s %s %s %s', attrelid::regclass, attname, format_type(atttypid, atttypmod),
            CASE WHEN attnotnull THEN 'NOT NULL' END, pg_get_expr(adbin, adrelid))
        FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
        WHERE attrelid IN {_OURS} AND attnum > 0 AND NOT attisdropped
            AND EXISTS (SELECT FROM pg_class WHERE oid = attrelid AND relkind = 'r')
    """,
    "constraints": f"""
        SELECT format('%s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
        FROM pg_constraint WHERE conrelid IN {_OURS}
    """,
    "indexes": f"SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid IN {_OURS}",
}

_RIGHTS = {
    "row security": f"SELECT format('%s %s', relname, relrowsecurity) FROM pg_class WHERE oid IN {_OURS}",
    "policies": """
        SELECT format('%s %s %s %s %s %s', tablename, policyname, roles, cmd, qual, with_check) FROM pg_policies
    """,
    "functions": """
        SELECT pg_get_functiondef(oid) || ' ' || COALESCE(proacl::text, '')
        FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    """,
    "triggers": "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
    "grants on tables": f"SELECT format('%s %s', relname, relacl) FROM pg_class WHERE oid IN {_OURS}",
    "grants on columns": f"""
        SELECT format('%s.%s %s', attrelid::regclass, attname, attacl)
        FROM pg_attribute WHERE attrelid IN {_OURS} AND NOT attisdropped AND attacl IS NOT NULL
    """,
    "grants on the schema": """
        SELECT format('%s %s', grantee::regrole, privilege_type) FROM pg_namespace, aclexplode(nspacl)
        WHERE nspname = 'public' AND grantee <> 0
    """,
}

type Catalog = dict[str, list[str]]


async def tables(url: str) -> Catalog:
    """The columns, constraints and indexes of the tables."""
    return await _read(url, _TABLES)


async def everything(url: str) -> Catalog:
    """The tables, and who may do what with them."""
    return await _read(url, {**_TABLES, **_RIGHTS})


async def _read(url: str, queries: dict[str, str]) -> Catalog:
    connection = await asyncpg.connect(url)
    try:
        return {name: sorted(row[0] for row in await connection.fetch(query)) for name, query in queries.items()}
    finally:
        await connection.close()
