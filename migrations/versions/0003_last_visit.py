"""the registry: the day of the last visit beside the card, an index that all filters are answered from

Revision ID: 0003
Revises: 0002
"""

from alembic import op

from reception import guards
from reception.altering import Column, add, take_away

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

INDEX = "ix_patient_filters"
COLUMNS = [
    "clinic_id", "last_visit_day", "gender", "date_of_birth", "created_at", "region_code", "district_code", "card_no",
    "is_active", "is_anonymous", "merged_into_id", "id",
]  # fmt: skip


def upgrade():
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        op.execute("SET LOCAL statement_timeout = 0")  # a million cards take a minute
    add(connection, "patient", [Column("last_visit_day", "DATE")])
    op.execute(
        "UPDATE patient SET last_visit_day = came.day FROM (SELECT patient_id, max(service_day) AS day FROM visit"
        " WHERE status IN ('WAITING', 'CALLED', 'IN_PROGRESS', 'PENDING_PAYMENT', 'COMPLETED') GROUP BY patient_id"
        ") AS came WHERE came.patient_id = patient.id"
    )
    op.create_index(INDEX, "patient", COLUMNS)
    guards.make(connection, revision)


def downgrade():
    connection = op.get_bind()
    guards.drop(connection, revision)
    op.drop_index(INDEX, "patient")
    take_away(connection, "patient", ["last_visit_day"])
