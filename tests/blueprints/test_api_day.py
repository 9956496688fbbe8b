"""A clinic's day by the API alone: each step by the role that does it, on both databases."""

from __future__ import annotations

from reception.domain import verify
from reception.models import Role
from tests.api import Api
from tests.factories import House

PERSON = {
    "first_name": "Ágnes",
    "last_name": "Horváth",
    "date_of_birth": "1984-02-29",
    "gender": "FEMALE",
    "phone": "0151 2345 6789",
}
VISIT = (
    "id ticket queue_number status priority patient_id doctor_id department_id room_id service_id check_in_time "
    "called_at call_count start_time end_time appointment_id payment_id version"
).split()
APPOINTMENT = (
    "id booking_id status start end patient_id doctor_id room_id service_id visit_id payment_id version"
).split()
PAYMENT = ("id visit_id total_amount insurance_amount self_pay_amount amount_paid due_amount status version").split()


def test_from_registration_to_the_last_payment(house: House) -> None:
    house.shift(first=8, last=18)
    desk, doctor, cashier = Api(house, Role.RECEPTIONIST), Api(house, Role.NURSE), Api(house, Role.CASHIER)

    patient = desk.post("/patients", PERSON, 201)
    assert (patient["card_no"], patient["phone"], patient["gender"]) == ("000001", "+4915123456789", "FEMALE")
    assert desk.get("/patients", q="horvath")["items"] == [patient]
    (doctor_id,) = [row["id"] for row in desk.get("/doctors")["items"]]
    (service,) = desk.get("/services")["items"]
    assert service["price"] == "120.00"

    slots = desk.get("/slots", doctor=doctor_id)["items"]
    free = next(slot for slot in slots if slot["free"])
    booked = desk.post(
        "/appointments",
        {"patient_id": patient["id"], "doctor_id": doctor_id, "service_id": service["id"], "start": free["start"]},
        201,
    )
    assert list(booked)[: len(APPOINTMENT)] == APPOINTMENT
    assert (booked["status"], booked["start"], booked["ticket"]) == ("CONFIRMED", free["start"], None)
    assert booked["start"].endswith("Z")
    (again,) = [s for s in desk.get("/slots", doctor=doctor_id)["items"] if s["start"] == free["start"]]
    assert again["free"] == free["free"] - 1
    (shift,) = desk.get("/schedules")["items"]
    assert shift["places"] - shift["free"] == 1

    arrived = desk.post(f"/appointments/{booked['id']}/check-in")
    assert (arrived["status"], arrived["ticket"], arrived["queue_number"]) == ("CHECKED_IN", "A-001", 1)
    assert arrived["visit"]["status"] == "WAITING"
    assert list(arrived["visit"]) == VISIT
    visit_id = arrived["visit_id"]
    assert desk.get("/visits", status="WAITING")["items"] == [arrived["visit"]]
    assert desk.get("/appointments")["items"] == [{k: v for k, v in arrived.items() if k != "visit"}]

    called = doctor.post(f"/doctors/{doctor_id}/call-next")
    assert (called["id"], called["status"], called["call_count"]) == (visit_id, "CALLED", 1)
    assert doctor.post(f"/doctors/{doctor_id}/call-next", status=204) is None
    (room,) = desk.get("/rooms/status_now")["items"]
    assert (room["status"], room["visits"][0]["ticket"], room["doctor_id"]) == ("CALLED", "A-001", doctor_id)
    assert doctor.post(f"/visits/{visit_id}/recall")["call_count"] == 2
    started = doctor.post(f"/visits/{visit_id}/start", {"version": called["version"] + 1})
    assert started["start_time"]
    assert doctor.post(f"/visits/{visit_id}/finish")["status"] == "PENDING_PAYMENT"
    assert desk.get(f"/appointments/{booked['id']}")["status"] == "COMPLETED"

    bill = cashier.get(f"/payments/{started['payment_id']}")
    assert list(bill)[: len(PAYMENT)] == PAYMENT
    assert (bill["due_amount"], bill["status"], bill["currency"]) == ("120.00", "PENDING", "EUR")
    boxes = {box["kind"]: box["id"] for box in cashier.get("/cashboxes")["items"]}
    paid = cashier.post(
        f"/payments/{bill['id']}/pay",
        {
            "parts": [
                {"method": "CASH", "cashbox_id": boxes["CASH"], "amount": "50.00"},
                {"method": "CARD", "cashbox_id": boxes["CARD"], "amount": "70"},
            ],
            "version": bill["version"],
            "received": "60.5",
            "amount": "120.00",
        },
    )
    assert (paid["status"], paid["due_amount"], paid["amount_paid"]) == ("PAID", "0.00", "120.00")
    assert paid["operation"]["change"] == "10.50"
    assert desk.get(f"/visits/{visit_id}")["status"] == "COMPLETED"

    balances = {box["name"]: box["balance"] for box in cashier.get("/cashboxes")["items"]}
    assert balances == {"Cash desk": "50.00", "Terminal": "70.00"}
    entries = cashier.get("/ledger")["items"]
    assert [(e["kind"], e["amount"], e["debit_kind"], e["credit_kind"]) for e in entries] == [
        ("CHARGE", "120.00", "PATIENT_DEBT", "INCOME"),
        ("PAYMENT", "50.00", "CASHBOX", "PATIENT_DEBT"),
        ("PAYMENT", "70.00", "CASHBOX", "PATIENT_DEBT"),
        ("ADJUSTMENT", "48.00", "INCOME", "DOCTOR_DUE"),
    ]
    assert cashier.get("/ledger", payment=bill["id"])["items"] == entries
    assert list(verify.findings()) == []
