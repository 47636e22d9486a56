"""Alembic's entrance. `model/store/migrations/__init__.py` hands over the connection."""

from alembic import context

from model.store.base import Base
from model.store.migrations import COMPARING

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    transactional_ddl=True,  # SQLite can, and our engine begins for real: a migration happens whole or not at all
    **COMPARING,
)
with context.begin_transaction():
    context.run_migrations()
