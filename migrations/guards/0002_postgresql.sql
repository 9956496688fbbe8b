-- Money: nothing into a closed shift, states that move by their tables, rows that are never changed. Statements end with `--;`.
CREATE FUNCTION fn_ledger_shift() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.shift_id IS NULL THEN
        IF (SELECT keeps_shifts FROM cashbox WHERE id = NEW.cashbox_id) THEN
            RAISE EXCEPTION 'cashbox % has no open shift', NEW.cashbox_id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_ledger_entry_shift';
        END IF;
    ELSIF NOT EXISTS (
        SELECT 1 FROM cashbox_shift
        WHERE id = NEW.shift_id AND cashbox_id = NEW.cashbox_id AND closed_at IS NULL
    ) THEN
        RAISE EXCEPTION 'shift % is closed', NEW.shift_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_ledger_entry_shift';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER tr_ledger_entry_shift BEFORE INSERT ON ledger_entry
FOR EACH ROW WHEN (NEW.cashbox_id IS NOT NULL OR NEW.shift_id IS NOT NULL) EXECUTE FUNCTION fn_ledger_shift()
--;
CREATE TRIGGER tr_cashbox_shift_closed BEFORE UPDATE ON cashbox_shift
FOR EACH ROW WHEN (OLD.closed_at IS NOT NULL) EXECUTE FUNCTION fn_refuse('tr_cashbox_shift_closed')
--;
CREATE TRIGGER tr_cashbox_shift_delete BEFORE DELETE ON cashbox_shift
FOR EACH ROW EXECUTE FUNCTION fn_refuse('tr_cashbox_shift_delete')
--;
CREATE TRIGGER tr_claim_status BEFORE UPDATE OF status ON claim
FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION fn_state_move()
--;
CREATE TRIGGER tr_cash_transfer_status BEFORE UPDATE OF status ON cash_transfer
FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION fn_state_move()
--;
CREATE TRIGGER tr_refund_request_status BEFORE UPDATE OF status ON refund_request
FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION fn_state_move()
--;
CREATE TRIGGER tr_invoice_delete BEFORE DELETE ON invoice
FOR EACH ROW EXECUTE FUNCTION fn_refuse('tr_invoice_delete')
--;
CREATE TRIGGER tr_refund_line_update BEFORE UPDATE ON refund_line
FOR EACH ROW EXECUTE FUNCTION fn_refuse('tr_refund_line_update')
--;
CREATE TRIGGER tr_refund_line_delete BEFORE DELETE ON refund_line
FOR EACH ROW EXECUTE FUNCTION fn_refuse('tr_refund_line_delete')
--;
CREATE TRIGGER tr_refund_line_truncate BEFORE TRUNCATE ON refund_line
FOR EACH STATEMENT EXECUTE FUNCTION fn_refuse('tr_refund_line_truncate')
--;
CREATE TRIGGER tr_bonus_entry_update BEFORE UPDATE ON bonus_entry
FOR EACH ROW EXECUTE FUNCTION fn_refuse('tr_bonus_entry_update')
--;
CREATE TRIGGER tr_bonus_entry_delete BEFORE DELETE ON bonus_entry
FOR EACH ROW EXECUTE FUNCTION fn_refuse('tr_bonus_entry_delete')
--;
CREATE TRIGGER tr_bonus_entry_truncate BEFORE TRUNCATE ON bonus_entry
FOR EACH STATEMENT EXECUTE FUNCTION fn_refuse('tr_bonus_entry_truncate')
