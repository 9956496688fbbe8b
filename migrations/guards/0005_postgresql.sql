-- The record: states by their table, nothing of a signed one changed but to take an anonymous person out of it, amendments by who signed; ICD-10 by trigrams. Statements end with `--;`.
CREATE FUNCTION fn_record_state() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM state_move
        WHERE kind = 'medical_record' AND from_state = OLD.state AND to_state = NEW.state
    ) THEN
        RAISE EXCEPTION 'a record cannot go from % to %', OLD.state, NEW.state
            USING ERRCODE = 'check_violation', CONSTRAINT = TG_NAME;
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER tr_medical_record_state BEFORE UPDATE OF state ON medical_record
FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION fn_record_state()
--;
CREATE FUNCTION fn_record_closed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM patient WHERE id = OLD.patient_id AND anonymised_at IS NOT NULL) THEN
        RAISE EXCEPTION 'record % is signed', OLD.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_medical_record_closed';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER tr_medical_record_closed BEFORE UPDATE ON medical_record
FOR EACH ROW WHEN (OLD.state = 'CLOSED' AND (
    NEW.visit_id, NEW.doctor_id, NEW.state, NEW.complaints, NEW.initial_code, NEW.arrival_code, NEW.final_code,
    NEW.treatment, NEW.notes, NEW.sick_leave_from, NEW.sick_leave_to, NEW.sick_leave_number, NEW.folded,
    NEW.signed_at, NEW.signed_by_id
) IS DISTINCT FROM (
    OLD.visit_id, OLD.doctor_id, OLD.state, OLD.complaints, OLD.initial_code, OLD.arrival_code, OLD.final_code,
    OLD.treatment, OLD.notes, OLD.sick_leave_from, OLD.sick_leave_to, OLD.sick_leave_number, OLD.folded,
    OLD.signed_at, OLD.signed_by_id
)) EXECUTE FUNCTION fn_record_closed()
--;
CREATE TRIGGER tr_medical_record_delete BEFORE DELETE ON medical_record
FOR EACH ROW WHEN (OLD.state = 'CLOSED') EXECUTE FUNCTION fn_refuse('tr_medical_record_delete')
--;
CREATE TRIGGER tr_medical_record_truncate BEFORE TRUNCATE ON medical_record
FOR EACH STATEMENT EXECUTE FUNCTION fn_refuse('tr_medical_record_truncate')
--;
CREATE FUNCTION fn_amendment_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM medical_record WHERE id = NEW.record_id AND state = 'CLOSED' AND signed_by_id = NEW.by_id
    ) THEN
        RAISE EXCEPTION 'record % was not signed by %', NEW.record_id, NEW.by_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_amendment_insert';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER tr_amendment_insert BEFORE INSERT ON amendment
FOR EACH ROW EXECUTE FUNCTION fn_amendment_insert()
--;
CREATE FUNCTION fn_amendment_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM medical_record r JOIN patient p ON p.id = r.patient_id
        WHERE r.id = OLD.record_id AND p.anonymised_at IS NOT NULL
    ) THEN
        RAISE EXCEPTION 'amendment % stays', OLD.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_amendment_update';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER tr_amendment_update BEFORE UPDATE ON amendment
FOR EACH ROW EXECUTE FUNCTION fn_amendment_update()
--;
CREATE TRIGGER tr_amendment_delete BEFORE DELETE ON amendment
FOR EACH ROW EXECUTE FUNCTION fn_refuse('tr_amendment_delete')
--;
CREATE TRIGGER tr_amendment_truncate BEFORE TRUNCATE ON amendment
FOR EACH STATEMENT EXECUTE FUNCTION fn_refuse('tr_amendment_truncate')
--;
CREATE FUNCTION fn_prescription_closed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    line prescription_line;
BEGIN
    line := CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
    IF EXISTS (
        SELECT 1 FROM medical_record r JOIN patient p ON p.id = r.patient_id
        WHERE r.state = 'CLOSED' AND (r.id = line.record_id OR (TG_OP = 'UPDATE' AND r.id = OLD.record_id))
        AND (TG_OP <> 'DELETE' OR p.anonymised_at IS NULL)
    ) THEN
        RAISE EXCEPTION 'record % is signed', line.record_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_prescription_line_closed';
    END IF;
    RETURN line;
END $$
--;
CREATE TRIGGER tr_prescription_line_insert BEFORE INSERT ON prescription_line
FOR EACH ROW EXECUTE FUNCTION fn_prescription_closed()
--;
CREATE TRIGGER tr_prescription_line_update BEFORE UPDATE ON prescription_line
FOR EACH ROW EXECUTE FUNCTION fn_prescription_closed()
--;
CREATE TRIGGER tr_prescription_line_delete BEFORE DELETE ON prescription_line
FOR EACH ROW EXECUTE FUNCTION fn_prescription_closed()
--;
CREATE TRIGGER tr_vital_update BEFORE UPDATE ON vital
FOR EACH ROW WHEN (
    (NEW.visit_id, NEW.kind, NEW.value, NEW.unit, NEW.at, NEW.by_id)
    IS DISTINCT FROM (OLD.visit_id, OLD.kind, OLD.value, OLD.unit, OLD.at, OLD.by_id)
    OR OLD.taken_back_at IS NOT NULL
) EXECUTE FUNCTION fn_refuse('tr_vital_update')
--;
CREATE FUNCTION fn_vital_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM visit v JOIN patient p ON p.id = v.patient_id
        WHERE v.id = OLD.visit_id AND p.anonymised_at IS NOT NULL
    ) THEN
        RAISE EXCEPTION 'vital % stays', OLD.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_vital_delete';
    END IF;
    RETURN OLD;
END $$
--;
CREATE TRIGGER tr_vital_delete BEFORE DELETE ON vital
FOR EACH ROW EXECUTE FUNCTION fn_vital_delete()
--;
CREATE TRIGGER tr_vital_truncate BEFORE TRUNCATE ON vital
FOR EACH STATEMENT EXECUTE FUNCTION fn_refuse('tr_vital_truncate')
--;
CREATE INDEX tx_icd_title_folded ON icd_title USING gin (folded gin_trgm_ops)
