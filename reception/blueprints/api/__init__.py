"""The JSON API, `/api/v1`: one module per subject; what all calls share is in `calls.py`. Described in `docs/api.md`."""

from reception.blueprints.api import bills, calendar, directory, finance, openapi, patients, refunds, shifts, visits
from reception.blueprints.api.calls import bp

__all__ = ["bills", "bp", "calendar", "directory", "finance", "openapi", "patients", "refunds", "shifts", "visits"]
