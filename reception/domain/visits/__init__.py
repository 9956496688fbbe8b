"""A visit's life: `moves` (each step), `walkin` (a visit without booking), `undo`, `queue` (who is next)."""
