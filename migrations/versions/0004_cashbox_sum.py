"""money: what each cashbox took and gave on a day, indexes of the operations page

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
KINDS = ("CHARGE", "PAYMENT", "REFUND", "BONUS", "DEPOSIT", "EXPENSE", "TRANSFER", "ADJUSTMENT")
INDEXES = (
    (
        "ix_ledger_entry_till",
        ["clinic_id", "day", "id", "kind", "cashbox_id", "cashier_id", "payment_id", "method", "debit_id", "amount"],
    ),
    ("ix_ledger_entry_patient_id", ["patient_id", "id"]),
)


def upgrade():
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        op.execute("SET LOCAL statement_timeout = 0")
    op.create_table(
        "cashbox_sum",
        sa.Column("cashbox_id", BIG, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(*KINDS, name="ledger_kind", native_enum=False, create_constraint=True, length=24),
            nullable=False,
        ),
        sa.Column("method", sa.String(length=24), nullable=False),
        sa.Column("cashier_id", BIG, autoincrement=False, nullable=False),
        sa.Column("clinic_id", BIG, nullable=False),
        sa.Column("money_in", sa.BigInteger(), nullable=False),
        sa.Column("money_out", sa.BigInteger(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "typeof(money_in) IN ('integer', 'null') AND typeof(money_out) IN ('integer', 'null')",
            name=op.f("ck_cashbox_sum_whole_units"),
        ).ddl_if(dialect="sqlite"),
        sa.ForeignKeyConstraint(
            ["clinic_id", "cashbox_id"], ["cashbox.clinic_id", "cashbox.id"],
            name=op.f("fk_cashbox_sum_clinic_id_cashbox_id"),
        ),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_cashbox_sum_clinic_id")),
        sa.PrimaryKeyConstraint("cashbox_id", "day", "kind", "method", "cashier_id", name=op.f("pk_cashbox_sum")),
    )  # fmt: skip
    op.create_index(
        "ix_cashbox_sum_clinic_id_day",
        "cashbox_sum",
        ["clinic_id", "day", "cashbox_id", "kind", "method", "cashier_id", "money_in", "money_out", "entries"],
    )
    rule = sa.text("cashbox_id IS NOT NULL")
    for name, columns in INDEXES:
        op.create_index(name, "ledger_entry", columns, sqlite_where=rule, postgresql_where=rule)
    op.create_index("ix_bill_line_of", "bill_line", ["payment_id", "service_id", "doctor_id"])
    op.execute(
        "INSERT INTO cashbox_sum"
        " (cashbox_id, day, kind, method, cashier_id, clinic_id, money_in, money_out, entries)"
        " SELECT e.cashbox_id, e.day, e.kind, coalesce(e.method, ''), coalesce(e.cashier_id, 0), e.clinic_id,"
        " sum(CASE WHEN e.debit_id = c.account_id THEN e.amount ELSE 0 END),"
        " sum(CASE WHEN e.debit_id = c.account_id THEN 0 ELSE e.amount END), count(*)"
        " FROM ledger_entry e JOIN cashbox c ON c.id = e.cashbox_id"
        " GROUP BY e.cashbox_id, e.day, e.kind, coalesce(e.method, ''), coalesce(e.cashier_id, 0), e.clinic_id"
    )


def downgrade():
    op.drop_index("ix_bill_line_of", "bill_line")
    for name, _ in reversed(INDEXES):
        op.drop_index(name, "ledger_entry")
    op.drop_table("cashbox_sum")
