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
    booking_holds,
    calendar,
    desk,
    directory,
    display,
    duplicates,
    finance,
    live,
    merging,
    patients,
    queue,
    series,
    settings,
    shell,
    system,
    ticket,
    waitlist,
)

assert appointments.bp is booking.bp is booking_holds.bp is calendar.bp is series.bp  # modules of one subject

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
    duplicates.bp,
    finance.bp,
    live.bp,
    merging.bp,
    patients.bp,
    queue.bp,
    settings.bp,
    shell.bp,
    system.bp,
    ticket.bp,
    waitlist.bp,
)
