"""Alembic's entrance. `pottle/store/migrations/__init__.py` hands over the connection."""

from alembic import context

from pottle.store.migrations import COMPARING, described

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=described(),
    transactional_ddl=True,  # SQLite can, and our engine begins for real: a migration happens whole or not at all
    **COMPARING,
)
with context.begin_transaction():
    context.run_migrations()
