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
    bills,
    booking,
    booking_holds,
    calendar,
    calendar_moves,
    calls,
    care,
    cash,
    cashbox_report,
    checklists,
    claims,
    desk,
    directory,
    display,
    doctor_dues,
    duplicates,
    feeds,
    finance,
    lateness,
    live,
    logs,
    merging,
    operations,
    patient_full,
    patient_list,
    patient_questionnaire,
    patient_searches,
    patients,
    purse,
    queue,
    records,
    refunds,
    series,
    settings,
    shell,
    shift_notes,
    shifts,
    still_open,
    system,
    ticket,
    together,
    visit_changes,
    waitlist,
)

assert (
    calendar_moves.bp is appointments.bp is booking.bp is booking_holds.bp is calendar.bp is series.bp
)  # modules of one subject
assert finance.bp is operations.bp is cash.bp is cashbox_report.bp is shifts.bp
assert finance.bp is purse.bp is refunds.bp is together.bp
assert queue.bp is visit_changes.bp is checklists.bp
assert patients.bp is patient_full.bp is patient_list.bp is patient_questionnaire.bp is patient_searches.bp

assert finance.bp is bills.bp is claims.bp is doctor_dues.bp

ALL: tuple[Blueprint, ...] = (
    accesses.bp,
    anonymise.bp,
    api.bp,
    audit.bp,
    auth.bp,
    calendar.bp,
    calls.bp,
    care.bp,
    desk.bp,
    directory.bp,
    display.bp,
    duplicates.bp,
    feeds.bp,
    finance.bp,
    lateness.bp,
    live.bp,
    logs.bp,
    merging.bp,
    shift_notes.bp,
    still_open.bp,
    patients.bp,
    queue.bp,
    records.bp,
    settings.bp,
    shell.bp,
    system.bp,
    ticket.bp,
    waitlist.bp,
)
