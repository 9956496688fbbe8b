-- The record: states by their table, nothing of a signed one changed but to take an anonymous person out of it, amendments by who signed; ICD-10 by trigrams. Statements end with `--;`.
CREATE TRIGGER tr_medical_record_state BEFORE UPDATE OF state ON medical_record
WHEN OLD.state <> NEW.state AND NOT EXISTS (
    SELECT 1 FROM state_move WHERE kind = 'medical_record' AND from_state = OLD.state AND to_state = NEW.state
)
BEGIN SELECT RAISE(ABORT, 'tr_medical_record_state'); END
--;
CREATE TRIGGER tr_medical_record_closed BEFORE UPDATE ON medical_record
WHEN OLD.state = 'CLOSED' AND NOT (
    NEW.visit_id = OLD.visit_id AND NEW.doctor_id IS OLD.doctor_id AND NEW.state = OLD.state
    AND NEW.complaints = OLD.complaints AND NEW.initial_code = OLD.initial_code
    AND NEW.arrival_code = OLD.arrival_code AND NEW.final_code = OLD.final_code
    AND NEW.treatment = OLD.treatment AND NEW.notes = OLD.notes AND NEW.sick_leave_from IS OLD.sick_leave_from
    AND NEW.sick_leave_to IS OLD.sick_leave_to AND NEW.sick_leave_number = OLD.sick_leave_number
    AND NEW.folded = OLD.folded AND NEW.signed_at IS OLD.signed_at AND NEW.signed_by_id IS OLD.signed_by_id
) AND NOT EXISTS (SELECT 1 FROM patient WHERE id = OLD.patient_id AND anonymised_at IS NOT NULL)
BEGIN SELECT RAISE(ABORT, 'tr_medical_record_closed'); END
--;
CREATE TRIGGER tr_medical_record_insert BEFORE INSERT ON medical_record
WHEN EXISTS (SELECT 1 FROM medical_record WHERE id = NEW.id OR visit_id = NEW.visit_id)
BEGIN SELECT RAISE(ABORT, 'tr_medical_record_insert'); END
--;
CREATE TRIGGER tr_medical_record_delete BEFORE DELETE ON medical_record WHEN OLD.state = 'CLOSED'
BEGIN SELECT RAISE(ABORT, 'tr_medical_record_delete'); END
--;
CREATE TRIGGER tr_amendment_insert BEFORE INSERT ON amendment
WHEN EXISTS (SELECT 1 FROM amendment WHERE id = NEW.id) OR NOT EXISTS (
    SELECT 1 FROM medical_record WHERE id = NEW.record_id AND state = 'CLOSED' AND signed_by_id = NEW.by_id
)
BEGIN SELECT RAISE(ABORT, 'tr_amendment_insert'); END
--;
CREATE TRIGGER tr_amendment_update BEFORE UPDATE ON amendment
WHEN NOT EXISTS (
    SELECT 1 FROM medical_record r JOIN patient p ON p.id = r.patient_id
    WHERE r.id = OLD.record_id AND p.anonymised_at IS NOT NULL
)
BEGIN SELECT RAISE(ABORT, 'tr_amendment_update'); END
--;
CREATE TRIGGER tr_amendment_delete BEFORE DELETE ON amendment
BEGIN SELECT RAISE(ABORT, 'tr_amendment_delete'); END
--;
CREATE TRIGGER tr_prescription_line_insert BEFORE INSERT ON prescription_line
WHEN EXISTS (SELECT 1 FROM medical_record WHERE id = NEW.record_id AND state = 'CLOSED')
BEGIN SELECT RAISE(ABORT, 'tr_prescription_line_closed'); END
--;
CREATE TRIGGER tr_prescription_line_update BEFORE UPDATE ON prescription_line
WHEN EXISTS (SELECT 1 FROM medical_record WHERE id IN (OLD.record_id, NEW.record_id) AND state = 'CLOSED')
BEGIN SELECT RAISE(ABORT, 'tr_prescription_line_closed'); END
--;
CREATE TRIGGER tr_prescription_line_delete BEFORE DELETE ON prescription_line
WHEN EXISTS (
    SELECT 1 FROM medical_record r JOIN patient p ON p.id = r.patient_id
    WHERE r.id = OLD.record_id AND r.state = 'CLOSED' AND p.anonymised_at IS NULL
)
BEGIN SELECT RAISE(ABORT, 'tr_prescription_line_closed'); END
--;
CREATE TRIGGER tr_vital_update BEFORE UPDATE ON vital
WHEN NEW.visit_id <> OLD.visit_id OR NEW.kind <> OLD.kind OR NEW.value <> OLD.value OR NEW.unit <> OLD.unit
    OR NEW.at <> OLD.at OR NEW.by_id IS NOT OLD.by_id OR OLD.taken_back_at IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'tr_vital_update'); END
--;
CREATE TRIGGER tr_vital_delete BEFORE DELETE ON vital
WHEN NOT EXISTS (
    SELECT 1 FROM visit v JOIN patient p ON p.id = v.patient_id
    WHERE v.id = OLD.visit_id AND p.anonymised_at IS NOT NULL
)
BEGIN SELECT RAISE(ABORT, 'tr_vital_delete'); END
--;
CREATE VIRTUAL TABLE icd_search USING fts5(folded, content='icd_title', content_rowid='id', tokenize='trigram')
--;
INSERT INTO icd_search (icd_search) VALUES ('rebuild')
--;
CREATE TRIGGER tr_icd_search_insert AFTER INSERT ON icd_title
BEGIN INSERT INTO icd_search (rowid, folded) VALUES (NEW.id, NEW.folded); END
--;
CREATE TRIGGER tr_icd_search_update AFTER UPDATE OF folded ON icd_title
WHEN OLD.folded <> NEW.folded
BEGIN
    INSERT INTO icd_search (icd_search, rowid, folded) VALUES ('delete', OLD.id, OLD.folded);
    INSERT INTO icd_search (rowid, folded) VALUES (NEW.id, NEW.folded);
END
--;
CREATE TRIGGER tr_icd_search_delete AFTER DELETE ON icd_title
BEGIN INSERT INTO icd_search (icd_search, rowid, folded) VALUES ('delete', OLD.id, OLD.folded); END
