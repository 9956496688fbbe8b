"""Bills, payments, and the ledger from which every total is derived.

`bills.py` what a visit costs, `shares.py` the arithmetic, `charges.py` who owes it, `payments.py` taking the money,
`dues.py` what follows from money (the doctors' due, the referral bonus), `ledger.py` transfers and accounts,
`shifts.py` a cashbox from one count to the next (`coins.py`), `transfers.py` from one cashbox to another, `cash.py` other
income and expenses. Reading what went through the cashboxes is `domain/operations.py`, a shift's report `domain/shift_report.py`.
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
from reception.domain.finance.bonuses import add_bonus, withdraw_bonus
from reception.domain.finance.cash import (
    add_category,
    categories,
    change_category,
    pay_out,
    take_in,
    undo_cash,
)
from reception.domain.finance.charges import Cause, by_change, by_visit, charge, lines_of, payers_of, uncharge
from reception.domain.finance.coins import DENOMINATIONS
from reception.domain.finance.deposits import give_back_deposit, take_deposit
from reception.domain.finance.dues import follow_money, give_bonus
from reception.domain.finance.ledger import DEBIT_SIDE, account, open_shift, post, reversal, transfer
from reception.domain.finance.lines import DISCOUNT_LIMITS
from reception.domain.finance.payments import METHOD_OF, MOST, Part, pay
from reception.domain.finance.refund_plan import Asked
from reception.domain.finance.refunds import approve, refund, refuse
from reception.domain.finance.several import Seen, pay_several
from reception.domain.finance.shares import figures, percent_of
from reception.domain.finance.shares import split as split_shares
from reception.domain.finance.shifts import balance_of, close_shift, may_close, pending_of, shift_of, start_shift
from reception.domain.finance.transfers import (
    accept_transfer,
    ask_transfer,
    may_accept,
    may_withdraw,
    refuse_transfer,
    withdraw_transfer,
)

__all__ = [
    "DEBIT_SIDE",
    "DENOMINATIONS",
    "DISCOUNT_LIMITS",
    "METHOD_OF",
    "MOST",
    "Asked",
    "Cause",
    "Part",
    "Seen",
    "accept_transfer",
    "account",
    "add_bonus",
    "add_category",
    "approve",
    "ask_transfer",
    "balance_of",
    "by_change",
    "by_visit",
    "cancel_bill",
    "categories",
    "change_category",
    "charge",
    "close_shift",
    "figures",
    "follow_money",
    "give_back_deposit",
    "give_bonus",
    "lines_of",
    "may_accept",
    "may_close",
    "may_withdraw",
    "number_invoice",
    "open_bill",
    "open_shift",
    "pay",
    "pay_out",
    "pay_several",
    "payers_of",
    "pending_of",
    "percent_for",
    "percent_of",
    "post",
    "price_on",
    "refigure",
    "refund",
    "refuse",
    "refuse_transfer",
    "reprice",
    "restore_invoice",
    "reversal",
    "set_status",
    "shift_of",
    "split_shares",
    "start_shift",
    "take_deposit",
    "take_in",
    "transfer",
    "uncharge",
    "undo_cash",
    "void_invoice",
    "withdraw_bonus",
    "withdraw_transfer",
]
