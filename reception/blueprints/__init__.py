"""The routes, one module per subject. `ALL` is what `create_app` hangs in."""

from __future__ import annotations

from flask import Blueprint

from reception.blueprints import (
    accesses,
    anonymise,
    api,
    appointments,
    audit,
    auth,
    booking,
    calendar,
    desk,
    directory,
    display,
    finance,
    live,
    merging,
    patients,
    queue,
    settings,
    shell,
    system,
    ticket,
)

assert appointments.bp is booking.bp is calendar.bp  # three modules, one subject

ALL: tuple[Blueprint, ...] = (
    accesses.bp,
    anonymise.bp,
    api.bp,
    audit.bp,
    auth.bp,
    calendar.bp,
    desk.bp,
    directory.bp,
    display.bp,
    finance.bp,
    live.bp,
    merging.bp,
    patients.bp,
    queue.bp,
    settings.bp,
    shell.bp,
    system.bp,
    ticket.bp,
)
