"""The database's schema, step by step; run by ``classmood.store`` when it opens a file."""
