-- Rules that SQLite keeps by triggers. Statements end with a line `--;`.
CREATE TRIGGER tr_visit_status BEFORE UPDATE OF status ON visit
WHEN OLD.status <> NEW.status AND NOT EXISTS (
    SELECT 1 FROM state_move WHERE kind = 'visit' AND from_state = OLD.status AND to_state = NEW.status
)
BEGIN SELECT RAISE(ABORT, 'tr_visit_status'); END
--;
CREATE TRIGGER tr_appointment_status BEFORE UPDATE OF status ON appointment
WHEN OLD.status <> NEW.status AND NOT EXISTS (
    SELECT 1 FROM state_move WHERE kind = 'appointment' AND from_state = OLD.status AND to_state = NEW.status
)
BEGIN SELECT RAISE(ABORT, 'tr_appointment_status'); END
--;
CREATE TRIGGER tr_payment_status BEFORE UPDATE OF status ON payment
WHEN OLD.status <> NEW.status AND NOT EXISTS (
    SELECT 1 FROM state_move WHERE kind = 'payment' AND from_state = OLD.status AND to_state = NEW.status
)
BEGIN SELECT RAISE(ABORT, 'tr_payment_status'); END
--;
CREATE TRIGGER tr_audit_entry_insert BEFORE INSERT ON audit_entry
WHEN EXISTS (SELECT 1 FROM audit_entry WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'tr_audit_entry_insert'); END
--;
CREATE TRIGGER tr_audit_entry_update BEFORE UPDATE ON audit_entry
BEGIN SELECT RAISE(ABORT, 'tr_audit_entry_update'); END
--;
CREATE TRIGGER tr_audit_entry_delete BEFORE DELETE ON audit_entry
BEGIN SELECT RAISE(ABORT, 'tr_audit_entry_delete'); END
--;
CREATE TRIGGER tr_access_entry_insert BEFORE INSERT ON access_entry
WHEN EXISTS (SELECT 1 FROM access_entry WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'tr_access_entry_insert'); END
--;
CREATE TRIGGER tr_access_entry_update BEFORE UPDATE ON access_entry
BEGIN SELECT RAISE(ABORT, 'tr_access_entry_update'); END
--;
CREATE TRIGGER tr_access_entry_delete BEFORE DELETE ON access_entry
BEGIN SELECT RAISE(ABORT, 'tr_access_entry_delete'); END
--;
CREATE TRIGGER tr_ledger_entry_insert BEFORE INSERT ON ledger_entry
WHEN EXISTS (SELECT 1 FROM ledger_entry WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'tr_ledger_entry_insert'); END
--;
CREATE TRIGGER tr_ledger_entry_update BEFORE UPDATE ON ledger_entry
BEGIN SELECT RAISE(ABORT, 'tr_ledger_entry_update'); END
--;
CREATE TRIGGER tr_ledger_entry_delete BEFORE DELETE ON ledger_entry
BEGIN SELECT RAISE(ABORT, 'tr_ledger_entry_delete'); END
--;
CREATE TRIGGER tr_operation_insert BEFORE INSERT ON operation
WHEN EXISTS (SELECT 1 FROM operation WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'tr_operation_insert'); END
--;
CREATE TRIGGER tr_operation_update BEFORE UPDATE ON operation
BEGIN SELECT RAISE(ABORT, 'tr_operation_update'); END
--;
CREATE TRIGGER tr_operation_delete BEFORE DELETE ON operation
BEGIN SELECT RAISE(ABORT, 'tr_operation_delete'); END
--;
CREATE TRIGGER tr_visit_event_insert BEFORE INSERT ON visit_event
WHEN EXISTS (SELECT 1 FROM visit_event WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'tr_visit_event_insert'); END
--;
CREATE TRIGGER tr_visit_event_update BEFORE UPDATE ON visit_event
BEGIN SELECT RAISE(ABORT, 'tr_visit_event_update'); END
--;
CREATE TRIGGER tr_visit_event_delete BEFORE DELETE ON visit_event
BEGIN SELECT RAISE(ABORT, 'tr_visit_event_delete'); END
--;
CREATE TRIGGER ex_schedule_doctor AFTER INSERT ON schedule
WHEN NEW.is_open AND EXISTS (
    SELECT 1 FROM schedule o
    WHERE o.doctor_id = NEW.doctor_id AND o.id <> NEW.id AND o.starts_at < NEW.ends_at AND o.ends_at > NEW.starts_at AND o.is_open
)
BEGIN SELECT RAISE(ABORT, 'ex_schedule_doctor'); END
--;
CREATE TRIGGER ex_schedule_doctor_update AFTER UPDATE OF doctor_id, starts_at, ends_at, is_open ON schedule
WHEN NEW.is_open AND EXISTS (
    SELECT 1 FROM schedule o
    WHERE o.doctor_id = NEW.doctor_id AND o.id <> NEW.id AND o.starts_at < NEW.ends_at AND o.ends_at > NEW.starts_at AND o.is_open
)
BEGIN SELECT RAISE(ABORT, 'ex_schedule_doctor'); END
--;
CREATE TRIGGER ex_room_use AFTER INSERT ON room_use
WHEN EXISTS (
    SELECT 1 FROM room_use o
    WHERE o.room_id = NEW.room_id AND o.bed = NEW.bed AND o.id <> NEW.id AND o.starts_at < NEW.ends_at AND o.ends_at > NEW.starts_at AND (o.owner_kind <> NEW.owner_kind OR o.owner_id <> NEW.owner_id)
)
BEGIN SELECT RAISE(ABORT, 'ex_room_use'); END
--;
CREATE TRIGGER ex_room_use_update AFTER UPDATE OF room_id, bed, starts_at, ends_at, owner_kind, owner_id ON room_use
WHEN EXISTS (
    SELECT 1 FROM room_use o
    WHERE o.room_id = NEW.room_id AND o.bed = NEW.bed AND o.id <> NEW.id AND o.starts_at < NEW.ends_at AND o.ends_at > NEW.starts_at AND (o.owner_kind <> NEW.owner_kind OR o.owner_id <> NEW.owner_id)
)
BEGIN SELECT RAISE(ABORT, 'ex_room_use'); END
--;
CREATE TRIGGER ex_appointment_patient AFTER INSERT ON appointment
WHEN NEW.status IN ('CONFIRMED', 'CHECKED_IN') AND EXISTS (
    SELECT 1 FROM appointment o
    WHERE o.patient_id = NEW.patient_id AND o.id <> NEW.id AND o.starts_at < NEW.ends_at AND o.ends_at > NEW.starts_at AND o.status IN ('CONFIRMED', 'CHECKED_IN')
)
BEGIN SELECT RAISE(ABORT, 'ex_appointment_patient'); END
--;
CREATE TRIGGER ex_appointment_patient_update AFTER UPDATE OF patient_id, starts_at, ends_at, status ON appointment
WHEN NEW.status IN ('CONFIRMED', 'CHECKED_IN') AND EXISTS (
    SELECT 1 FROM appointment o
    WHERE o.patient_id = NEW.patient_id AND o.id <> NEW.id AND o.starts_at < NEW.ends_at AND o.ends_at > NEW.starts_at AND o.status IN ('CONFIRMED', 'CHECKED_IN')
)
BEGIN SELECT RAISE(ABORT, 'ex_appointment_patient'); END
--;
CREATE TRIGGER tr_place_capacity AFTER INSERT ON appointment_place
WHEN NEW.place > (SELECT capacity FROM slot WHERE id = NEW.slot_id)
    AND (SELECT overbooking_reason FROM appointment WHERE id = NEW.appointment_id) IS NULL
BEGIN SELECT RAISE(ABORT, 'tr_place_capacity'); END
--;
CREATE TRIGGER tr_place_capacity_update AFTER UPDATE ON appointment_place
WHEN NEW.place > (SELECT capacity FROM slot WHERE id = NEW.slot_id)
    AND (SELECT overbooking_reason FROM appointment WHERE id = NEW.appointment_id) IS NULL
BEGIN SELECT RAISE(ABORT, 'tr_place_capacity'); END
--;
CREATE TRIGGER tr_place_open BEFORE INSERT ON appointment_place
WHEN NOT (SELECT is_open FROM slot WHERE id = NEW.slot_id)
BEGIN SELECT RAISE(ABORT, 'tr_place_open'); END
--;
CREATE TRIGGER tr_place_open_update BEFORE UPDATE OF slot_id ON appointment_place
WHEN NOT (SELECT is_open FROM slot WHERE id = NEW.slot_id)
BEGIN SELECT RAISE(ABORT, 'tr_place_open'); END
--;
CREATE TRIGGER tr_consent_update BEFORE UPDATE ON consent
BEGIN SELECT RAISE(ABORT, 'tr_consent_update'); END
--;
CREATE TRIGGER tr_consent_delete BEFORE DELETE ON consent
BEGIN SELECT RAISE(ABORT, 'tr_consent_delete'); END
--;
CREATE TRIGGER tr_slot_capacity BEFORE UPDATE OF capacity ON slot
WHEN NEW.capacity < (
    SELECT max(p.place) FROM appointment_place p LEFT JOIN appointment a ON a.id = p.appointment_id
    WHERE p.slot_id = NEW.id AND a.overbooking_reason IS NULL
)
BEGIN SELECT RAISE(ABORT, 'tr_slot_capacity'); END
--;
CREATE VIRTUAL TABLE patient_search USING fts5(folded, content='patient', content_rowid='id', tokenize='trigram')
--;
CREATE TRIGGER tr_patient_search_insert AFTER INSERT ON patient
BEGIN INSERT INTO patient_search (rowid, folded) VALUES (NEW.id, NEW.folded); END
--;
CREATE TRIGGER tr_patient_search_update AFTER UPDATE OF folded ON patient
WHEN OLD.folded <> NEW.folded
BEGIN
    INSERT INTO patient_search (patient_search, rowid, folded) VALUES ('delete', OLD.id, OLD.folded);
    INSERT INTO patient_search (rowid, folded) VALUES (NEW.id, NEW.folded);
END
--;
CREATE TRIGGER tr_patient_search_delete AFTER DELETE ON patient
BEGIN INSERT INTO patient_search (patient_search, rowid, folded) VALUES ('delete', OLD.id, OLD.folded); END
