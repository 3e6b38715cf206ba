"""The only package that writes SQL: models, queries by noun, migrations, row security."""
