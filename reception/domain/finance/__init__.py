"""Bills, payments, and the ledger from which every total is derived.

`bills.py` what a visit costs, `shares.py` the arithmetic, `charges.py` who owes it, `payments.py` taking the money,
`dues.py` what follows from money (the doctors' due, the referral bonus), `ledger.py` transfers and accounts. Reading
what went through the cashboxes is `domain/operations.py`.
"""

from reception.domain.finance.bills import (
    cancel_bill,
    number_invoice,
    open_bill,
    percent_for,
    price_on,
    refigure,
    reprice,
    restore_invoice,
    set_status,
    void_invoice,
)
from reception.domain.finance.charges import Cause, by_change, by_visit, charge, lines_of, payers_of, uncharge
from reception.domain.finance.dues import follow_money, give_bonus
from reception.domain.finance.ledger import DEBIT_SIDE, account, open_shift, post, reversal, transfer
from reception.domain.finance.payments import METHOD_OF, MOST, Part, pay
from reception.domain.finance.shares import figures, percent_of
from reception.domain.finance.shares import split as split_shares

__all__ = [
    "DEBIT_SIDE",
    "METHOD_OF",
    "MOST",
    "Cause",
    "Part",
    "account",
    "by_change",
    "by_visit",
    "cancel_bill",
    "charge",
    "figures",
    "follow_money",
    "give_bonus",
    "lines_of",
    "number_invoice",
    "open_bill",
    "open_shift",
    "pay",
    "payers_of",
    "percent_for",
    "percent_of",
    "post",
    "price_on",
    "refigure",
    "reprice",
    "restore_invoice",
    "reversal",
    "set_status",
    "split_shares",
    "transfer",
    "uncharge",
    "void_invoice",
]
