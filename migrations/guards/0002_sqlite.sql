-- Money: nothing into a closed shift, states that move by their tables, rows that are never changed. Statements end with `--;`.
CREATE TRIGGER tr_ledger_entry_shift BEFORE INSERT ON ledger_entry
WHEN (NEW.shift_id IS NULL AND (SELECT keeps_shifts FROM cashbox WHERE id = NEW.cashbox_id))
    OR (NEW.shift_id IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM cashbox_shift
        WHERE id = NEW.shift_id AND cashbox_id = NEW.cashbox_id AND closed_at IS NULL
    ))
BEGIN SELECT RAISE(ABORT, 'tr_ledger_entry_shift'); END
--;
CREATE TRIGGER tr_cashbox_shift_closed BEFORE UPDATE ON cashbox_shift WHEN OLD.closed_at IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'tr_cashbox_shift_closed'); END
--;
CREATE TRIGGER tr_cashbox_shift_delete BEFORE DELETE ON cashbox_shift
BEGIN SELECT RAISE(ABORT, 'tr_cashbox_shift_delete'); END
--;
CREATE TRIGGER tr_claim_status BEFORE UPDATE OF status ON claim
WHEN OLD.status <> NEW.status AND NOT EXISTS (
    SELECT 1 FROM state_move WHERE kind = 'claim' AND from_state = OLD.status AND to_state = NEW.status
)
BEGIN SELECT RAISE(ABORT, 'tr_claim_status'); END
--;
CREATE TRIGGER tr_cash_transfer_status BEFORE UPDATE OF status ON cash_transfer
WHEN OLD.status <> NEW.status AND NOT EXISTS (
    SELECT 1 FROM state_move WHERE kind = 'cash_transfer' AND from_state = OLD.status AND to_state = NEW.status
)
BEGIN SELECT RAISE(ABORT, 'tr_cash_transfer_status'); END
--;
CREATE TRIGGER tr_refund_request_status BEFORE UPDATE OF status ON refund_request
WHEN OLD.status <> NEW.status AND NOT EXISTS (
    SELECT 1 FROM state_move WHERE kind = 'refund_request' AND from_state = OLD.status AND to_state = NEW.status
)
BEGIN SELECT RAISE(ABORT, 'tr_refund_request_status'); END
--;
CREATE TRIGGER tr_invoice_delete BEFORE DELETE ON invoice
BEGIN SELECT RAISE(ABORT, 'tr_invoice_delete'); END
--;
CREATE TRIGGER tr_refund_line_insert BEFORE INSERT ON refund_line
WHEN EXISTS (SELECT 1 FROM refund_line WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'tr_refund_line_insert'); END
--;
CREATE TRIGGER tr_refund_line_update BEFORE UPDATE ON refund_line
BEGIN SELECT RAISE(ABORT, 'tr_refund_line_update'); END
--;
CREATE TRIGGER tr_refund_line_delete BEFORE DELETE ON refund_line
BEGIN SELECT RAISE(ABORT, 'tr_refund_line_delete'); END
--;
CREATE TRIGGER tr_bonus_entry_insert BEFORE INSERT ON bonus_entry
WHEN EXISTS (SELECT 1 FROM bonus_entry WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'tr_bonus_entry_insert'); END
--;
CREATE TRIGGER tr_bonus_entry_update BEFORE UPDATE ON bonus_entry
BEGIN SELECT RAISE(ABORT, 'tr_bonus_entry_update'); END
--;
CREATE TRIGGER tr_bonus_entry_delete BEFORE DELETE ON bonus_entry
BEGIN SELECT RAISE(ABORT, 'tr_bonus_entry_delete'); END
