"""The clinic itself: departments, doctors, rooms, services with their prices, cashboxes, screens."""

from __future__ import annotations

from reception.domain.directory.doctors import (
    DOCTOR_FIELDS,
    add_doctor,
    ask_help,
    change_doctor,
    set_break,
)
from reception.domain.directory.founding import (
    add_cashbox,
    add_device,
    found_clinic,
    furnish,
    revoke_device,
    set_cashbox_open,
)
from reception.domain.directory.kinds import (
    add_service_type,
    add_specialization,
    change_service_type,
    change_specialization,
)
from reception.domain.directory.places import add_department, add_room, set_active
from reception.domain.directory.price_changes import Step, change_prices, propose, take_back_change
from reception.domain.directory.prices import MOST_PRICE, put_price_back, set_price, withdraw_price
from reception.domain.directory.services import add_service, change_service

__all__ = [
    "DOCTOR_FIELDS", "MOST_PRICE", "Step", "add_cashbox", "add_department", "add_device", "add_doctor", "add_room",
    "add_service", "add_service_type", "add_specialization", "ask_help", "change_doctor", "change_prices",
    "change_service", "change_service_type", "change_specialization", "found_clinic", "furnish", "propose",
    "put_price_back", "revoke_device", "set_active", "set_break", "set_cashbox_open", "set_price", "take_back_change",
    "withdraw_price",
]  # fmt: skip
