"""A person is taken out of the records, too: the last step of making a card anonymous, which alone may change a signed one."""

from __future__ import annotations

from sqlalchemy import delete, select, update

from reception.extensions import db
from reception.models import Amendment, Draft, MedicalRecord, PrescriptionLine, Visit, Vital

EMPTIED = {
    "complaints": "", "initial_code": "", "arrival_code": "", "final_code": "", "treatment": "", "notes": "",
    "sick_leave_from": None, "sick_leave_to": None, "sick_leave_number": "", "folded": "",
}  # fmt: skip
GONE = "—"


def erase(patient_ids: list[int]) -> None:
    """Empty every record, amendment, prescription, vital and draft of these cards; they are anonymous already."""
    visits = select(Visit.id).where(Visit.patient_id.in_(patient_ids))
    records = select(MedicalRecord.id).where(MedicalRecord.visit_id.in_(visits))
    db.session.execute(delete(Draft).where(Draft.record_id.in_(records)))
    db.session.execute(delete(PrescriptionLine).where(PrescriptionLine.record_id.in_(records)))
    db.session.execute(delete(Vital).where(Vital.visit_id.in_(visits)))
    db.session.execute(update(Amendment).where(Amendment.record_id.in_(records)).values(text=GONE))
    db.session.execute(update(MedicalRecord).where(MedicalRecord.visit_id.in_(visits)).values(**EMPTIED))
