"""directory: prices changed by percent, specializations and types of services that are closed

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade():
    for table in ("specialization", "service_type"):
        op.add_column(table, sa.Column("is_active", sa.Boolean(), nullable=False, server_default=sa.true()))
    op.create_table(
        "price_change",
        sa.Column("clinic_id", BIG, nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("hundredths", sa.Integer(), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("service_type_id", BIG, nullable=True),
        sa.Column("department_id", BIG, nullable=True),
        sa.Column("lines", sa.JSON(), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", BIG, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", BIG, nullable=True),
        sa.Column("updated_by_id", BIG, nullable=True),
        sa.CheckConstraint("hundredths BETWEEN -10000 AND 100000", name=op.f("ck_price_change_hundredths")),
        sa.CheckConstraint("step > 0", name=op.f("ck_price_change_step")),
        sa.ForeignKeyConstraint(
            ["clinic_id", "service_type_id"],
            ["service_type.clinic_id", "service_type.id"],
            name=op.f("fk_price_change_clinic_id_service_type_id"),
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "department_id"],
            ["department.clinic_id", "department.id"],
            name=op.f("fk_price_change_clinic_id_department_id"),
        ),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_price_change_clinic_id")),
        sa.ForeignKeyConstraint(["created_by_id"], ["user.id"], name=op.f("fk_price_change_created_by_id")),
        sa.ForeignKeyConstraint(["updated_by_id"], ["user.id"], name=op.f("fk_price_change_updated_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_price_change")),
        sa.UniqueConstraint("clinic_id", "id", name=op.f("uq_price_change_clinic_id_id")),
    )


def downgrade():
    op.drop_table("price_change")
    for table in ("service_type", "specialization"):
        op.drop_column(table, "is_active")
