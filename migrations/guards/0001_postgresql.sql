-- Rules that PostgreSQL keeps by triggers and exclusion constraints. Statements end with a line `--;`.
CREATE EXTENSION IF NOT EXISTS btree_gist
--;
CREATE EXTENSION IF NOT EXISTS pg_trgm
--;
CREATE INDEX tx_patient_folded ON patient USING gin (folded gin_trgm_ops)
--;
CREATE FUNCTION fn_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% refuses: %', TG_TABLE_NAME, TG_ARGV[0]
        USING ERRCODE = 'check_violation', CONSTRAINT = TG_ARGV[0];
END $$
--;
CREATE FUNCTION fn_state_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM state_move
        WHERE kind = TG_TABLE_NAME AND from_state = OLD.status AND to_state = NEW.status
    ) THEN
        RAISE EXCEPTION '% cannot go from % to %', TG_TABLE_NAME, OLD.status, NEW.status
            USING ERRCODE = 'check_violation', CONSTRAINT = TG_NAME;
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER tr_visit_status BEFORE UPDATE OF status ON visit
FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION fn_state_move()
--;
CREATE TRIGGER tr_appointment_status BEFORE UPDATE OF status ON appointment
FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION fn_state_move()
--;
CREATE TRIGGER tr_payment_status BEFORE UPDATE OF status ON payment
FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION fn_state_move()
--;
CREATE TRIGGER tr_audit_entry_update BEFORE UPDATE ON audit_entry
FOR EACH ROW EXECUTE FUNCTION fn_refuse('tr_audit_entry_update')
--;
CREATE TRIGGER tr_audit_entry_delete BEFORE DELETE ON audit_entry
FOR EACH ROW EXECUTE FUNCTION fn_refuse('tr_audit_entry_delete')
--;
CREATE TRIGGER tr_audit_entry_truncate BEFORE TRUNCATE ON audit_entry
FOR EACH STATEMENT EXECUTE FUNCTION fn_refuse('tr_audit_entry_truncate')
--;
CREATE TRIGGER tr_access_entry_update BEFORE UPDATE ON access_entry
FOR EACH ROW EXECUTE FUNCTION fn_refuse('tr_access_entry_update')
--;
CREATE TRIGGER tr_access_entry_delete BEFORE DELETE ON access_entry
FOR EACH ROW EXECUTE FUNCTION fn_refuse('tr_access_entry_delete')
--;
CREATE TRIGGER tr_access_entry_truncate BEFORE TRUNCATE ON access_entry
FOR EACH STATEMENT EXECUTE FUNCTION fn_refuse('tr_access_entry_truncate')
--;
CREATE TRIGGER tr_ledger_entry_update BEFORE UPDATE ON ledger_entry
FOR EACH ROW EXECUTE FUNCTION fn_refuse('tr_ledger_entry_update')
--;
CREATE TRIGGER tr_ledger_entry_delete BEFORE DELETE ON ledger_entry
FOR EACH ROW EXECUTE FUNCTION fn_refuse('tr_ledger_entry_delete')
--;
CREATE TRIGGER tr_ledger_entry_truncate BEFORE TRUNCATE ON ledger_entry
FOR EACH STATEMENT EXECUTE FUNCTION fn_refuse('tr_ledger_entry_truncate')
--;
CREATE TRIGGER tr_operation_update BEFORE UPDATE ON operation
FOR EACH ROW EXECUTE FUNCTION fn_refuse('tr_operation_update')
--;
CREATE TRIGGER tr_operation_delete BEFORE DELETE ON operation
FOR EACH ROW EXECUTE FUNCTION fn_refuse('tr_operation_delete')
--;
CREATE TRIGGER tr_operation_truncate BEFORE TRUNCATE ON operation
FOR EACH STATEMENT EXECUTE FUNCTION fn_refuse('tr_operation_truncate')
--;
CREATE TRIGGER tr_visit_event_update BEFORE UPDATE ON visit_event
FOR EACH ROW EXECUTE FUNCTION fn_refuse('tr_visit_event_update')
--;
CREATE TRIGGER tr_visit_event_delete BEFORE DELETE ON visit_event
FOR EACH ROW EXECUTE FUNCTION fn_refuse('tr_visit_event_delete')
--;
CREATE TRIGGER tr_visit_event_truncate BEFORE TRUNCATE ON visit_event
FOR EACH STATEMENT EXECUTE FUNCTION fn_refuse('tr_visit_event_truncate')
--;
ALTER TABLE schedule ADD CONSTRAINT ex_schedule_doctor
EXCLUDE USING gist (doctor_id WITH =, tstzrange(starts_at, ends_at) WITH &&) WHERE (is_open)
--;
ALTER TABLE room_use ADD CONSTRAINT ex_room_use
EXCLUDE USING gist (
    room_id WITH =, bed WITH =, (owner_kind || owner_id::text) WITH <>, tstzrange(starts_at, ends_at) WITH &&
)
--;
ALTER TABLE appointment ADD CONSTRAINT ex_appointment_patient
EXCLUDE USING gist (patient_id WITH =, tstzrange(starts_at, ends_at) WITH &&)
WHERE (status IN ('CONFIRMED', 'CHECKED_IN'))
--;
CREATE FUNCTION fn_place_capacity() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.place > (SELECT capacity FROM slot WHERE id = NEW.slot_id)
        AND (SELECT overbooking_reason FROM appointment WHERE id = NEW.appointment_id) IS NULL
    THEN
        RAISE EXCEPTION 'slot % is full', NEW.slot_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_place_capacity';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER tr_place_capacity BEFORE INSERT OR UPDATE ON appointment_place
FOR EACH ROW EXECUTE FUNCTION fn_place_capacity()
--;
CREATE FUNCTION fn_place_open() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT (SELECT is_open FROM slot WHERE id = NEW.slot_id) THEN
        RAISE EXCEPTION 'slot % is closed', NEW.slot_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_place_open';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER tr_place_open BEFORE INSERT OR UPDATE OF slot_id ON appointment_place
FOR EACH ROW EXECUTE FUNCTION fn_place_open()
--;
CREATE TRIGGER tr_consent_update BEFORE UPDATE ON consent
FOR EACH ROW EXECUTE FUNCTION fn_refuse('tr_consent_update')
--;
CREATE TRIGGER tr_consent_delete BEFORE DELETE ON consent
FOR EACH ROW EXECUTE FUNCTION fn_refuse('tr_consent_delete')
--;
CREATE FUNCTION fn_slot_capacity() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.capacity < (
    SELECT max(p.place) FROM appointment_place p LEFT JOIN appointment a ON a.id = p.appointment_id
    WHERE p.slot_id = NEW.id AND a.overbooking_reason IS NULL
    ) THEN
        RAISE EXCEPTION 'slot % has more places taken', NEW.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_slot_capacity';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER tr_slot_capacity BEFORE UPDATE OF capacity ON slot
FOR EACH ROW EXECUTE FUNCTION fn_slot_capacity()
