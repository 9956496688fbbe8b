"""`flask --app reception …`: thin commands that call the domain. Exit 0 done, 1 refused with a line, 2 wrong usage."""

from __future__ import annotations

from flask import Flask

from reception.cli import demo, duplicates, exports, imports, regions, setup, worker


def init_app(app: Flask) -> None:
    """Hang in the commands."""
    for command in (
        *setup.COMMANDS,
        *demo.COMMANDS,
        *imports.COMMANDS,
        *regions.COMMANDS,
        *exports.COMMANDS,
        *duplicates.COMMANDS,
        worker.worker,
    ):
        app.cli.add_command(command)
