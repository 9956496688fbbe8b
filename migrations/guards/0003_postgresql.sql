-- The day on which each patient was here last, beside the card: what the registry is filtered by. The card is locked
-- before the visits are read, so that of two changes at once the later one sees both.
CREATE FUNCTION fn_last_visit_day() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    whose bigint;
BEGIN
    FOR whose IN SELECT p.id FROM patient p WHERE p.id IN (OLD.patient_id, NEW.patient_id) ORDER BY p.id
    LOOP
        PERFORM 1 FROM patient WHERE id = whose FOR NO KEY UPDATE;
        UPDATE patient SET last_visit_day = (
            SELECT max(service_day) FROM visit WHERE patient_id = whose
            AND status IN ('WAITING', 'CALLED', 'IN_PROGRESS', 'PENDING_PAYMENT', 'COMPLETED')
        ) WHERE id = whose;
    END LOOP;
    RETURN NULL;
END $$
--;
CREATE FUNCTION fn_visited() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE patient SET last_visit_day = NEW.service_day
    WHERE id = NEW.patient_id AND (last_visit_day IS NULL OR last_visit_day < NEW.service_day);
    RETURN NULL;
END $$
--;
CREATE TRIGGER tr_visit_last_day_insert AFTER INSERT ON visit
FOR EACH ROW WHEN (NEW.status IN ('WAITING', 'CALLED', 'IN_PROGRESS', 'PENDING_PAYMENT', 'COMPLETED'))
EXECUTE FUNCTION fn_visited()
--;
CREATE TRIGGER tr_visit_last_day_update AFTER UPDATE OF status, service_day, patient_id ON visit
FOR EACH ROW WHEN (
    OLD.patient_id <> NEW.patient_id OR OLD.service_day <> NEW.service_day
    OR (OLD.status IN ('WAITING', 'CALLED', 'IN_PROGRESS', 'PENDING_PAYMENT', 'COMPLETED'))
    <> (NEW.status IN ('WAITING', 'CALLED', 'IN_PROGRESS', 'PENDING_PAYMENT', 'COMPLETED'))
)
EXECUTE FUNCTION fn_last_visit_day()
--;
CREATE TRIGGER tr_visit_last_day_delete AFTER DELETE ON visit
FOR EACH ROW WHEN (OLD.status IN ('WAITING', 'CALLED', 'IN_PROGRESS', 'PENDING_PAYMENT', 'COMPLETED'))
EXECUTE FUNCTION fn_last_visit_day()
