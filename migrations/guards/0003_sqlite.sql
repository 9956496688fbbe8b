-- The day on which each patient was here last, beside the card: what the registry is filtered by.
CREATE TRIGGER tr_visit_last_day_insert AFTER INSERT ON visit
WHEN NEW.status IN ('WAITING', 'CALLED', 'IN_PROGRESS', 'PENDING_PAYMENT', 'COMPLETED')
BEGIN
    UPDATE patient SET last_visit_day = NEW.service_day
    WHERE id = NEW.patient_id AND (last_visit_day IS NULL OR last_visit_day < NEW.service_day);
END
--;
CREATE TRIGGER tr_visit_last_day_update AFTER UPDATE OF status, service_day, patient_id ON visit
WHEN OLD.patient_id <> NEW.patient_id OR OLD.service_day <> NEW.service_day
    OR (OLD.status IN ('WAITING', 'CALLED', 'IN_PROGRESS', 'PENDING_PAYMENT', 'COMPLETED'))
    <> (NEW.status IN ('WAITING', 'CALLED', 'IN_PROGRESS', 'PENDING_PAYMENT', 'COMPLETED'))
BEGIN
    UPDATE patient SET last_visit_day = (
        SELECT max(service_day) FROM visit WHERE visit.patient_id = patient.id
        AND status IN ('WAITING', 'CALLED', 'IN_PROGRESS', 'PENDING_PAYMENT', 'COMPLETED')
    ) WHERE id IN (OLD.patient_id, NEW.patient_id);
END
--;
CREATE TRIGGER tr_visit_last_day_delete AFTER DELETE ON visit
WHEN OLD.status IN ('WAITING', 'CALLED', 'IN_PROGRESS', 'PENDING_PAYMENT', 'COMPLETED')
BEGIN
    UPDATE patient SET last_visit_day = (
        SELECT max(service_day) FROM visit WHERE visit.patient_id = patient.id
        AND status IN ('WAITING', 'CALLED', 'IN_PROGRESS', 'PENDING_PAYMENT', 'COMPLETED')
    ) WHERE id = OLD.patient_id;
END
