"""the doctor's record: what is in it, amendments, prescriptions, vitals, drafts, templates, treatments; ICD-10 by words

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

from reception import guards
from reception.altering import Column, add, check, refers, take_away

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
STATE_MOVES = [("medical_record", "REGISTRATION", "OPEN"), ("medical_record", "OPEN", "CLOSED")]
CONTENT = [
    Column("complaints", "TEXT", "''"),
    Column("initial_code", "VARCHAR(16)", "''"),
    Column("arrival_code", "VARCHAR(16)", "''"),
    Column("final_code", "VARCHAR(16)", "''"),
    Column("treatment", "TEXT", "''"),
    Column("notes", "TEXT", "''"),
    Column("sick_leave_from", "DATE"),
    Column("sick_leave_to", "DATE"),
    Column("sick_leave_number", "VARCHAR(64)", "''"),
    Column("folded", 'TEXT COLLATE "C"', "''", sqlite="TEXT"),
    Column("signed_by_id", "BIGINT", sqlite="INTEGER"),
    Column("version", "INTEGER", "1"),
]
RULES = [
    refers("medical_record", "signed_by_id", "user"),
    check(
        "medical_record",
        "signed",
        "(signed_by_id IS NULL OR signed_at IS NOT NULL) AND (signed_at IS NULL OR state = 'CLOSED')",
    ),
    check(
        "medical_record",
        "sick_leave",
        "(sick_leave_from IS NULL) = (sick_leave_to IS NULL)"
        " AND (sick_leave_to IS NULL OR sick_leave_to >= sick_leave_from)",
    ),
]
TABLES = ["record_template", "vital", "amendment", "draft", "prescription_line", "treatment"]

ICD_UP = """
    ALTER TABLE icd_title DROP CONSTRAINT pk_icd_title, ADD COLUMN id BIGSERIAL NOT NULL,
    ALTER COLUMN code TYPE VARCHAR(16) COLLATE "C", ADD CONSTRAINT pk_icd_title PRIMARY KEY (id),
    ADD CONSTRAINT uq_icd_title_code_locale UNIQUE (code, locale)
"""
ICD_DOWN = """
    ALTER TABLE icd_title DROP CONSTRAINT pk_icd_title, DROP CONSTRAINT uq_icd_title_code_locale, DROP COLUMN id,
    ALTER COLUMN code TYPE VARCHAR(16) COLLATE "default", ADD CONSTRAINT pk_icd_title PRIMARY KEY (code, locale)
"""
TITLE = """
    code VARCHAR(16) NOT NULL,
    locale VARCHAR(8) NOT NULL,
    title VARCHAR(500) NOT NULL,
    folded TEXT NOT NULL"""
"""Columns of a title on SQLite, where a key is changed by making the table anew; nothing points at this one."""


def upgrade():
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        op.execute("SET LOCAL statement_timeout = 0")
        op.execute(ICD_UP)
    else:
        _anew(
            f"id INTEGER NOT NULL,{TITLE}, CONSTRAINT pk_icd_title PRIMARY KEY (id),"
            " CONSTRAINT uq_icd_title_code_locale UNIQUE (code, locale)"
        )
    add(connection, "medical_record", CONTENT, RULES)
    op.create_table(
        "record_template",
        sa.Column("clinic_id", BIG, nullable=False),
        sa.Column("doctor_id", BIG, nullable=True),
        sa.Column("department_id", BIG, nullable=True),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("texts", sa.JSON(), nullable=False),
        sa.Column("id", BIG, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", BIG, nullable=True),
        sa.Column("updated_by_id", BIG, nullable=True),
        sa.CheckConstraint("(doctor_id IS NULL) <> (department_id IS NULL)", name=op.f("ck_record_template_owner")),
        sa.ForeignKeyConstraint(
            ["clinic_id", "department_id"],
            ["department.clinic_id", "department.id"],
            name=op.f("fk_record_template_clinic_id_department_id"),
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "doctor_id"],
            ["doctor.clinic_id", "doctor.id"],
            name=op.f("fk_record_template_clinic_id_doctor_id"),
        ),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_record_template_clinic_id")),
        sa.ForeignKeyConstraint(["created_by_id"], ["user.id"], name=op.f("fk_record_template_created_by_id")),
        sa.ForeignKeyConstraint(["updated_by_id"], ["user.id"], name=op.f("fk_record_template_updated_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_record_template")),
        sa.UniqueConstraint("clinic_id", "id", name=op.f("uq_record_template_clinic_id_id")),
    )
    op.create_index(
        "uq_record_template_department",
        "record_template",
        ["department_id", "name"],
        unique=True,
        sqlite_where=sa.text("department_id IS NOT NULL"),
        postgresql_where=sa.text("department_id IS NOT NULL"),
    )
    op.create_index(
        "uq_record_template_doctor",
        "record_template",
        ["doctor_id", "name"],
        unique=True,
        sqlite_where=sa.text("doctor_id IS NOT NULL"),
        postgresql_where=sa.text("doctor_id IS NOT NULL"),
    )

    op.create_table(
        "vital",
        sa.Column("clinic_id", BIG, nullable=False),
        sa.Column("visit_id", BIG, nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "TEMPERATURE",
                "SYSTOLIC",
                "DIASTOLIC",
                "PULSE",
                "BREATHING",
                "OXYGEN",
                "GLUCOSE",
                "WEIGHT",
                "HEIGHT",
                name="vital_kind",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("value", sa.Integer(), nullable=False),
        sa.Column("unit", sa.String(length=16), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", BIG, nullable=True),
        sa.Column("taken_back_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("taken_back_by_id", BIG, nullable=True),
        sa.Column("id", BIG, nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["user.id"], name=op.f("fk_vital_by_id")),
        sa.ForeignKeyConstraint(
            ["clinic_id", "visit_id"], ["visit.clinic_id", "visit.id"], name=op.f("fk_vital_clinic_id_visit_id")
        ),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_vital_clinic_id")),
        sa.ForeignKeyConstraint(["taken_back_by_id"], ["user.id"], name=op.f("fk_vital_taken_back_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vital")),
        sa.UniqueConstraint("clinic_id", "id", name=op.f("uq_vital_clinic_id_id")),
    )
    op.create_index("ix_vital_visit_id", "vital", ["visit_id", "id"], unique=False)

    op.create_table(
        "amendment",
        sa.Column("clinic_id", BIG, nullable=False),
        sa.Column("record_id", BIG, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", BIG, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("id", BIG, nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["user.id"], name=op.f("fk_amendment_by_id")),
        sa.ForeignKeyConstraint(
            ["clinic_id", "record_id"],
            ["medical_record.clinic_id", "medical_record.id"],
            name=op.f("fk_amendment_clinic_id_record_id"),
        ),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_amendment_clinic_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_amendment")),
        sa.UniqueConstraint("clinic_id", "id", name=op.f("uq_amendment_clinic_id_id")),
    )
    op.create_index("ix_amendment_record_id", "amendment", ["record_id", "id"], unique=False)

    op.create_table(
        "draft",
        sa.Column("clinic_id", BIG, nullable=False),
        sa.Column("record_id", BIG, nullable=False),
        sa.Column("user_id", BIG, nullable=False),
        sa.Column("field", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", BIG, nullable=False),
        sa.ForeignKeyConstraint(
            ["clinic_id", "record_id"],
            ["medical_record.clinic_id", "medical_record.id"],
            name=op.f("fk_draft_clinic_id_record_id"),
        ),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_draft_clinic_id")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_draft_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_draft")),
        sa.UniqueConstraint("record_id", "user_id", "field", name=op.f("uq_draft_record_id_user_id_field")),
    )
    op.create_table(
        "prescription_line",
        sa.Column("clinic_id", BIG, nullable=False),
        sa.Column("record_id", BIG, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("drug", sa.String(length=200), nullable=False),
        sa.Column("dose", sa.String(length=100), nullable=False),
        sa.Column("times", sa.String(length=100), nullable=False),
        sa.Column("days", sa.Integer(), nullable=True),
        sa.Column("id", BIG, nullable=False),
        sa.CheckConstraint("days BETWEEN 1 AND 3650", name=op.f("ck_prescription_line_days")),
        sa.ForeignKeyConstraint(
            ["clinic_id", "record_id"],
            ["medical_record.clinic_id", "medical_record.id"],
            name=op.f("fk_prescription_line_clinic_id_record_id"),
        ),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_prescription_line_clinic_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prescription_line")),
        sa.UniqueConstraint("clinic_id", "id", name=op.f("uq_prescription_line_clinic_id_id")),
        sa.UniqueConstraint("record_id", "position", name=op.f("uq_prescription_line_record_id_position")),
    )
    op.create_table(
        "treatment",
        sa.Column("clinic_id", BIG, nullable=False),
        sa.Column("visit_id", BIG, nullable=False),
        sa.Column("service_id", BIG, nullable=False),
        sa.Column("line_id", BIG, nullable=True),
        sa.Column("ordered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ordered_by_id", BIG, nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_by_id", BIG, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", BIG, nullable=False),
        sa.CheckConstraint("(done_at IS NULL) = (done_by_id IS NULL)", name=op.f("ck_treatment_done")),
        sa.ForeignKeyConstraint(
            ["clinic_id", "service_id"],
            ["service.clinic_id", "service.id"],
            name=op.f("fk_treatment_clinic_id_service_id"),
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "visit_id"], ["visit.clinic_id", "visit.id"], name=op.f("fk_treatment_clinic_id_visit_id")
        ),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_treatment_clinic_id")),
        sa.ForeignKeyConstraint(["done_by_id"], ["user.id"], name=op.f("fk_treatment_done_by_id")),
        sa.ForeignKeyConstraint(["line_id"], ["bill_line.id"], name=op.f("fk_treatment_line_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["ordered_by_id"], ["user.id"], name=op.f("fk_treatment_ordered_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_treatment")),
        sa.UniqueConstraint("clinic_id", "id", name=op.f("uq_treatment_clinic_id_id")),
    )
    op.create_index("ix_treatment_visit_id", "treatment", ["visit_id", "id"], unique=False)
    op.create_index(
        "uq_treatment_line_id",
        "treatment",
        ["line_id"],
        unique=True,
        sqlite_where=sa.text("line_id IS NOT NULL"),
        postgresql_where=sa.text("line_id IS NOT NULL"),
    )
    guards.make(connection, revision)
    guards.fill_state_moves(connection, STATE_MOVES)


def downgrade():
    connection = op.get_bind()
    guards.drop(connection, revision)
    if connection.dialect.name == "postgresql":
        op.drop_index("tx_icd_title_folded", "icd_title")
    op.execute("DELETE FROM state_move WHERE kind = 'medical_record'")
    for name in reversed(TABLES):
        op.drop_table(name)
    take_away(connection, "medical_record", [column.name for column in CONTENT], [rule.name for rule in RULES])
    if connection.dialect.name == "postgresql":
        op.execute(ICD_DOWN)
    else:
        _anew(f"{TITLE}, CONSTRAINT pk_icd_title PRIMARY KEY (code, locale)")


def _anew(columns):
    """SQLite: the titles in a table of these columns, in the order of their codes."""
    op.execute(f"CREATE TABLE new_icd_title ({columns})")
    op.execute(
        "INSERT INTO new_icd_title (code, locale, title, folded)"
        " SELECT code, locale, title, folded FROM icd_title ORDER BY code, locale"
    )
    op.execute("DROP TABLE icd_title")
    op.execute("ALTER TABLE new_icd_title RENAME TO icd_title")
