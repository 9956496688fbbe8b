"""money: insurers, claims, invoices, shifts, transfers, refunds, bonus

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

from reception import guards
from reception.altering import Column, Rule, add, check, refers, take_away, wall, whole_units

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

STATE_MOVES = [
    ("claim", "DRAFT", "SENT"),
    ("claim", "SENT", "ACCEPTED"),
    ("claim", "SENT", "REFUSED"),
    ("claim", "REFUSED", "SENT"),
    ("claim", "ACCEPTED", "PAID"),
    ("claim", "SENT", "PAID"),
    ("cash_transfer", "PENDING", "ACCEPTED"),
    ("cash_transfer", "PENDING", "REFUSED"),
    ("cash_transfer", "PENDING", "WITHDRAWN"),
    ("refund_request", "ASKED", "DONE"),
    ("refund_request", "ASKED", "REFUSED"),
]

ID = {"kind": "BIGINT", "sqlite": "INTEGER"}
"""A reference to another row."""

ADDED: dict[str, tuple[list[Column], list[Rule]]] = {
    "clinic": (
        [Column("refund_limit", "BIGINT"), Column("discount_limits", "JSON", "'{}'")],
        [],
    ),
    "account": (
        [Column("insurer_id", **ID)],
        [
            wall("account", "insurer_id", "insurer"),
            check(
                "account",
                "balance",
                "balance >= 0 OR kind NOT IN ('CASHBOX', 'BONUS_OWED', 'BONUS_DEBT', 'DEPOSIT_HELD')",
            ),
        ],
    ),
    "cashbox": ([Column("keeps_shifts", "BOOLEAN", "false")], []),
    "payment": (
        [Column("referrer_id", **ID), Column("bonus_percent", "INTEGER", "0")],
        [
            wall("payment", "referrer_id", "patient"),
            check("payment", "refunded", "status <> 'REFUNDED' OR refunded_amount = amount_paid"),
            check("payment", "bonus_percent", "bonus_percent BETWEEN 0 AND 100"),
        ],
    ),
    "bill_line": (
        [
            Column("doctor_percent", "INTEGER", "0"),
            Column("doctor_share", "BIGINT", "0"),
            Column("discounts_id", **ID),
            Column("percent", "INTEGER"),
            Column("reason", "VARCHAR(200)", "''"),
            Column("refunded_amount", "BIGINT", "0"),
        ],
        [
            wall("bill_line", "discounts_id", "bill_line"),
            check("bill_line", "sign", "(kind = 'DISCOUNT') = (amount < 0) OR amount = 0"),
            check("bill_line", "reason", "kind <> 'DISCOUNT' OR reason <> ''"),
            check("bill_line", "percent", "percent BETWEEN 1 AND 100"),
            check("bill_line", "doctor_percent", "doctor_percent BETWEEN 0 AND 100"),
            check("bill_line", "refunded_amount", "refunded_amount = 0 OR refunded_amount BETWEEN 0 AND amount"),
            whole_units("bill_line", "unit_price", "amount", "doctor_share", "refunded_amount"),
        ],
    ),
    "operation": (
        [
            Column("patient_id", **ID),
            Column("category_id", **ID),
            Column("refunds_id", **ID),
            Column("approved_by_id", **ID),
            Column("note", "VARCHAR(200)", "''"),
        ],
        [
            wall("operation", "patient_id", "patient"),
            wall("operation", "category_id", "money_category"),
            wall("operation", "refunds_id", "operation"),
            refers("operation", "approved_by_id", "user"),
            check("operation", "approved_by", "approved_by_id <> cashier_id"),
        ],
    ),
    "ledger_entry": (
        [Column("visit_id", **ID), Column("doctor_id", **ID), Column("shift_id", **ID)],
        [
            wall("ledger_entry", "visit_id", "visit"),
            wall("ledger_entry", "doctor_id", "doctor"),
            wall("ledger_entry", "shift_id", "cashbox_shift"),
        ],
    ),
}

BEFORE: dict[str, list[Rule]] = {
    "account": [check("account", "balance", "balance >= 0 OR kind NOT IN ('CASHBOX', 'BONUS_OWED')")],
    "bill_line": [whole_units("bill_line", "unit_price", "amount")],
}
"""Constraints as they were where 0002 replaces them."""

INDEXES = [
    ("uq_account_insurer", "account", ["insurer_id", "kind"], True, "insurer_id IS NOT NULL"),
    ("ix_ledger_entry_operation_id", "ledger_entry", ["operation_id"], False, None),
    ("ix_ledger_entry_shift_id", "ledger_entry", ["shift_id", "id"], False, "shift_id IS NOT NULL"),
    ("ix_ledger_entry_cashbox_id", "ledger_entry", ["cashbox_id", "id"], False, "cashbox_id IS NOT NULL"),
]

TABLES = [
    "insurer",
    "money_category",
    "claim",
    "cashbox_shift",
    "bill_payer",
    "invoice",
    "cash_transfer",
    "refund_line",
    "refund_request",
    "bonus_entry",
]
"""The new ones, each after what it refers to."""


def upgrade():
    connection = op.get_bind()

    op.create_table(
        "insurer",
        sa.Column("clinic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("coverage_percent", sa.Integer(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("updated_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.CheckConstraint("coverage_percent BETWEEN 0 AND 100", name=op.f("ck_insurer_coverage_percent")),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_insurer_clinic_id")),
        sa.ForeignKeyConstraint(["created_by_id"], ["user.id"], name=op.f("fk_insurer_created_by_id")),
        sa.ForeignKeyConstraint(["updated_by_id"], ["user.id"], name=op.f("fk_insurer_updated_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_insurer")),
        sa.UniqueConstraint("clinic_id", "id", name=op.f("uq_insurer_clinic_id_id")),
        sa.UniqueConstraint("clinic_id", "name", name=op.f("uq_insurer_clinic_id_name")),
    )
    op.create_table(
        "money_category",
        sa.Column("clinic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("INCOME", "EXPENSE", name="category_kind", native_enum=False, create_constraint=True, length=24),
            nullable=False,
        ),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("updated_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_money_category_clinic_id")),
        sa.ForeignKeyConstraint(["created_by_id"], ["user.id"], name=op.f("fk_money_category_created_by_id")),
        sa.ForeignKeyConstraint(["updated_by_id"], ["user.id"], name=op.f("fk_money_category_updated_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_money_category")),
        sa.UniqueConstraint("clinic_id", "id", name=op.f("uq_money_category_clinic_id_id")),
        sa.UniqueConstraint("clinic_id", "kind", "name", name=op.f("uq_money_category_clinic_id_kind_name")),
    )
    op.create_table(
        "claim",
        sa.Column("clinic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("insurer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("number", sa.String(length=24), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "DRAFT",
                "SENT",
                "ACCEPTED",
                "REFUSED",
                "PAID",
                name="claim_status",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("updated_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.CheckConstraint("(status = 'DRAFT') = (sent_at IS NULL)", name=op.f("ck_claim_sent_at")),
        sa.CheckConstraint(
            "(status IN ('ACCEPTED', 'REFUSED', 'PAID')) = (answered_at IS NOT NULL)", name=op.f("ck_claim_answered_at")
        ),
        sa.CheckConstraint("typeof(amount) IN ('integer', 'null')", name=op.f("ck_claim_whole_units")).ddl_if(
            dialect="sqlite"
        ),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_claim_amount")),
        sa.ForeignKeyConstraint(
            ["clinic_id", "insurer_id"], ["insurer.clinic_id", "insurer.id"], name=op.f("fk_claim_clinic_id_insurer_id")
        ),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_claim_clinic_id")),
        sa.ForeignKeyConstraint(["created_by_id"], ["user.id"], name=op.f("fk_claim_created_by_id")),
        sa.ForeignKeyConstraint(["updated_by_id"], ["user.id"], name=op.f("fk_claim_updated_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_claim")),
        sa.UniqueConstraint("clinic_id", "id", name=op.f("uq_claim_clinic_id_id")),
        sa.UniqueConstraint("clinic_id", "number", name=op.f("uq_claim_clinic_id_number")),
    )
    op.create_index("ix_claim_insurer_id", "claim", ["insurer_id", "month"], unique=False)

    op.create_table(
        "cashbox_shift",
        sa.Column("clinic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("cashbox_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("opening_counted", sa.BigInteger(), nullable=False),
        sa.Column("opening_expected", sa.BigInteger(), nullable=False),
        sa.Column("opening_coins", sa.JSON(), nullable=False),
        sa.Column("opening_reason", sa.String(length=200), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("counted", sa.BigInteger(), nullable=True),
        sa.Column("expected", sa.BigInteger(), nullable=True),
        sa.Column("coins", sa.JSON(), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.Column("audit_hash", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("updated_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.CheckConstraint(
            "counted >= 0 AND (counted = expected OR reason <> '')", name=op.f("ck_cashbox_shift_counted")
        ),
        sa.CheckConstraint(
            "opening_counted >= 0 AND (opening_counted = opening_expected OR opening_reason <> '')",
            name=op.f("ck_cashbox_shift_opening"),
        ),
        sa.CheckConstraint(
            "typeof(opening_counted) IN ('integer', 'null') AND typeof(opening_expected) IN ('integer', 'null') AND typeof(counted) IN ('integer', 'null') AND typeof(expected) IN ('integer', 'null')",
            name=op.f("ck_cashbox_shift_whole_units"),
        ).ddl_if(dialect="sqlite"),
        sa.CheckConstraint(
            "(closed_at IS NULL) = (counted IS NULL) AND (closed_at IS NULL) = (expected IS NULL) AND (closed_at IS NULL) = (number IS NULL)",
            name=op.f("ck_cashbox_shift_closing"),
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "cashbox_id"],
            ["cashbox.clinic_id", "cashbox.id"],
            name=op.f("fk_cashbox_shift_clinic_id_cashbox_id"),
        ),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_cashbox_shift_clinic_id")),
        sa.ForeignKeyConstraint(["closed_by_id"], ["user.id"], name=op.f("fk_cashbox_shift_closed_by_id")),
        sa.ForeignKeyConstraint(["created_by_id"], ["user.id"], name=op.f("fk_cashbox_shift_created_by_id")),
        sa.ForeignKeyConstraint(["opened_by_id"], ["user.id"], name=op.f("fk_cashbox_shift_opened_by_id")),
        sa.ForeignKeyConstraint(["updated_by_id"], ["user.id"], name=op.f("fk_cashbox_shift_updated_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cashbox_shift")),
        sa.UniqueConstraint("cashbox_id", "number", name=op.f("uq_cashbox_shift_cashbox_id_number")),
        sa.UniqueConstraint("clinic_id", "id", name=op.f("uq_cashbox_shift_clinic_id_id")),
    )
    op.create_index("ix_cashbox_shift_clinic_id_opened_at", "cashbox_shift", ["clinic_id", "opened_at"], unique=False)
    op.create_index(
        "uq_cashbox_shift_open",
        "cashbox_shift",
        ["cashbox_id"],
        unique=True,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )

    op.create_table(
        "bill_payer",
        sa.Column("clinic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("payment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("insurer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("policy_number", sa.String(length=64), nullable=False),
        sa.Column(
            "coverage",
            sa.Enum("PERCENT", "AMOUNT", name="coverage_kind", native_enum=False, create_constraint=True, length=24),
            nullable=False,
        ),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("paid_amount", sa.BigInteger(), nullable=False),
        sa.Column("refunded_amount", sa.BigInteger(), nullable=False),
        sa.Column("claim_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("updated_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.CheckConstraint(
            "typeof(value) IN ('integer', 'null') AND typeof(amount) IN ('integer', 'null') AND typeof(paid_amount) IN ('integer', 'null') AND typeof(refunded_amount) IN ('integer', 'null')",
            name=op.f("ck_bill_payer_whole_units"),
        ).ddl_if(dialect="sqlite"),
        sa.CheckConstraint("value >= 0 AND (coverage <> 'PERCENT' OR value <= 100)", name=op.f("ck_bill_payer_value")),
        sa.CheckConstraint(
            "amount >= 0 AND paid_amount BETWEEN 0 AND amount AND refunded_amount BETWEEN 0 AND amount",
            name=op.f("ck_bill_payer_amounts"),
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "claim_id"], ["claim.clinic_id", "claim.id"], name=op.f("fk_bill_payer_clinic_id_claim_id")
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "insurer_id"],
            ["insurer.clinic_id", "insurer.id"],
            name=op.f("fk_bill_payer_clinic_id_insurer_id"),
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "payment_id"],
            ["payment.clinic_id", "payment.id"],
            name=op.f("fk_bill_payer_clinic_id_payment_id"),
        ),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_bill_payer_clinic_id")),
        sa.ForeignKeyConstraint(["created_by_id"], ["user.id"], name=op.f("fk_bill_payer_created_by_id")),
        sa.ForeignKeyConstraint(["updated_by_id"], ["user.id"], name=op.f("fk_bill_payer_updated_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bill_payer")),
        sa.UniqueConstraint("clinic_id", "id", name=op.f("uq_bill_payer_clinic_id_id")),
        sa.UniqueConstraint("payment_id", "insurer_id", name=op.f("uq_bill_payer_payment_id_insurer_id")),
        sa.UniqueConstraint("payment_id", "position", name=op.f("uq_bill_payer_payment_id_position")),
    )
    op.create_index(
        "ix_bill_payer_claim_id",
        "bill_payer",
        ["claim_id"],
        unique=False,
        sqlite_where=sa.text("claim_id IS NOT NULL"),
        postgresql_where=sa.text("claim_id IS NOT NULL"),
    )
    op.create_index("ix_bill_payer_insurer_id", "bill_payer", ["insurer_id", "id"], unique=False)

    op.create_table(
        "invoice",
        sa.Column("clinic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("payment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("number", sa.String(length=24), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("voided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("void_reason", sa.String(length=200), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("updated_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.CheckConstraint("(voided_at IS NULL) = (void_reason = '')", name=op.f("ck_invoice_void")),
        sa.ForeignKeyConstraint(
            ["clinic_id", "payment_id"],
            ["payment.clinic_id", "payment.id"],
            name=op.f("fk_invoice_clinic_id_payment_id"),
        ),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_invoice_clinic_id")),
        sa.ForeignKeyConstraint(["created_by_id"], ["user.id"], name=op.f("fk_invoice_created_by_id")),
        sa.ForeignKeyConstraint(["updated_by_id"], ["user.id"], name=op.f("fk_invoice_updated_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoice")),
        sa.UniqueConstraint("clinic_id", "id", name=op.f("uq_invoice_clinic_id_id")),
        sa.UniqueConstraint("clinic_id", "number", name=op.f("uq_invoice_clinic_id_number")),
    )
    op.create_index(
        "uq_invoice_standing",
        "invoice",
        ["payment_id"],
        unique=True,
        sqlite_where=sa.text("voided_at IS NULL"),
        postgresql_where=sa.text("voided_at IS NULL"),
    )

    op.create_table(
        "cash_transfer",
        sa.Column("clinic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("target_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.String(length=200), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "PENDING",
                "ACCEPTED",
                "REFUSED",
                "WITHDRAWN",
                name="cash_transfer_status",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("operation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("updated_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.CheckConstraint(
            "(status = 'ACCEPTED') = (operation_id IS NOT NULL)", name=op.f("ck_cash_transfer_operation")
        ),
        sa.CheckConstraint("(status = 'PENDING') = (answered_at IS NULL)", name=op.f("ck_cash_transfer_answered_at")),
        sa.CheckConstraint("typeof(amount) IN ('integer', 'null')", name=op.f("ck_cash_transfer_whole_units")).ddl_if(
            dialect="sqlite"
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_cash_transfer_amount")),
        sa.CheckConstraint("source_id <> target_id", name=op.f("ck_cash_transfer_cashboxes")),
        sa.ForeignKeyConstraint(["answered_by_id"], ["user.id"], name=op.f("fk_cash_transfer_answered_by_id")),
        sa.ForeignKeyConstraint(
            ["clinic_id", "operation_id"],
            ["operation.clinic_id", "operation.id"],
            name=op.f("fk_cash_transfer_clinic_id_operation_id"),
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "source_id"],
            ["cashbox.clinic_id", "cashbox.id"],
            name=op.f("fk_cash_transfer_clinic_id_source_id"),
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "target_id"],
            ["cashbox.clinic_id", "cashbox.id"],
            name=op.f("fk_cash_transfer_clinic_id_target_id"),
        ),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_cash_transfer_clinic_id")),
        sa.ForeignKeyConstraint(["created_by_id"], ["user.id"], name=op.f("fk_cash_transfer_created_by_id")),
        sa.ForeignKeyConstraint(["updated_by_id"], ["user.id"], name=op.f("fk_cash_transfer_updated_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cash_transfer")),
        sa.UniqueConstraint("clinic_id", "id", name=op.f("uq_cash_transfer_clinic_id_id")),
    )
    op.create_index(
        "ix_cash_transfer_pending",
        "cash_transfer",
        ["clinic_id"],
        unique=False,
        sqlite_where=sa.text("status = 'PENDING'"),
        postgresql_where=sa.text("status = 'PENDING'"),
    )

    op.create_table(
        "refund_line",
        sa.Column("clinic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("operation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("line_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("self_pay_amount", sa.BigInteger(), nullable=False),
        sa.Column("insurance_amount", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "typeof(self_pay_amount) IN ('integer', 'null') AND typeof(insurance_amount) IN ('integer', 'null')",
            name=op.f("ck_refund_line_whole_units"),
        ).ddl_if(dialect="sqlite"),
        sa.CheckConstraint("self_pay_amount >= 0 AND insurance_amount >= 0", name=op.f("ck_refund_line_amounts")),
        sa.ForeignKeyConstraint(
            ["clinic_id", "line_id"],
            ["bill_line.clinic_id", "bill_line.id"],
            name=op.f("fk_refund_line_clinic_id_line_id"),
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "operation_id"],
            ["operation.clinic_id", "operation.id"],
            name=op.f("fk_refund_line_clinic_id_operation_id"),
        ),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_refund_line_clinic_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refund_line")),
        sa.UniqueConstraint("clinic_id", "id", name=op.f("uq_refund_line_clinic_id_id")),
        sa.UniqueConstraint("operation_id", "line_id", name=op.f("uq_refund_line_operation_id_line_id")),
    )
    op.create_table(
        "refund_request",
        sa.Column("clinic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("payment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("wish", sa.JSON(), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "ASKED",
                "DONE",
                "REFUSED",
                name="refund_request_status",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("operation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("updated_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.CheckConstraint("(status = 'ASKED') = (answered_at IS NULL)", name=op.f("ck_refund_request_answered_at")),
        sa.CheckConstraint("(status = 'DONE') = (operation_id IS NOT NULL)", name=op.f("ck_refund_request_operation")),
        sa.CheckConstraint(
            "status <> 'DONE' OR answered_by_id <> asked_by_id", name=op.f("ck_refund_request_second_person")
        ),
        sa.CheckConstraint("typeof(amount) IN ('integer', 'null')", name=op.f("ck_refund_request_whole_units")).ddl_if(
            dialect="sqlite"
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_refund_request_amount")),
        sa.ForeignKeyConstraint(["answered_by_id"], ["user.id"], name=op.f("fk_refund_request_answered_by_id")),
        sa.ForeignKeyConstraint(["asked_by_id"], ["user.id"], name=op.f("fk_refund_request_asked_by_id")),
        sa.ForeignKeyConstraint(
            ["clinic_id", "operation_id"],
            ["operation.clinic_id", "operation.id"],
            name=op.f("fk_refund_request_clinic_id_operation_id"),
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "payment_id"],
            ["payment.clinic_id", "payment.id"],
            name=op.f("fk_refund_request_clinic_id_payment_id"),
        ),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_refund_request_clinic_id")),
        sa.ForeignKeyConstraint(["created_by_id"], ["user.id"], name=op.f("fk_refund_request_created_by_id")),
        sa.ForeignKeyConstraint(["updated_by_id"], ["user.id"], name=op.f("fk_refund_request_updated_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refund_request")),
        sa.UniqueConstraint("clinic_id", "id", name=op.f("uq_refund_request_clinic_id_id")),
    )
    op.create_index(
        "uq_refund_request_asked",
        "refund_request",
        ["payment_id"],
        unique=True,
        sqlite_where=sa.text("status = 'ASKED'"),
        postgresql_where=sa.text("status = 'ASKED'"),
    )

    op.create_table(
        "bonus_entry",
        sa.Column("clinic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("patient_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("operation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("ledger_entry_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("typeof(amount) IN ('integer', 'null')", name=op.f("ck_bonus_entry_whole_units")).ddl_if(
            dialect="sqlite"
        ),
        sa.CheckConstraint("amount <> 0", name=op.f("ck_bonus_entry_amount")),
        sa.ForeignKeyConstraint(
            ["clinic_id", "ledger_entry_id"],
            ["ledger_entry.clinic_id", "ledger_entry.id"],
            name=op.f("fk_bonus_entry_clinic_id_ledger_entry_id"),
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "operation_id"],
            ["operation.clinic_id", "operation.id"],
            name=op.f("fk_bonus_entry_clinic_id_operation_id"),
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "patient_id"],
            ["patient.clinic_id", "patient.id"],
            name=op.f("fk_bonus_entry_clinic_id_patient_id"),
        ),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_bonus_entry_clinic_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bonus_entry")),
        sa.UniqueConstraint("clinic_id", "id", name=op.f("uq_bonus_entry_clinic_id_id")),
        sa.UniqueConstraint("ledger_entry_id", name=op.f("uq_bonus_entry_ledger_entry_id")),
    )
    op.create_index("ix_bonus_entry_patient_id", "bonus_entry", ["patient_id", "id"], unique=False)
    for table, (columns, rules) in ADDED.items():
        add(connection, table, columns, rules)
    for name, table, columns, unique, where in INDEXES:
        rule = None if where is None else sa.text(where)
        op.create_index(name, table, columns, unique=unique, sqlite_where=rule, postgresql_where=rule)
    fill(connection)
    guards.make(connection, revision)
    guards.fill_state_moves(connection, STATE_MOVES)


def fill(connection):
    """What the new columns of standing rows say: each line's share of its doctor, each bill's invoice."""
    connection.execute(
        sa.text(
            "UPDATE bill_line SET doctor_share ="
            " (SELECT p.doctor_share FROM payment p WHERE p.id = bill_line.payment_id)"
            " WHERE id = (SELECT min(l.id) FROM bill_line l WHERE l.payment_id = bill_line.payment_id)"
        )
    )
    connection.execute(
        sa.text(
            "UPDATE bill_line SET doctor_percent = (doctor_share * 100 + amount - 1) / amount"
            " WHERE amount > 0 AND doctor_share <= amount"
        )
    )
    connection.execute(
        sa.text(
            "INSERT INTO invoice (clinic_id, payment_id, number, issued_at, voided_at, void_reason, created_at, updated_at)"
            " SELECT clinic_id, id, invoice_no, coalesce(paid_at, updated_at),"
            " CASE WHEN status = 'CANCELLED' THEN updated_at END,"
            " CASE WHEN status = 'CANCELLED' THEN 'cancelled' ELSE '' END, created_at, updated_at"
            " FROM payment WHERE invoice_no IS NOT NULL ORDER BY id"
        )
    )


def downgrade():
    connection = op.get_bind()
    guards.drop(connection, revision)
    for name, table, *_ in reversed(INDEXES):
        op.drop_index(name, table)
    for table, (columns, rules) in reversed(ADDED.items()):
        take_away(connection, table, [column.name for column in columns], [rule.name for rule in rules])
        if table in BEFORE:
            add(connection, table, rules=BEFORE[table])
    for table in reversed(TABLES):
        op.drop_table(table)
    connection.execute(sa.text("DELETE FROM state_move WHERE kind IN ('claim', 'cash_transfer', 'refund_request')"))
