"""What a card's alerts and special needs mean for whoever handles the patient, in one word each.

Both are free text; what is meant is known by the beginnings of the usual words in the languages of the house.
"""

from __future__ import annotations

from reception.models import Patient

NEEDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("wheelchair", ("wheelchair", "wheel chair", "rollstuhl", "коляск", "aravacha", "كرسي متحرك", "轮椅")),
    ("interpreter", ("interpret", "translat", "sign language", "dolmetsch", "перевод", "tarjimon", "مترجم", "翻译")),
)
ALLERGY = ("allerg", "аллерг", "alergi", "حساسية", "过敏")


def of(patient: Patient) -> list[tuple[str, str]]:
    """[(kind, whole text)]: allergy or alert, then wheelchair and interpreter, or other needs; mostly nothing."""
    found = []
    if patient.alerts:
        text = patient.alerts.casefold()
        found.append(("allergy" if any(word in text for word in ALLERGY) else "alert", patient.alerts))
    if patient.special_needs:
        text = patient.special_needs.casefold()
        kinds = [kind for kind, words in NEEDS if any(word in text for word in words)]
        found += [(kind, patient.special_needs) for kind in kinds or ["needs"]]
    return found
