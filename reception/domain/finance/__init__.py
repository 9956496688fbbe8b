"""Bills, payments, and the ledger from which every total is derived.

`bills.py` what a visit costs, `payments.py` taking the money, `ledger.py` transfers and accounts. Reading what went
through the cashboxes is `domain/operations.py`.
"""

from reception.domain.finance.bills import (
    cancel_bill,
    charge,
    number_invoice,
    open_bill,
    price_on,
    reprice,
    set_status,
    split_shares,
    uncharge,
)
from reception.domain.finance.ledger import DEBIT_SIDE, account, post, reversal, transfer
from reception.domain.finance.payments import METHOD_OF, MOST, Part, pay

__all__ = [
    "DEBIT_SIDE",
    "METHOD_OF",
    "MOST",
    "Part",
    "account",
    "cancel_bill",
    "charge",
    "number_invoice",
    "open_bill",
    "pay",
    "post",
    "price_on",
    "reprice",
    "reversal",
    "set_status",
    "split_shares",
    "transfer",
    "uncharge",
]
