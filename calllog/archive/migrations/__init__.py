"""How the tables of an archive came to be as they are, one script a change (Alembic)."""
