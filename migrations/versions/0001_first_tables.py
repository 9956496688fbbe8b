"""first tables

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op

from reception import guards

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

STATE_MOVES = [
    ("appointment", "CANCELLED", "CHECKED_IN"),
    ("appointment", "CANCELLED", "CONFIRMED"),
    ("appointment", "CHECKED_IN", "CANCELLED"),
    ("appointment", "CHECKED_IN", "COMPLETED"),
    ("appointment", "CHECKED_IN", "CONFIRMED"),
    ("appointment", "CHECKED_IN", "NO_SHOW"),
    ("appointment", "COMPLETED", "CHECKED_IN"),
    ("appointment", "CONFIRMED", "CANCELLED"),
    ("appointment", "CONFIRMED", "CHECKED_IN"),
    ("appointment", "CONFIRMED", "NO_SHOW"),
    ("appointment", "NO_SHOW", "CHECKED_IN"),
    ("appointment", "NO_SHOW", "CONFIRMED"),
    ("payment", "CANCELLED", "PENDING"),
    ("payment", "PAID", "PARTIALLY_PAID"),
    ("payment", "PAID", "PENDING"),
    ("payment", "PAID", "REFUNDED"),
    ("payment", "PARTIALLY_PAID", "PAID"),
    ("payment", "PARTIALLY_PAID", "REFUNDED"),
    ("payment", "PENDING", "CANCELLED"),
    ("payment", "PENDING", "PAID"),
    ("payment", "PENDING", "PARTIALLY_PAID"),
    ("visit", "CALLED", "CANCELLED"),
    ("visit", "CALLED", "IN_PROGRESS"),
    ("visit", "CALLED", "NO_SHOW"),
    ("visit", "CALLED", "WAITING"),
    ("visit", "CANCELLED", "CALLED"),
    ("visit", "CANCELLED", "IN_PROGRESS"),
    ("visit", "CANCELLED", "PENDING_PAYMENT"),
    ("visit", "CANCELLED", "SCHEDULED"),
    ("visit", "CANCELLED", "WAITING"),
    ("visit", "COMPLETED", "IN_PROGRESS"),
    ("visit", "IN_PROGRESS", "CALLED"),
    ("visit", "IN_PROGRESS", "CANCELLED"),
    ("visit", "IN_PROGRESS", "COMPLETED"),
    ("visit", "IN_PROGRESS", "PENDING_PAYMENT"),
    ("visit", "IN_PROGRESS", "WAITING"),
    ("visit", "NO_SHOW", "CALLED"),
    ("visit", "NO_SHOW", "SCHEDULED"),
    ("visit", "NO_SHOW", "WAITING"),
    ("visit", "PENDING_PAYMENT", "CANCELLED"),
    ("visit", "PENDING_PAYMENT", "COMPLETED"),
    ("visit", "PENDING_PAYMENT", "IN_PROGRESS"),
    ("visit", "SCHEDULED", "CANCELLED"),
    ("visit", "SCHEDULED", "NO_SHOW"),
    ("visit", "SCHEDULED", "WAITING"),
    ("visit", "WAITING", "CALLED"),
    ("visit", "WAITING", "CANCELLED"),
    ("visit", "WAITING", "IN_PROGRESS"),
    ("visit", "WAITING", "NO_SHOW"),
    ("visit", "WAITING", "SCHEDULED"),
]


def upgrade():
    op.create_table(
        "icd_title",
        sa.Column("code", sa.String(length=16), nullable=False),
        sa.Column("locale", sa.String(length=8), nullable=False),
        sa.Column("title", sa.String(length=500), nullable=False),
        sa.Column("folded", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.PrimaryKeyConstraint("code", "locale", name=op.f("pk_icd_title")),
    )
    op.create_table(
        "region",
        sa.Column("code", sa.String(length=16), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("names", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_region")),
    )
    op.create_table(
        "state_move",
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("from_state", sa.String(length=24), nullable=False),
        sa.Column("to_state", sa.String(length=24), nullable=False),
        sa.PrimaryKeyConstraint("kind", "from_state", "to_state", name=op.f("pk_state_move")),
    )
    op.create_table(
        "user",
        sa.Column("username", sa.String(length=64), nullable=False),
        sa.Column("password_hash", sa.String(length=255), nullable=False),
        sa.Column("full_name", sa.String(length=200), nullable=False),
        sa.Column("email", sa.String(length=200), nullable=False),
        sa.Column("locale", sa.String(length=8), nullable=True),
        sa.Column("theme", sa.String(length=8), nullable=False),
        sa.Column("shortcuts", sa.Boolean(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("password_changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("updated_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.ForeignKeyConstraint(["created_by_id"], ["user.id"], name=op.f("fk_user_created_by_id")),
        sa.ForeignKeyConstraint(["updated_by_id"], ["user.id"], name=op.f("fk_user_updated_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user")),
        sa.UniqueConstraint("username", name=op.f("uq_user_username")),
    )
    op.create_table(
        "district",
        sa.Column("code", sa.String(length=16), nullable=False),
        sa.Column("region_code", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("names", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["region_code"], ["region.code"], name=op.f("fk_district_region_code")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_district")),
        sa.UniqueConstraint("region_code", "code", name=op.f("uq_district_region_code_code")),
    )
    op.create_table(
        "organisation",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("updated_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.ForeignKeyConstraint(["created_by_id"], ["user.id"], name=op.f("fk_organisation_created_by_id")),
        sa.ForeignKeyConstraint(["updated_by_id"], ["user.id"], name=op.f("fk_organisation_updated_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisation")),
    )
    op.create_table(
        "clinic",
        sa.Column("organisation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("HUMAN", "VETERINARY", name="clinic_kind", native_enum=False, create_constraint=True, length=24),
            nullable=False,
        ),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("default_locale", sa.String(length=8), nullable=False),
        sa.Column("phone_region", sa.String(length=2), nullable=False),
        sa.Column("opens_at", sa.Time(), nullable=False),
        sa.Column("closes_at", sa.Time(), nullable=False),
        sa.Column("ticket_digits", sa.Integer(), nullable=False),
        sa.Column("referral_bonus_percent", sa.Integer(), nullable=False),
        sa.Column("doctor_share_percent", sa.Integer(), nullable=False),
        sa.Column("wait_limit_minutes", sa.Integer(), nullable=False),
        sa.Column("early_minutes", sa.Integer(), nullable=False),
        sa.Column("hold_minutes", sa.Integer(), nullable=False),
        sa.Column("requeue_minutes", sa.Integer(), nullable=False),
        sa.Column("calls_before_parking", sa.Integer(), nullable=False),
        sa.Column("display_locales", sa.JSON(), nullable=False),
        sa.Column("display_theme", sa.String(length=8), nullable=False),
        sa.Column("display_message", sa.String(length=200), nullable=False),
        sa.Column("overbooking_cap", sa.Integer(), nullable=False),
        sa.Column("place_hold_seconds", sa.Integer(), nullable=False),
        sa.Column("offer_minutes", sa.Integer(), nullable=False),
        sa.Column("horizon_weeks", sa.Integer(), nullable=False),
        sa.Column("holiday_country", sa.String(length=2), nullable=False),
        sa.Column("holiday_subdivision", sa.String(length=12), nullable=False),
        sa.Column("feed_initials", sa.Boolean(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("updated_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.CheckConstraint("doctor_share_percent BETWEEN 0 AND 100", name=op.f("ck_clinic_doctor_share_percent")),
        sa.CheckConstraint("horizon_weeks BETWEEN 1 AND 104", name=op.f("ck_clinic_horizon_weeks")),
        sa.CheckConstraint("offer_minutes BETWEEN 1 AND 10080", name=op.f("ck_clinic_offer_minutes")),
        sa.CheckConstraint("overbooking_cap BETWEEN 0 AND 20", name=op.f("ck_clinic_overbooking_cap")),
        sa.CheckConstraint("place_hold_seconds BETWEEN 30 AND 3600", name=op.f("ck_clinic_place_hold_seconds")),
        sa.CheckConstraint("referral_bonus_percent BETWEEN 0 AND 100", name=op.f("ck_clinic_referral_bonus_percent")),
        sa.ForeignKeyConstraint(["created_by_id"], ["user.id"], name=op.f("fk_clinic_created_by_id")),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisation.id"], name=op.f("fk_clinic_organisation_id")),
        sa.ForeignKeyConstraint(["updated_by_id"], ["user.id"], name=op.f("fk_clinic_updated_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clinic")),
        sa.UniqueConstraint("name", name=op.f("uq_clinic_name")),
    )
    op.create_table(
        "settlement",
        sa.Column("code", sa.String(length=16), nullable=False),
        sa.Column("district_code", sa.String(length=16), nullable=False),
        sa.Column("names", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["district_code"], ["district.code"], name=op.f("fk_settlement_district_code")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_settlement")),
        sa.UniqueConstraint("district_code", "code", name=op.f("uq_settlement_district_code_code")),
    )
    op.create_table(
        "api_token",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("clinic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_api_token_clinic_id")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_api_token_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_token")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_api_token_token_hash")),
    )
    op.create_table(
        "audit_entry",
        sa.Column("clinic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_kind", sa.String(length=16), nullable=False),
        sa.Column("actor_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("login_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("address", sa.String(length=45), nullable=False),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("entity_kind", sa.String(length=40), nullable=False),
        sa.Column("entity_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("request_id", sa.String(length=36), nullable=False),
        sa.Column("previous_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("hash_version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_audit_entry_clinic_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entry")),
        sa.UniqueConstraint("clinic_id", "seq", name=op.f("uq_audit_entry_clinic_id_seq")),
    )
    with op.batch_alter_table("audit_entry", schema=None) as batch_op:
        batch_op.create_index("ix_audit_entry_entity", ["clinic_id", "entity_kind", "entity_id"], unique=False)

    op.create_table(
        "audit_head",
        sa.Column("clinic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_audit_head_clinic_id")),
        sa.PrimaryKeyConstraint("clinic_id", name=op.f("pk_audit_head")),
    )
    op.create_table(
        "closed_day",
        sa.Column("clinic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("updated_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_closed_day_clinic_id")),
        sa.ForeignKeyConstraint(["created_by_id"], ["user.id"], name=op.f("fk_closed_day_created_by_id")),
        sa.ForeignKeyConstraint(["updated_by_id"], ["user.id"], name=op.f("fk_closed_day_updated_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_closed_day")),
        sa.UniqueConstraint("clinic_id", "day", name=op.f("uq_closed_day_clinic_id_day")),
        sa.UniqueConstraint("clinic_id", "id", name=op.f("uq_closed_day_clinic_id_id")),
    )
    op.create_table(
        "counter",
        sa.Column("clinic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=24), nullable=False),
        sa.Column("period", sa.String(length=10), nullable=False),
        sa.Column("last_number", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_counter_clinic_id")),
        sa.PrimaryKeyConstraint("clinic_id", "name", "period", name=op.f("pk_counter")),
    )
    op.create_table(
        "department",
        sa.Column("clinic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("code", sa.String(length=4), nullable=False),
        sa.Column("location", sa.String(length=200), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("updated_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_department_clinic_id")),
        sa.ForeignKeyConstraint(["created_by_id"], ["user.id"], name=op.f("fk_department_created_by_id")),
        sa.ForeignKeyConstraint(["updated_by_id"], ["user.id"], name=op.f("fk_department_updated_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_department")),
        sa.UniqueConstraint("clinic_id", "code", name=op.f("uq_department_clinic_id_code")),
        sa.UniqueConstraint("clinic_id", "id", name=op.f("uq_department_clinic_id_id")),
        sa.UniqueConstraint("clinic_id", "name", name=op.f("uq_department_clinic_id_name")),
    )
    op.create_table(
        "device",
        sa.Column("clinic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("TV", "KIOSK", name="device_kind", native_enum=False, create_constraint=True, length=24),
            nullable=False,
        ),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("token", sa.String(length=43), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("updated_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_device_clinic_id")),
        sa.ForeignKeyConstraint(["created_by_id"], ["user.id"], name=op.f("fk_device_created_by_id")),
        sa.ForeignKeyConstraint(["updated_by_id"], ["user.id"], name=op.f("fk_device_updated_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_device")),
        sa.UniqueConstraint("clinic_id", "id", name=op.f("uq_device_clinic_id_id")),
        sa.UniqueConstraint("clinic_id", "name", name=op.f("uq_device_clinic_id_name")),
        sa.UniqueConstraint("token", name=op.f("uq_device_token")),
    )
    op.create_table(
        "field_history",
        sa.Column("clinic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("audit_seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("entity_kind", sa.String(length=40), nullable=False),
        sa.Column("entity_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("field", sa.String(length=60), nullable=False),
        sa.Column("old", sa.Text(), nullable=True),
        sa.Column("new", sa.Text(), nullable=True),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_field_history_clinic_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_field_history")),
    )
    with op.batch_alter_table("field_history", schema=None) as batch_op:
        batch_op.create_index("ix_field_history_entity", ["clinic_id", "entity_kind", "entity_id"], unique=False)

    op.create_table(
        "idempotency_key",
        sa.Column("actor_kind", sa.String(length=16), nullable=False),
        sa.Column("actor_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("clinic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("route", sa.String(length=120), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("result_kind", sa.String(length=40), nullable=True),
        sa.Column("result_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_idempotency_key_clinic_id")),
        sa.PrimaryKeyConstraint("actor_kind", "actor_id", "key", name=op.f("pk_idempotency_key")),
    )
    with op.batch_alter_table("idempotency_key", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_idempotency_key_created_at"), ["created_at"], unique=False)

    op.create_table(
        "import_run",
        sa.Column("clinic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("filename", sa.String(length=200), nullable=False),
        sa.Column("is_dry", sa.Boolean(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "UPLOADED",
                "RUNNING",
                "DONE",
                "REFUSED",
                "FAILED",
                name="import_state",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("step", sa.String(length=64), nullable=False),
        sa.Column("reading", sa.JSON(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=True),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("added", sa.Integer(), nullable=False),
        sa.Column("same", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Integer(), nullable=False),
        sa.Column("report", sa.JSON(), nullable=False),
        sa.Column("why", sa.JSON(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["user.id"], name=op.f("fk_import_run_by_id")),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_import_run_clinic_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_run")),
        sa.UniqueConstraint("clinic_id", "id", name=op.f("uq_import_run_clinic_id_id")),
    )
    with op.batch_alter_table("import_run", schema=None) as batch_op:
        batch_op.create_index(
            "uq_import_run_running",
            ["clinic_id"],
            unique=True,
            sqlite_where=sa.text("state = 'RUNNING'"),
            postgresql_where=sa.text("state = 'RUNNING'"),
        )

    op.create_table(
        "live_region",
        sa.Column("clinic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("version", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_live_region_clinic_id")),
        sa.PrimaryKeyConstraint("clinic_id", "name", name=op.f("pk_live_region")),
    )
    op.create_table(
        "login_session",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("clinic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("address", sa.String(length=45), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_login_session_clinic_id")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_login_session_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_session")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_login_session_token_hash")),
    )
    with op.batch_alter_table("login_session", schema=None) as batch_op:
        batch_op.create_index("ix_login_session_user_id", ["user_id"], unique=False)

    op.create_table(
        "membership",
        sa.Column("clinic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "RECEPTIONIST",
                "DOCTOR",
                "NURSE",
                "CASHIER",
                "MANAGER",
                "ADMIN",
                name="role",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_membership_clinic_id")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_membership_user_id")),
        sa.PrimaryKeyConstraint("clinic_id", "user_id", "role", name=op.f("pk_membership")),
    )
    with op.batch_alter_table("membership", schema=None) as batch_op:
        batch_op.create_index("ix_membership_user_id", ["user_id"], unique=False)

    op.create_table(
        "patient",
        sa.Column("clinic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("card_no", sa.String(length=16), nullable=False),
        sa.Column("date_of_birth", sa.Date(), nullable=True),
        sa.Column(
            "gender",
            sa.Enum(
                "MALE",
                "FEMALE",
                "OTHER",
                "UNKNOWN",
                name="gender",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("phone", sa.String(length=20), nullable=True),
        sa.Column("home_phone", sa.String(length=20), nullable=True),
        sa.Column("email", sa.String(length=200), nullable=False),
        sa.Column("guardian_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("national_id", sa.String(length=64), nullable=True),
        sa.Column("tax_id", sa.String(length=64), nullable=True),
        sa.Column("document_type", sa.String(length=64), nullable=True),
        sa.Column("document_number", sa.String(length=64), nullable=True),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("region_code", sa.String(length=16), nullable=True),
        sa.Column("district_code", sa.String(length=16), nullable=True),
        sa.Column("settlement_code", sa.String(length=16), nullable=True),
        sa.Column("address", sa.String(length=500), nullable=False),
        sa.Column("insurance_type", sa.String(length=64), nullable=False),
        sa.Column("insurer", sa.String(length=200), nullable=False),
        sa.Column("policy_number", sa.String(length=64), nullable=False),
        sa.Column("gestational_age_weeks", sa.Integer(), nullable=True),
        sa.Column("medical_history", sa.Text(), nullable=False),
        sa.Column("alerts", sa.Text(), nullable=False),
        sa.Column("special_needs", sa.Text(), nullable=False),
        sa.Column("additional_info", sa.Text(), nullable=False),
        sa.Column("preferred_locale", sa.String(length=8), nullable=True),
        sa.Column("referred_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("is_anonymous", sa.Boolean(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("merged_into_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("anonymised_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("folded", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("source_key", sa.String(length=64), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("updated_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("first_name", sa.String(length=200), nullable=False),
        sa.Column("middle_name", sa.String(length=200), nullable=False),
        sa.Column("last_name", sa.String(length=200), nullable=False),
        sa.CheckConstraint("district_code IS NULL OR region_code IS NOT NULL", name=op.f("ck_patient_district")),
        sa.CheckConstraint("document_number IS NULL OR document_type IS NOT NULL", name=op.f("ck_patient_document")),
        sa.CheckConstraint("gestational_age_weeks BETWEEN 20 AND 45", name=op.f("ck_patient_gestational_age_weeks")),
        sa.CheckConstraint("guardian_id <> id", name=op.f("ck_patient_guardian")),
        sa.CheckConstraint("merged_into_id <> id", name=op.f("ck_patient_merged_into")),
        sa.CheckConstraint("referred_by_id <> id", name=op.f("ck_patient_referred_by")),
        sa.CheckConstraint("settlement_code IS NULL OR district_code IS NOT NULL", name=op.f("ck_patient_settlement")),
        sa.ForeignKeyConstraint(
            ["clinic_id", "guardian_id"],
            ["patient.clinic_id", "patient.id"],
            name=op.f("fk_patient_clinic_id_guardian_id"),
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "merged_into_id"],
            ["patient.clinic_id", "patient.id"],
            name=op.f("fk_patient_clinic_id_merged_into_id"),
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "referred_by_id"],
            ["patient.clinic_id", "patient.id"],
            name=op.f("fk_patient_clinic_id_referred_by_id"),
        ),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_patient_clinic_id")),
        sa.ForeignKeyConstraint(["created_by_id"], ["user.id"], name=op.f("fk_patient_created_by_id")),
        sa.ForeignKeyConstraint(
            ["district_code", "settlement_code"],
            ["settlement.district_code", "settlement.code"],
            name=op.f("fk_patient_district_code_settlement_code"),
        ),
        sa.ForeignKeyConstraint(
            ["region_code", "district_code"],
            ["district.region_code", "district.code"],
            name=op.f("fk_patient_region_code_district_code"),
        ),
        sa.ForeignKeyConstraint(["region_code"], ["region.code"], name=op.f("fk_patient_region_code")),
        sa.ForeignKeyConstraint(["updated_by_id"], ["user.id"], name=op.f("fk_patient_updated_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patient")),
        sa.UniqueConstraint("clinic_id", "card_no", name=op.f("uq_patient_clinic_id_card_no")),
        sa.UniqueConstraint("clinic_id", "id", name=op.f("uq_patient_clinic_id_id")),
    )
    with op.batch_alter_table("patient", schema=None) as batch_op:
        batch_op.create_index("ix_patient_clinic_id_created_at", ["clinic_id", "created_at", "id"], unique=False)
        batch_op.create_index("ix_patient_clinic_id_date_of_birth", ["clinic_id", "date_of_birth", "id"], unique=False)
        batch_op.create_index("ix_patient_clinic_id_folded", ["clinic_id", "folded", "id"], unique=False)
        batch_op.create_index(
            "ix_patient_district",
            ["clinic_id", "district_code", "folded", "id"],
            unique=False,
            sqlite_where=sa.text("district_code IS NOT NULL"),
            postgresql_where=sa.text("district_code IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_patient_guardian_id",
            ["guardian_id"],
            unique=False,
            sqlite_where=sa.text("guardian_id IS NOT NULL"),
            postgresql_where=sa.text("guardian_id IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_patient_merged_into_id",
            ["merged_into_id"],
            unique=False,
            sqlite_where=sa.text("merged_into_id IS NOT NULL"),
            postgresql_where=sa.text("merged_into_id IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_patient_needs",
            ["clinic_id", "folded", "id"],
            unique=False,
            sqlite_where=sa.text("special_needs <> ''"),
            postgresql_where=sa.text("special_needs <> ''"),
        )
        batch_op.create_index(
            "ix_patient_region",
            ["clinic_id", "region_code", "folded", "id"],
            unique=False,
            sqlite_where=sa.text("region_code IS NOT NULL"),
            postgresql_where=sa.text("region_code IS NOT NULL"),
        )
        batch_op.create_index(
            "uq_patient_clinic_id_national_id",
            ["clinic_id", "national_id"],
            unique=True,
            sqlite_where=sa.text("national_id IS NOT NULL"),
            postgresql_where=sa.text("national_id IS NOT NULL"),
        )
        batch_op.create_index(
            "uq_patient_clinic_id_phone",
            ["clinic_id", "phone"],
            unique=True,
            sqlite_where=sa.text("phone IS NOT NULL"),
            postgresql_where=sa.text("phone IS NOT NULL"),
        )
        batch_op.create_index(
            "uq_patient_clinic_id_source_key",
            ["clinic_id", "source_key"],
            unique=True,
            sqlite_where=sa.text("source_key IS NOT NULL"),
            postgresql_where=sa.text("source_key IS NOT NULL"),
        )
        batch_op.create_index(
            "uq_patient_clinic_id_tax_id",
            ["clinic_id", "tax_id"],
            unique=True,
            sqlite_where=sa.text("tax_id IS NOT NULL"),
            postgresql_where=sa.text("tax_id IS NOT NULL"),
        )
        batch_op.create_index(
            "uq_patient_document",
            ["clinic_id", "document_type", "document_number"],
            unique=True,
            sqlite_where=sa.text("document_number IS NOT NULL"),
            postgresql_where=sa.text("document_number IS NOT NULL"),
        )

    op.create_table(
        "questionnaire",
        sa.Column("clinic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("version_no", sa.Integer(), nullable=False),
        sa.Column("questions", sa.JSON(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("updated_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.CheckConstraint("version_no > 0", name=op.f("ck_questionnaire_version_no")),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_questionnaire_clinic_id")),
        sa.ForeignKeyConstraint(["created_by_id"], ["user.id"], name=op.f("fk_questionnaire_created_by_id")),
        sa.ForeignKeyConstraint(["updated_by_id"], ["user.id"], name=op.f("fk_questionnaire_updated_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_questionnaire")),
        sa.UniqueConstraint("clinic_id", "id", name=op.f("uq_questionnaire_clinic_id_id")),
        sa.UniqueConstraint("clinic_id", "version_no", name=op.f("uq_questionnaire_clinic_id_version_no")),
    )
    op.create_table(
        "queue_counter",
        sa.Column("clinic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("service_day", sa.Date(), nullable=False),
        sa.Column("last_number", sa.Integer(), nullable=False),
        sa.CheckConstraint("last_number > 0", name=op.f("ck_queue_counter_last_number")),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_queue_counter_clinic_id")),
        sa.PrimaryKeyConstraint("clinic_id", "service_day", name=op.f("pk_queue_counter")),
    )
    op.create_table(
        "room",
        sa.Column("clinic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("floor", sa.String(length=64), nullable=False),
        sa.Column("building", sa.String(length=64), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("CONSULTING", "WARD", name="room_kind", native_enum=False, create_constraint=True, length=24),
            nullable=False,
        ),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("updated_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.CheckConstraint("capacity BETWEEN 1 AND 100", name=op.f("ck_room_capacity")),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_room_clinic_id")),
        sa.ForeignKeyConstraint(["created_by_id"], ["user.id"], name=op.f("fk_room_created_by_id")),
        sa.ForeignKeyConstraint(["updated_by_id"], ["user.id"], name=op.f("fk_room_updated_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_room")),
        sa.UniqueConstraint("clinic_id", "id", name=op.f("uq_room_clinic_id_id")),
        sa.UniqueConstraint("clinic_id", "name", "building", name=op.f("uq_room_clinic_id_name_building")),
    )
    op.create_table(
        "saved_search",
        sa.Column("clinic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("query", sa.JSON(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("updated_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_saved_search_clinic_id")),
        sa.ForeignKeyConstraint(["created_by_id"], ["user.id"], name=op.f("fk_saved_search_created_by_id")),
        sa.ForeignKeyConstraint(["updated_by_id"], ["user.id"], name=op.f("fk_saved_search_updated_by_id")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_saved_search_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_search")),
        sa.UniqueConstraint("clinic_id", "user_id", "name", name=op.f("uq_saved_search_clinic_id_user_id_name")),
    )
    op.create_table(
        "service_type",
        sa.Column("clinic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("updated_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_service_type_clinic_id")),
        sa.ForeignKeyConstraint(["created_by_id"], ["user.id"], name=op.f("fk_service_type_created_by_id")),
        sa.ForeignKeyConstraint(["updated_by_id"], ["user.id"], name=op.f("fk_service_type_updated_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_type")),
        sa.UniqueConstraint("clinic_id", "id", name=op.f("uq_service_type_clinic_id_id")),
        sa.UniqueConstraint("clinic_id", "name", name=op.f("uq_service_type_clinic_id_name")),
    )
    op.create_table(
        "shift_note",
        sa.Column("clinic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("text", sa.String(length=1000), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("updated_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_shift_note_clinic_id")),
        sa.ForeignKeyConstraint(["created_by_id"], ["user.id"], name=op.f("fk_shift_note_created_by_id")),
        sa.ForeignKeyConstraint(["done_by_id"], ["user.id"], name=op.f("fk_shift_note_done_by_id")),
        sa.ForeignKeyConstraint(["updated_by_id"], ["user.id"], name=op.f("fk_shift_note_updated_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shift_note")),
        sa.UniqueConstraint("clinic_id", "id", name=op.f("uq_shift_note_clinic_id_id")),
    )
    with op.batch_alter_table("shift_note", schema=None) as batch_op:
        batch_op.create_index(
            "ix_shift_note_open",
            ["clinic_id", "id"],
            unique=False,
            sqlite_where=sa.text("done_at IS NULL"),
            postgresql_where=sa.text("done_at IS NULL"),
        )

    op.create_table(
        "specialization",
        sa.Column("clinic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("updated_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_specialization_clinic_id")),
        sa.ForeignKeyConstraint(["created_by_id"], ["user.id"], name=op.f("fk_specialization_created_by_id")),
        sa.ForeignKeyConstraint(["updated_by_id"], ["user.id"], name=op.f("fk_specialization_updated_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_specialization")),
        sa.UniqueConstraint("clinic_id", "id", name=op.f("uq_specialization_clinic_id_id")),
        sa.UniqueConstraint("clinic_id", "name", name=op.f("uq_specialization_clinic_id_name")),
    )
    op.create_table(
        "access_entry",
        sa.Column("clinic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("patient_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("asked_id", sa.BigInteger(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_kind", sa.String(length=16), nullable=False),
        sa.Column("actor_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("how", sa.String(length=40), nullable=False),
        sa.Column("address", sa.String(length=45), nullable=False),
        sa.Column("request_id", sa.String(length=36), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("patient_id IS NOT NULL OR how = 'refused'", name=op.f("ck_access_entry_patient_id")),
        sa.ForeignKeyConstraint(
            ["clinic_id", "patient_id"],
            ["patient.clinic_id", "patient.id"],
            name=op.f("fk_access_entry_clinic_id_patient_id"),
        ),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_access_entry_clinic_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_entry")),
    )
    with op.batch_alter_table("access_entry", schema=None) as batch_op:
        batch_op.create_index("ix_access_entry_clinic_id", ["clinic_id", "id"], unique=False)
        batch_op.create_index("ix_access_entry_patient_id", ["patient_id", "id"], unique=False)

    op.create_table(
        "consent",
        sa.Column("clinic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("patient_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("is_given", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["user.id"], name=op.f("fk_consent_by_id")),
        sa.ForeignKeyConstraint(
            ["clinic_id", "patient_id"],
            ["patient.clinic_id", "patient.id"],
            name=op.f("fk_consent_clinic_id_patient_id"),
        ),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_consent_clinic_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent")),
    )
    with op.batch_alter_table("consent", schema=None) as batch_op:
        batch_op.create_index("ix_consent_patient_id", ["patient_id", "kind", "id"], unique=False)

    op.create_table(
        "different_people",
        sa.Column("clinic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("first_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("second_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("first_id < second_id", name=op.f("ck_different_people_order")),
        sa.ForeignKeyConstraint(["by_id"], ["user.id"], name=op.f("fk_different_people_by_id")),
        sa.ForeignKeyConstraint(
            ["clinic_id", "first_id"],
            ["patient.clinic_id", "patient.id"],
            name=op.f("fk_different_people_clinic_id_first_id"),
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "second_id"],
            ["patient.clinic_id", "patient.id"],
            name=op.f("fk_different_people_clinic_id_second_id"),
        ),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_different_people_clinic_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_different_people")),
        sa.UniqueConstraint("first_id", "second_id", name=op.f("uq_different_people_first_id_second_id")),
    )
    op.create_table(
        "doctor",
        sa.Column("clinic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("department_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("specialization_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("title", sa.String(length=64), nullable=False),
        sa.Column("phone", sa.String(length=20), nullable=True),
        sa.Column("internal_phone", sa.String(length=20), nullable=False),
        sa.Column("email", sa.String(length=200), nullable=False),
        sa.Column("share_percent", sa.Integer(), nullable=True),
        sa.Column("slots_per_day", sa.Integer(), nullable=True),
        sa.Column("room_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("on_break", sa.Boolean(), nullable=False),
        sa.Column("break_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("help_asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("late_minutes", sa.Integer(), nullable=False),
        sa.Column("late_day", sa.Date(), nullable=True),
        sa.Column("feed_token", sa.String(length=43), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("updated_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("first_name", sa.String(length=200), nullable=False),
        sa.Column("middle_name", sa.String(length=200), nullable=False),
        sa.Column("last_name", sa.String(length=200), nullable=False),
        sa.CheckConstraint("late_minutes = 0 OR late_day IS NOT NULL", name=op.f("ck_doctor_late_day")),
        sa.CheckConstraint("late_minutes BETWEEN 0 AND 600", name=op.f("ck_doctor_late_minutes")),
        sa.CheckConstraint("share_percent BETWEEN 0 AND 100", name=op.f("ck_doctor_share_percent")),
        sa.CheckConstraint("slots_per_day > 0", name=op.f("ck_doctor_slots_per_day")),
        sa.ForeignKeyConstraint(
            ["clinic_id", "department_id"],
            ["department.clinic_id", "department.id"],
            name=op.f("fk_doctor_clinic_id_department_id"),
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "room_id"], ["room.clinic_id", "room.id"], name=op.f("fk_doctor_clinic_id_room_id")
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "specialization_id"],
            ["specialization.clinic_id", "specialization.id"],
            name=op.f("fk_doctor_clinic_id_specialization_id"),
        ),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_doctor_clinic_id")),
        sa.ForeignKeyConstraint(["created_by_id"], ["user.id"], name=op.f("fk_doctor_created_by_id")),
        sa.ForeignKeyConstraint(["updated_by_id"], ["user.id"], name=op.f("fk_doctor_updated_by_id")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_doctor_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_doctor")),
        sa.UniqueConstraint("clinic_id", "id", name=op.f("uq_doctor_clinic_id_id")),
        sa.UniqueConstraint("feed_token", name=op.f("uq_doctor_feed_token")),
    )
    with op.batch_alter_table("doctor", schema=None) as batch_op:
        batch_op.create_index(
            "uq_doctor_clinic_id_phone",
            ["clinic_id", "phone"],
            unique=True,
            sqlite_where=sa.text("phone IS NOT NULL"),
            postgresql_where=sa.text("phone IS NOT NULL"),
        )
        batch_op.create_index(
            "uq_doctor_clinic_id_user_id",
            ["clinic_id", "user_id"],
            unique=True,
            sqlite_where=sa.text("user_id IS NOT NULL"),
            postgresql_where=sa.text("user_id IS NOT NULL"),
        )

    op.create_table(
        "duplicate_pair",
        sa.Column("clinic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("first_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("second_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.CheckConstraint("first_id < second_id", name=op.f("ck_duplicate_pair_order")),
        sa.ForeignKeyConstraint(
            ["clinic_id", "first_id"],
            ["patient.clinic_id", "patient.id"],
            name=op.f("fk_duplicate_pair_clinic_id_first_id"),
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "second_id"],
            ["patient.clinic_id", "patient.id"],
            name=op.f("fk_duplicate_pair_clinic_id_second_id"),
        ),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_duplicate_pair_clinic_id")),
        sa.PrimaryKeyConstraint("clinic_id", "first_id", "second_id", name=op.f("pk_duplicate_pair")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("duplicate_pair", schema=None) as batch_op:
        batch_op.create_index("ix_duplicate_pair_score", ["clinic_id", "score"], unique=False)
        batch_op.create_index("ix_duplicate_pair_second_id", ["second_id"], unique=False)

    op.create_table(
        "pairing_code",
        sa.Column("code", sa.String(length=8), nullable=False),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("device_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"], name=op.f("fk_pairing_code_device_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pairing_code")),
        sa.UniqueConstraint("code", name=op.f("uq_pairing_code_code")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_pairing_code_secret_hash")),
    )
    op.create_table(
        "patient_key",
        sa.Column("clinic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", sa.BigInteger(), nullable=False),
        sa.Column("patient_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["clinic_id", "patient_id"],
            ["patient.clinic_id", "patient.id"],
            name=op.f("fk_patient_key_clinic_id_patient_id"),
        ),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_patient_key_clinic_id")),
        sa.PrimaryKeyConstraint("clinic_id", "key", "patient_id", name=op.f("pk_patient_key")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("patient_key", schema=None) as batch_op:
        batch_op.create_index("ix_patient_key_patient_id", ["patient_id"], unique=False)

    op.create_table(
        "patient_merge",
        sa.Column("clinic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kept_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("gone_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("moved", sa.JSON(), nullable=False),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.Column("kept_version", sa.Integer(), nullable=False),
        sa.Column("gone_version", sa.Integer(), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("kept_id <> gone_id", name=op.f("ck_patient_merge_two")),
        sa.ForeignKeyConstraint(["by_id"], ["user.id"], name=op.f("fk_patient_merge_by_id")),
        sa.ForeignKeyConstraint(
            ["clinic_id", "gone_id"],
            ["patient.clinic_id", "patient.id"],
            name=op.f("fk_patient_merge_clinic_id_gone_id"),
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "kept_id"],
            ["patient.clinic_id", "patient.id"],
            name=op.f("fk_patient_merge_clinic_id_kept_id"),
        ),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_patient_merge_clinic_id")),
        sa.ForeignKeyConstraint(["undone_by_id"], ["user.id"], name=op.f("fk_patient_merge_undone_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patient_merge")),
        sa.UniqueConstraint("clinic_id", "id", name=op.f("uq_patient_merge_clinic_id_id")),
    )
    with op.batch_alter_table("patient_merge", schema=None) as batch_op:
        batch_op.create_index("ix_patient_merge_kept_id", ["kept_id"], unique=False)
        batch_op.create_index(
            "uq_patient_merge_gone_id",
            ["gone_id"],
            unique=True,
            sqlite_where=sa.text("undone_at IS NULL"),
            postgresql_where=sa.text("undone_at IS NULL"),
        )

    op.create_table(
        "questionnaire_answer",
        sa.Column("clinic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("patient_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("questionnaire_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("answers", sa.JSON(), nullable=False),
        sa.Column("other_notes", sa.Text(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("updated_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.ForeignKeyConstraint(
            ["clinic_id", "patient_id"],
            ["patient.clinic_id", "patient.id"],
            name=op.f("fk_questionnaire_answer_clinic_id_patient_id"),
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "questionnaire_id"],
            ["questionnaire.clinic_id", "questionnaire.id"],
            name=op.f("fk_questionnaire_answer_clinic_id_questionnaire_id"),
        ),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_questionnaire_answer_clinic_id")),
        sa.ForeignKeyConstraint(["created_by_id"], ["user.id"], name=op.f("fk_questionnaire_answer_created_by_id")),
        sa.ForeignKeyConstraint(["updated_by_id"], ["user.id"], name=op.f("fk_questionnaire_answer_updated_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_questionnaire_answer")),
    )
    with op.batch_alter_table("questionnaire_answer", schema=None) as batch_op:
        batch_op.create_index("ix_questionnaire_answer_patient_id", ["patient_id", "id"], unique=False)

    op.create_table(
        "room_maintenance",
        sa.Column("clinic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("room_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "CLEANING",
                "REPAIR",
                "RENOVATION",
                name="maintenance_kind",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column(
            "status",
            sa.Enum(
                "SCHEDULED",
                "IN_PROGRESS",
                "COMPLETED",
                "CANCELLED",
                name="maintenance_status",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("description", sa.String(length=500), nullable=False),
        sa.Column("performed_by", sa.String(length=200), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("updated_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_room_maintenance_range")),
        sa.ForeignKeyConstraint(
            ["clinic_id", "room_id"], ["room.clinic_id", "room.id"], name=op.f("fk_room_maintenance_clinic_id_room_id")
        ),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_room_maintenance_clinic_id")),
        sa.ForeignKeyConstraint(["created_by_id"], ["user.id"], name=op.f("fk_room_maintenance_created_by_id")),
        sa.ForeignKeyConstraint(["updated_by_id"], ["user.id"], name=op.f("fk_room_maintenance_updated_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_room_maintenance")),
        sa.UniqueConstraint("clinic_id", "id", name=op.f("uq_room_maintenance_clinic_id_id")),
    )
    with op.batch_alter_table("room_maintenance", schema=None) as batch_op:
        batch_op.create_index("ix_room_maintenance_room_id_starts_at", ["room_id", "starts_at"], unique=False)

    op.create_table(
        "room_use",
        sa.Column("clinic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("room_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("bed", sa.Integer(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("owner_kind", sa.String(length=16), nullable=False),
        sa.Column("owner_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "owner_kind IN ('SCHEDULE', 'APPOINTMENT', 'STAY', 'CLOSURE')", name=op.f("ck_room_use_owner_kind")
        ),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_room_use_range")),
        sa.ForeignKeyConstraint(
            ["clinic_id", "room_id"], ["room.clinic_id", "room.id"], name=op.f("fk_room_use_clinic_id_room_id")
        ),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_room_use_clinic_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_room_use")),
        sa.UniqueConstraint(
            "owner_kind",
            "owner_id",
            "room_id",
            "bed",
            "starts_at",
            name=op.f("uq_room_use_owner_kind_owner_id_room_id_bed_starts_at"),
        ),
    )
    with op.batch_alter_table("room_use", schema=None) as batch_op:
        batch_op.create_index("ix_room_use_room_id_starts_at", ["room_id", "starts_at"], unique=False)

    op.create_table(
        "service",
        sa.Column("clinic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("service_type_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("department_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("duration_min", sa.Integer(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("updated_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.CheckConstraint("duration_min BETWEEN 1 AND 1440", name=op.f("ck_service_duration_min")),
        sa.ForeignKeyConstraint(
            ["clinic_id", "department_id"],
            ["department.clinic_id", "department.id"],
            name=op.f("fk_service_clinic_id_department_id"),
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "service_type_id"],
            ["service_type.clinic_id", "service_type.id"],
            name=op.f("fk_service_clinic_id_service_type_id"),
        ),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_service_clinic_id")),
        sa.ForeignKeyConstraint(["created_by_id"], ["user.id"], name=op.f("fk_service_created_by_id")),
        sa.ForeignKeyConstraint(["updated_by_id"], ["user.id"], name=op.f("fk_service_updated_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service")),
        sa.UniqueConstraint("clinic_id", "id", name=op.f("uq_service_clinic_id_id")),
        sa.UniqueConstraint("clinic_id", "name", name=op.f("uq_service_clinic_id_name")),
    )
    op.create_table(
        "absence",
        sa.Column("clinic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("doctor_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "VACATION",
                "SICK",
                "TRAINING",
                "OTHER",
                name="absence_kind",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("note", sa.String(length=500), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("updated_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_absence_range")),
        sa.ForeignKeyConstraint(
            ["clinic_id", "doctor_id"], ["doctor.clinic_id", "doctor.id"], name=op.f("fk_absence_clinic_id_doctor_id")
        ),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_absence_clinic_id")),
        sa.ForeignKeyConstraint(["created_by_id"], ["user.id"], name=op.f("fk_absence_created_by_id")),
        sa.ForeignKeyConstraint(["updated_by_id"], ["user.id"], name=op.f("fk_absence_updated_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_absence")),
        sa.UniqueConstraint("clinic_id", "id", name=op.f("uq_absence_clinic_id_id")),
    )
    with op.batch_alter_table("absence", schema=None) as batch_op:
        batch_op.create_index("ix_absence_clinic_id_starts_at", ["clinic_id", "starts_at"], unique=False)

    op.create_table(
        "access_review",
        sa.Column("clinic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("access_entry_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("is_fine", sa.Boolean(), nullable=False),
        sa.Column("note", sa.String(length=500), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["access_entry_id"], ["access_entry.id"], name=op.f("fk_access_review_access_entry_id")
        ),
        sa.ForeignKeyConstraint(["by_id"], ["user.id"], name=op.f("fk_access_review_by_id")),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_access_review_clinic_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_review")),
        sa.UniqueConstraint("access_entry_id", name=op.f("uq_access_review_access_entry_id")),
    )
    with op.batch_alter_table("access_review", schema=None) as batch_op:
        batch_op.create_index("ix_access_review_clinic_id", ["clinic_id"], unique=False)

    op.create_table(
        "account",
        sa.Column("clinic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "CASHBOX",
                "PATIENT_DEBT",
                "INSURER_DEBT",
                "INCOME",
                "DOCTOR_DUE",
                "BONUS_OWED",
                "BONUS_DEBT",
                "DEPOSIT_HELD",
                "EXPENSE",
                "DIFFERENCE",
                name="account_kind",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("patient_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("doctor_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("balance", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("balance >= 0 OR kind NOT IN ('CASHBOX', 'BONUS_OWED')", name=op.f("ck_account_balance")),
        sa.CheckConstraint("typeof(balance) IN ('integer', 'null')", name=op.f("ck_account_whole_units")).ddl_if(
            dialect="sqlite"
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "doctor_id"], ["doctor.clinic_id", "doctor.id"], name=op.f("fk_account_clinic_id_doctor_id")
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "patient_id"],
            ["patient.clinic_id", "patient.id"],
            name=op.f("fk_account_clinic_id_patient_id"),
        ),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_account_clinic_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("clinic_id", "id", name=op.f("uq_account_clinic_id_id")),
    )
    with op.batch_alter_table("account", schema=None) as batch_op:
        batch_op.create_index(
            "uq_account_doctor",
            ["doctor_id", "kind"],
            unique=True,
            sqlite_where=sa.text("doctor_id IS NOT NULL"),
            postgresql_where=sa.text("doctor_id IS NOT NULL"),
        )
        batch_op.create_index(
            "uq_account_kind",
            ["clinic_id", "kind"],
            unique=True,
            sqlite_where=sa.text("kind IN ('INCOME', 'EXPENSE', 'DIFFERENCE')"),
            postgresql_where=sa.text("kind IN ('INCOME', 'EXPENSE', 'DIFFERENCE')"),
        )
        batch_op.create_index(
            "uq_account_patient",
            ["patient_id", "kind"],
            unique=True,
            sqlite_where=sa.text("patient_id IS NOT NULL"),
            postgresql_where=sa.text("patient_id IS NOT NULL"),
        )

    op.create_table(
        "schedule_template",
        sa.Column("clinic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("doctor_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("room_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("weekday", sa.Integer(), nullable=False),
        sa.Column("begins", sa.Time(), nullable=False),
        sa.Column("ends", sa.Time(), nullable=False),
        sa.Column("slot_minutes", sa.Integer(), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("made_until", sa.Date(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("updated_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.CheckConstraint("capacity BETWEEN 1 AND 100", name=op.f("ck_schedule_template_capacity")),
        sa.CheckConstraint("slot_minutes BETWEEN 1 AND 1440", name=op.f("ck_schedule_template_slot_minutes")),
        sa.CheckConstraint("valid_to IS NULL OR valid_to >= valid_from", name=op.f("ck_schedule_template_valid")),
        sa.CheckConstraint("weekday BETWEEN 0 AND 6", name=op.f("ck_schedule_template_weekday")),
        sa.ForeignKeyConstraint(
            ["clinic_id", "doctor_id"],
            ["doctor.clinic_id", "doctor.id"],
            name=op.f("fk_schedule_template_clinic_id_doctor_id"),
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "room_id"], ["room.clinic_id", "room.id"], name=op.f("fk_schedule_template_clinic_id_room_id")
        ),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_schedule_template_clinic_id")),
        sa.ForeignKeyConstraint(["created_by_id"], ["user.id"], name=op.f("fk_schedule_template_created_by_id")),
        sa.ForeignKeyConstraint(["updated_by_id"], ["user.id"], name=op.f("fk_schedule_template_updated_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schedule_template")),
        sa.UniqueConstraint("clinic_id", "id", name=op.f("uq_schedule_template_clinic_id_id")),
    )
    with op.batch_alter_table("schedule_template", schema=None) as batch_op:
        batch_op.create_index("ix_schedule_template_doctor_id", ["doctor_id", "weekday"], unique=False)

    op.create_table(
        "service_price",
        sa.Column("clinic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("service_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("updated_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.CheckConstraint("typeof(price) IN ('integer', 'null')", name=op.f("ck_service_price_whole_units")).ddl_if(
            dialect="sqlite"
        ),
        sa.CheckConstraint("price >= 0", name=op.f("ck_service_price_price")),
        sa.CheckConstraint("valid_to IS NULL OR valid_to >= valid_from", name=op.f("ck_service_price_range")),
        sa.ForeignKeyConstraint(
            ["clinic_id", "service_id"],
            ["service.clinic_id", "service.id"],
            name=op.f("fk_service_price_clinic_id_service_id"),
        ),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_service_price_clinic_id")),
        sa.ForeignKeyConstraint(["created_by_id"], ["user.id"], name=op.f("fk_service_price_created_by_id")),
        sa.ForeignKeyConstraint(["updated_by_id"], ["user.id"], name=op.f("fk_service_price_updated_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_price")),
        sa.UniqueConstraint("clinic_id", "id", name=op.f("uq_service_price_clinic_id_id")),
        sa.UniqueConstraint("service_id", "valid_from", name=op.f("uq_service_price_service_id_valid_from")),
    )
    op.create_table(
        "cashbox",
        sa.Column("clinic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("CASH", "CARD", "BANK", name="cashbox_kind", native_enum=False, create_constraint=True, length=24),
            nullable=False,
        ),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("updated_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.ForeignKeyConstraint(
            ["clinic_id", "account_id"],
            ["account.clinic_id", "account.id"],
            name=op.f("fk_cashbox_clinic_id_account_id"),
        ),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_cashbox_clinic_id")),
        sa.ForeignKeyConstraint(["created_by_id"], ["user.id"], name=op.f("fk_cashbox_created_by_id")),
        sa.ForeignKeyConstraint(["updated_by_id"], ["user.id"], name=op.f("fk_cashbox_updated_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cashbox")),
        sa.UniqueConstraint("account_id", name=op.f("uq_cashbox_account_id")),
        sa.UniqueConstraint("clinic_id", "id", name=op.f("uq_cashbox_clinic_id_id")),
        sa.UniqueConstraint("clinic_id", "name", name=op.f("uq_cashbox_clinic_id_name")),
    )
    op.create_table(
        "schedule",
        sa.Column("clinic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("doctor_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("room_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("template_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("slot_minutes", sa.Integer(), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("updated_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.CheckConstraint("capacity BETWEEN 1 AND 100", name=op.f("ck_schedule_capacity")),
        sa.CheckConstraint("slot_minutes BETWEEN 1 AND 1440", name=op.f("ck_schedule_slot_minutes")),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_schedule_range")),
        sa.ForeignKeyConstraint(
            ["clinic_id", "doctor_id"], ["doctor.clinic_id", "doctor.id"], name=op.f("fk_schedule_clinic_id_doctor_id")
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "room_id"], ["room.clinic_id", "room.id"], name=op.f("fk_schedule_clinic_id_room_id")
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "template_id"],
            ["schedule_template.clinic_id", "schedule_template.id"],
            name=op.f("fk_schedule_clinic_id_template_id"),
        ),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_schedule_clinic_id")),
        sa.ForeignKeyConstraint(["created_by_id"], ["user.id"], name=op.f("fk_schedule_created_by_id")),
        sa.ForeignKeyConstraint(["updated_by_id"], ["user.id"], name=op.f("fk_schedule_updated_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schedule")),
        sa.UniqueConstraint("clinic_id", "id", name=op.f("uq_schedule_clinic_id_id")),
        sa.UniqueConstraint("doctor_id", "day", "starts_at", name=op.f("uq_schedule_doctor_id_day_starts_at")),
    )
    with op.batch_alter_table("schedule", schema=None) as batch_op:
        batch_op.create_index("ix_schedule_clinic_id_day", ["clinic_id", "day"], unique=False)

    op.create_table(
        "appointment",
        sa.Column("clinic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("booking_id", sa.String(length=24), nullable=False),
        sa.Column("doctor_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("patient_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("service_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("room_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("schedule_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "CONFIRMED",
                "CHECKED_IN",
                "COMPLETED",
                "CANCELLED",
                "NO_SHOW",
                name="appointment_status",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column(
            "source",
            sa.Enum(
                "PHONE",
                "WALK_IN",
                "ONLINE",
                "SYSTEM",
                "WEBSITE",
                "PARTNER",
                "REPEAT",
                name="appointment_source",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("overbooking_reason", sa.String(length=500), nullable=True),
        sa.Column("overbooked_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelled_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("cancel_reason", sa.String(length=500), nullable=False),
        sa.Column("series", sa.String(length=64), nullable=True),
        sa.Column("past_reason", sa.String(length=500), nullable=True),
        sa.Column("kept_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("source_key", sa.String(length=64), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("updated_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.CheckConstraint(
            "(status = 'CANCELLED') = (cancelled_at IS NOT NULL)", name=op.f("ck_appointment_cancelled_at")
        ),
        sa.CheckConstraint(
            "(overbooking_reason IS NULL) = (overbooked_by_id IS NULL)", name=op.f("ck_appointment_overbooking")
        ),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_appointment_range")),
        sa.ForeignKeyConstraint(["cancelled_by_id"], ["user.id"], name=op.f("fk_appointment_cancelled_by_id")),
        sa.ForeignKeyConstraint(
            ["clinic_id", "doctor_id"],
            ["doctor.clinic_id", "doctor.id"],
            name=op.f("fk_appointment_clinic_id_doctor_id"),
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "patient_id"],
            ["patient.clinic_id", "patient.id"],
            name=op.f("fk_appointment_clinic_id_patient_id"),
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "room_id"], ["room.clinic_id", "room.id"], name=op.f("fk_appointment_clinic_id_room_id")
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "schedule_id"],
            ["schedule.clinic_id", "schedule.id"],
            name=op.f("fk_appointment_clinic_id_schedule_id"),
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "service_id"],
            ["service.clinic_id", "service.id"],
            name=op.f("fk_appointment_clinic_id_service_id"),
        ),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_appointment_clinic_id")),
        sa.ForeignKeyConstraint(["created_by_id"], ["user.id"], name=op.f("fk_appointment_created_by_id")),
        sa.ForeignKeyConstraint(["overbooked_by_id"], ["user.id"], name=op.f("fk_appointment_overbooked_by_id")),
        sa.ForeignKeyConstraint(["updated_by_id"], ["user.id"], name=op.f("fk_appointment_updated_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_appointment")),
        sa.UniqueConstraint("clinic_id", "booking_id", name=op.f("uq_appointment_clinic_id_booking_id")),
        sa.UniqueConstraint("clinic_id", "id", name=op.f("uq_appointment_clinic_id_id")),
    )
    with op.batch_alter_table("appointment", schema=None) as batch_op:
        batch_op.create_index("ix_appointment_clinic_id_day", ["clinic_id", "day", "starts_at"], unique=False)
        batch_op.create_index(
            "ix_appointment_confirmed",
            ["clinic_id", "day"],
            unique=False,
            sqlite_where=sa.text("status = 'CONFIRMED'"),
            postgresql_where=sa.text("status = 'CONFIRMED'"),
        )
        batch_op.create_index("ix_appointment_patient_id", ["patient_id", "starts_at"], unique=False)
        batch_op.create_index(
            "ix_appointment_series",
            ["clinic_id", "series"],
            unique=False,
            sqlite_where=sa.text("series IS NOT NULL"),
            postgresql_where=sa.text("series IS NOT NULL"),
        )
        batch_op.create_index(
            "uq_appointment_clinic_id_source_key",
            ["clinic_id", "source_key"],
            unique=True,
            sqlite_where=sa.text("source_key IS NOT NULL"),
            postgresql_where=sa.text("source_key IS NOT NULL"),
        )
        batch_op.create_index(
            "uq_appointment_schedule_id_patient_id",
            ["schedule_id", "patient_id"],
            unique=True,
            sqlite_where=sa.text("status IN ('CONFIRMED', 'CHECKED_IN', 'COMPLETED')"),
            postgresql_where=sa.text("status IN ('CONFIRMED', 'CHECKED_IN', 'COMPLETED')"),
        )

    op.create_table(
        "hold",
        sa.Column("clinic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("schedule_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("held_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_hold_range")),
        sa.ForeignKeyConstraint(
            ["clinic_id", "schedule_id"],
            ["schedule.clinic_id", "schedule.id"],
            name=op.f("fk_hold_clinic_id_schedule_id"),
        ),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_hold_clinic_id")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_hold_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hold")),
        sa.UniqueConstraint("clinic_id", "id", name=op.f("uq_hold_clinic_id_id")),
    )
    with op.batch_alter_table("hold", schema=None) as batch_op:
        batch_op.create_index("ix_hold_until", ["until"], unique=False)

    op.create_table(
        "slot",
        sa.Column("clinic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("schedule_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("capacity BETWEEN 1 AND 100", name=op.f("ck_slot_capacity")),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_slot_range")),
        sa.ForeignKeyConstraint(
            ["clinic_id", "schedule_id"],
            ["schedule.clinic_id", "schedule.id"],
            name=op.f("fk_slot_clinic_id_schedule_id"),
        ),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_slot_clinic_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_slot")),
        sa.UniqueConstraint("clinic_id", "id", name=op.f("uq_slot_clinic_id_id")),
        sa.UniqueConstraint("schedule_id", "starts_at", name=op.f("uq_slot_schedule_id_starts_at")),
    )
    with op.batch_alter_table("slot", schema=None) as batch_op:
        batch_op.create_index(
            "ix_slot_closed",
            ["clinic_id", "starts_at"],
            unique=False,
            sqlite_where=sa.text("NOT is_open"),
            postgresql_where=sa.text("NOT is_open"),
        )

    op.create_table(
        "appointment_place",
        sa.Column("slot_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("clinic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("appointment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("hold_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.CheckConstraint("(appointment_id IS NULL) <> (hold_id IS NULL)", name=op.f("ck_appointment_place_owner")),
        sa.CheckConstraint("place > 0", name=op.f("ck_appointment_place_place")),
        sa.ForeignKeyConstraint(
            ["clinic_id", "appointment_id"],
            ["appointment.clinic_id", "appointment.id"],
            name=op.f("fk_appointment_place_clinic_id_appointment_id"),
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "hold_id"], ["hold.clinic_id", "hold.id"], name=op.f("fk_appointment_place_clinic_id_hold_id")
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "slot_id"], ["slot.clinic_id", "slot.id"], name=op.f("fk_appointment_place_clinic_id_slot_id")
        ),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_appointment_place_clinic_id")),
        sa.PrimaryKeyConstraint("slot_id", "place", name=op.f("pk_appointment_place")),
        sa.UniqueConstraint("slot_id", "appointment_id", name=op.f("uq_appointment_place_slot_id_appointment_id")),
    )
    with op.batch_alter_table("appointment_place", schema=None) as batch_op:
        batch_op.create_index("ix_appointment_place_appointment_id", ["appointment_id"], unique=False)
        batch_op.create_index(
            "ix_appointment_place_hold_id",
            ["hold_id"],
            unique=False,
            sqlite_where=sa.text("hold_id IS NOT NULL"),
            postgresql_where=sa.text("hold_id IS NOT NULL"),
        )

    op.create_table(
        "visit",
        sa.Column("clinic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("appointment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("patient_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("department_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("doctor_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("service_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("room_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column(
            "visit_type",
            sa.Enum("SCHEDULED", "WALK_IN", name="visit_type", native_enum=False, create_constraint=True, length=24),
            nullable=False,
        ),
        sa.Column(
            "status",
            sa.Enum(
                "SCHEDULED",
                "WAITING",
                "CALLED",
                "IN_PROGRESS",
                "PENDING_PAYMENT",
                "COMPLETED",
                "CANCELLED",
                "NO_SHOW",
                name="visit_status",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column(
            "priority",
            sa.Enum(
                "NORMAL", "PRIORITY", "EMERGENCY", name="priority", native_enum=False, create_constraint=True, length=24
            ),
            nullable=False,
        ),
        sa.Column("priority_reason", sa.String(length=200), nullable=False),
        sa.Column("service_day", sa.Date(), nullable=False),
        sa.Column("queue_number", sa.Integer(), nullable=True),
        sa.Column("ticket", sa.String(length=16), nullable=True),
        sa.Column("public_token", sa.String(length=43), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("check_in_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("waiting_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("parked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("back_from", sa.String(length=100), nullable=True),
        sa.Column("called_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("call_count", sa.Integer(), nullable=False),
        sa.Column("start_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("close_reason", sa.String(length=500), nullable=False),
        sa.Column("left_unseen", sa.Boolean(), nullable=False),
        sa.Column("identity_verified", sa.Boolean(), nullable=False),
        sa.Column("consent_signed", sa.Boolean(), nullable=False),
        sa.Column("rules_explained", sa.Boolean(), nullable=False),
        sa.Column("temperature", sa.String(length=16), nullable=False),
        sa.Column("blood_pressure", sa.String(length=16), nullable=False),
        sa.Column("complaints", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("updated_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.CheckConstraint(
            "(status IN ('COMPLETED', 'CANCELLED', 'NO_SHOW')) = (closed_at IS NOT NULL)",
            name=op.f("ck_visit_closed_at"),
        ),
        sa.CheckConstraint(
            "(visit_type = 'SCHEDULED') = (appointment_id IS NOT NULL)", name=op.f("ck_visit_appointment")
        ),
        sa.CheckConstraint("priority = 'NORMAL' OR priority_reason <> ''", name=op.f("ck_visit_priority_reason")),
        sa.CheckConstraint(
            "status <> 'CALLED' OR (called_at IS NOT NULL AND call_count > 0 AND doctor_id IS NOT NULL)",
            name=op.f("ck_visit_called_at"),
        ),
        sa.CheckConstraint(
            "status <> 'IN_PROGRESS' OR (start_time IS NOT NULL AND doctor_id IS NOT NULL)",
            name=op.f("ck_visit_start_time"),
        ),
        sa.CheckConstraint("status <> 'PENDING_PAYMENT' OR end_time IS NOT NULL", name=op.f("ck_visit_end_time")),
        sa.CheckConstraint("status <> 'WAITING' OR waiting_since IS NOT NULL", name=op.f("ck_visit_waiting_since")),
        sa.CheckConstraint(
            "status IN ('SCHEDULED', 'CANCELLED', 'NO_SHOW') OR (queue_number IS NOT NULL AND check_in_time IS NOT NULL)",
            name=op.f("ck_visit_checked_in"),
        ),
        sa.CheckConstraint("(queue_number IS NULL) = (ticket IS NULL)", name=op.f("ck_visit_ticket")),
        sa.CheckConstraint("queue_number > 0", name=op.f("ck_visit_queue_number")),
        sa.ForeignKeyConstraint(
            ["clinic_id", "appointment_id"],
            ["appointment.clinic_id", "appointment.id"],
            name=op.f("fk_visit_clinic_id_appointment_id"),
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "department_id"],
            ["department.clinic_id", "department.id"],
            name=op.f("fk_visit_clinic_id_department_id"),
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "doctor_id"], ["doctor.clinic_id", "doctor.id"], name=op.f("fk_visit_clinic_id_doctor_id")
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "patient_id"], ["patient.clinic_id", "patient.id"], name=op.f("fk_visit_clinic_id_patient_id")
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "room_id"], ["room.clinic_id", "room.id"], name=op.f("fk_visit_clinic_id_room_id")
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "service_id"], ["service.clinic_id", "service.id"], name=op.f("fk_visit_clinic_id_service_id")
        ),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_visit_clinic_id")),
        sa.ForeignKeyConstraint(["created_by_id"], ["user.id"], name=op.f("fk_visit_created_by_id")),
        sa.ForeignKeyConstraint(["updated_by_id"], ["user.id"], name=op.f("fk_visit_updated_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visit")),
        sa.UniqueConstraint("clinic_id", "id", name=op.f("uq_visit_clinic_id_id")),
        sa.UniqueConstraint(
            "clinic_id", "service_day", "queue_number", name=op.f("uq_visit_clinic_id_service_day_queue_number")
        ),
        sa.UniqueConstraint("public_token", name=op.f("uq_visit_public_token")),
    )
    with op.batch_alter_table("visit", schema=None) as batch_op:
        batch_op.create_index("ix_visit_clinic_id_service_day", ["clinic_id", "service_day", "status"], unique=False)
        batch_op.create_index(
            "ix_visit_line",
            ["clinic_id", "service_day", "doctor_id"],
            unique=False,
            sqlite_where=sa.text("status IN ('WAITING', 'CALLED', 'IN_PROGRESS')"),
            postgresql_where=sa.text("status IN ('WAITING', 'CALLED', 'IN_PROGRESS')"),
        )
        batch_op.create_index(
            "ix_visit_open",
            ["clinic_id", "service_day", "status"],
            unique=False,
            sqlite_where=sa.text("status IN ('CALLED', 'IN_PROGRESS', 'PENDING_PAYMENT', 'SCHEDULED', 'WAITING')"),
            postgresql_where=sa.text("status IN ('CALLED', 'IN_PROGRESS', 'PENDING_PAYMENT', 'SCHEDULED', 'WAITING')"),
        )
        batch_op.create_index("ix_visit_patient_id", ["patient_id", "service_day"], unique=False)
        batch_op.create_index(
            "uq_visit_active_patient",
            ["clinic_id", "patient_id"],
            unique=True,
            sqlite_where=sa.text("status IN ('WAITING', 'CALLED', 'IN_PROGRESS')"),
            postgresql_where=sa.text("status IN ('WAITING', 'CALLED', 'IN_PROGRESS')"),
        )
        batch_op.create_index(
            "uq_visit_appointment_id",
            ["appointment_id"],
            unique=True,
            sqlite_where=sa.text("appointment_id IS NOT NULL"),
            postgresql_where=sa.text("appointment_id IS NOT NULL"),
        )
        batch_op.create_index(
            "uq_visit_doctor_in_progress",
            ["doctor_id"],
            unique=True,
            sqlite_where=sa.text("status = 'IN_PROGRESS'"),
            postgresql_where=sa.text("status = 'IN_PROGRESS'"),
        )

    op.create_table(
        "waitlist_entry",
        sa.Column("clinic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("patient_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("service_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("doctor_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("department_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("not_before", sa.Time(), nullable=True),
        sa.Column("not_after", sa.Time(), nullable=True),
        sa.Column(
            "priority",
            sa.Enum(
                "NORMAL", "PRIORITY", "EMERGENCY", name="priority", native_enum=False, create_constraint=True, length=24
            ),
            nullable=False,
        ),
        sa.Column(
            "status",
            sa.Enum(
                "ACTIVE",
                "NOTIFIED",
                "CONVERTED",
                "EXPIRED",
                "CANCELLED",
                name="waitlist_status",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("note", sa.String(length=500), nullable=False),
        sa.Column("appointment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("updated_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.CheckConstraint(
            "(status = 'CONVERTED') = (appointment_id IS NOT NULL)", name=op.f("ck_waitlist_entry_appointment")
        ),
        sa.CheckConstraint("first_day <= last_day", name=op.f("ck_waitlist_entry_days")),
        sa.ForeignKeyConstraint(
            ["clinic_id", "appointment_id"],
            ["appointment.clinic_id", "appointment.id"],
            name=op.f("fk_waitlist_entry_clinic_id_appointment_id"),
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "department_id"],
            ["department.clinic_id", "department.id"],
            name=op.f("fk_waitlist_entry_clinic_id_department_id"),
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "doctor_id"],
            ["doctor.clinic_id", "doctor.id"],
            name=op.f("fk_waitlist_entry_clinic_id_doctor_id"),
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "patient_id"],
            ["patient.clinic_id", "patient.id"],
            name=op.f("fk_waitlist_entry_clinic_id_patient_id"),
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "service_id"],
            ["service.clinic_id", "service.id"],
            name=op.f("fk_waitlist_entry_clinic_id_service_id"),
        ),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_waitlist_entry_clinic_id")),
        sa.ForeignKeyConstraint(["created_by_id"], ["user.id"], name=op.f("fk_waitlist_entry_created_by_id")),
        sa.ForeignKeyConstraint(["updated_by_id"], ["user.id"], name=op.f("fk_waitlist_entry_updated_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_waitlist_entry")),
        sa.UniqueConstraint("clinic_id", "id", name=op.f("uq_waitlist_entry_clinic_id_id")),
    )
    with op.batch_alter_table("waitlist_entry", schema=None) as batch_op:
        batch_op.create_index(
            "ix_waitlist_entry_open",
            ["clinic_id", "first_day"],
            unique=False,
            sqlite_where=sa.text("status IN ('ACTIVE', 'NOTIFIED')"),
            postgresql_where=sa.text("status IN ('ACTIVE', 'NOTIFIED')"),
        )
        batch_op.create_index("ix_waitlist_entry_patient_id", ["patient_id"], unique=False)

    op.create_table(
        "medical_record",
        sa.Column("clinic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("visit_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("patient_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("doctor_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "REGISTRATION",
                "OPEN",
                "CLOSED",
                name="record_state",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("updated_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.ForeignKeyConstraint(
            ["clinic_id", "doctor_id"],
            ["doctor.clinic_id", "doctor.id"],
            name=op.f("fk_medical_record_clinic_id_doctor_id"),
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "patient_id"],
            ["patient.clinic_id", "patient.id"],
            name=op.f("fk_medical_record_clinic_id_patient_id"),
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "visit_id"],
            ["visit.clinic_id", "visit.id"],
            name=op.f("fk_medical_record_clinic_id_visit_id"),
        ),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_medical_record_clinic_id")),
        sa.ForeignKeyConstraint(["created_by_id"], ["user.id"], name=op.f("fk_medical_record_created_by_id")),
        sa.ForeignKeyConstraint(["updated_by_id"], ["user.id"], name=op.f("fk_medical_record_updated_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_medical_record")),
        sa.UniqueConstraint("clinic_id", "id", name=op.f("uq_medical_record_clinic_id_id")),
        sa.UniqueConstraint("visit_id", name=op.f("uq_medical_record_visit_id")),
    )
    op.create_table(
        "payment",
        sa.Column("clinic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("visit_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("patient_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "PENDING",
                "PARTIALLY_PAID",
                "PAID",
                "REFUNDED",
                "CANCELLED",
                name="payment_status",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("invoice_no", sa.String(length=24), nullable=True),
        sa.Column("total_amount", sa.BigInteger(), nullable=False),
        sa.Column("insurance_amount", sa.BigInteger(), nullable=False),
        sa.Column("self_pay_amount", sa.BigInteger(), nullable=False),
        sa.Column("amount_paid", sa.BigInteger(), nullable=False),
        sa.Column("refunded_amount", sa.BigInteger(), nullable=False),
        sa.Column("doctor_share", sa.BigInteger(), nullable=False),
        sa.Column("center_share", sa.BigInteger(), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("updated_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.CheckConstraint("(status IN ('PAID', 'REFUNDED')) = (paid_at IS NOT NULL)", name=op.f("ck_payment_paid_at")),
        sa.CheckConstraint("status <> 'PAID' OR amount_paid = self_pay_amount", name=op.f("ck_payment_paid")),
        sa.CheckConstraint("status <> 'PENDING' OR amount_paid = 0", name=op.f("ck_payment_pending")),
        sa.CheckConstraint(
            "typeof(total_amount) IN ('integer', 'null') AND typeof(insurance_amount) IN ('integer', 'null') AND typeof(self_pay_amount) IN ('integer', 'null') AND typeof(amount_paid) IN ('integer', 'null') AND typeof(refunded_amount) IN ('integer', 'null') AND typeof(doctor_share) IN ('integer', 'null') AND typeof(center_share) IN ('integer', 'null')",
            name=op.f("ck_payment_whole_units"),
        ).ddl_if(dialect="sqlite"),
        sa.CheckConstraint("amount_paid BETWEEN 0 AND self_pay_amount", name=op.f("ck_payment_amount_paid")),
        sa.CheckConstraint("doctor_share + center_share = total_amount", name=op.f("ck_payment_shares")),
        sa.CheckConstraint("insurance_amount + self_pay_amount = total_amount", name=op.f("ck_payment_sides")),
        sa.CheckConstraint(
            "insurance_amount >= 0 AND self_pay_amount >= 0 AND doctor_share >= 0 AND center_share >= 0",
            name=op.f("ck_payment_signs"),
        ),
        sa.CheckConstraint("refunded_amount BETWEEN 0 AND amount_paid", name=op.f("ck_payment_refunded_amount")),
        sa.ForeignKeyConstraint(
            ["clinic_id", "patient_id"],
            ["patient.clinic_id", "patient.id"],
            name=op.f("fk_payment_clinic_id_patient_id"),
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "visit_id"], ["visit.clinic_id", "visit.id"], name=op.f("fk_payment_clinic_id_visit_id")
        ),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_payment_clinic_id")),
        sa.ForeignKeyConstraint(["created_by_id"], ["user.id"], name=op.f("fk_payment_created_by_id")),
        sa.ForeignKeyConstraint(["updated_by_id"], ["user.id"], name=op.f("fk_payment_updated_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment")),
        sa.UniqueConstraint("clinic_id", "id", name=op.f("uq_payment_clinic_id_id")),
        sa.UniqueConstraint("clinic_id", "invoice_no", name=op.f("uq_payment_clinic_id_invoice_no")),
    )
    with op.batch_alter_table("payment", schema=None) as batch_op:
        batch_op.create_index(
            "ix_payment_open",
            ["clinic_id", "patient_id"],
            unique=False,
            sqlite_where=sa.text("status IN ('PENDING', 'PARTIALLY_PAID')"),
            postgresql_where=sa.text("status IN ('PENDING', 'PARTIALLY_PAID')"),
        )
        batch_op.create_index(
            "uq_payment_visit_id",
            ["visit_id"],
            unique=True,
            sqlite_where=sa.text("visit_id IS NOT NULL"),
            postgresql_where=sa.text("visit_id IS NOT NULL"),
        )

    op.create_table(
        "visit_event",
        sa.Column("clinic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("visit_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("move", sa.String(length=24), nullable=False),
        sa.Column("from_status", sa.String(length=24), nullable=True),
        sa.Column("to_status", sa.String(length=24), nullable=False),
        sa.Column("actor_kind", sa.String(length=16), nullable=False),
        sa.Column("actor_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("roles", sa.String(length=120), nullable=False),
        sa.Column("undoes_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("was", sa.JSON(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["clinic_id", "undoes_id"],
            ["visit_event.clinic_id", "visit_event.id"],
            name=op.f("fk_visit_event_clinic_id_undoes_id"),
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "visit_id"], ["visit.clinic_id", "visit.id"], name=op.f("fk_visit_event_clinic_id_visit_id")
        ),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_visit_event_clinic_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visit_event")),
        sa.UniqueConstraint("clinic_id", "id", name=op.f("uq_visit_event_clinic_id_id")),
    )
    with op.batch_alter_table("visit_event", schema=None) as batch_op:
        batch_op.create_index("ix_visit_event_visit_id", ["visit_id", "id"], unique=False)
        batch_op.create_index(
            "uq_visit_event_undoes_id",
            ["undoes_id"],
            unique=True,
            sqlite_where=sa.text("undoes_id IS NOT NULL"),
            postgresql_where=sa.text("undoes_id IS NOT NULL"),
        )

    op.create_table(
        "waitlist_offer",
        sa.Column("clinic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("entry_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("doctor_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("offered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer_by", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "OPEN",
                "ACCEPTED",
                "DECLINED",
                "EXPIRED",
                name="offer_status",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("hold_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["clinic_id", "doctor_id"],
            ["doctor.clinic_id", "doctor.id"],
            name=op.f("fk_waitlist_offer_clinic_id_doctor_id"),
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "entry_id"],
            ["waitlist_entry.clinic_id", "waitlist_entry.id"],
            name=op.f("fk_waitlist_offer_clinic_id_entry_id"),
        ),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_waitlist_offer_clinic_id")),
        sa.ForeignKeyConstraint(["hold_id"], ["hold.id"], name=op.f("fk_waitlist_offer_hold_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_waitlist_offer")),
        sa.UniqueConstraint("clinic_id", "id", name=op.f("uq_waitlist_offer_clinic_id_id")),
    )
    with op.batch_alter_table("waitlist_offer", schema=None) as batch_op:
        batch_op.create_index("ix_waitlist_offer_entry_id", ["entry_id"], unique=False)
        batch_op.create_index(
            "uq_waitlist_offer_open",
            ["entry_id"],
            unique=True,
            sqlite_where=sa.text("status = 'OPEN'"),
            postgresql_where=sa.text("status = 'OPEN'"),
        )

    op.create_table(
        "bill_line",
        sa.Column("clinic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("payment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("SERVICE", "DISCOUNT", name="line_kind", native_enum=False, create_constraint=True, length=24),
            nullable=False,
        ),
        sa.Column("service_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("doctor_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("unit_price", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("updated_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.CheckConstraint(
            "typeof(unit_price) IN ('integer', 'null') AND typeof(amount) IN ('integer', 'null')",
            name=op.f("ck_bill_line_whole_units"),
        ).ddl_if(dialect="sqlite"),
        sa.CheckConstraint("amount = quantity * unit_price", name=op.f("ck_bill_line_amount")),
        sa.CheckConstraint("quantity BETWEEN 1 AND 10000", name=op.f("ck_bill_line_quantity")),
        sa.ForeignKeyConstraint(
            ["clinic_id", "doctor_id"], ["doctor.clinic_id", "doctor.id"], name=op.f("fk_bill_line_clinic_id_doctor_id")
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "payment_id"],
            ["payment.clinic_id", "payment.id"],
            name=op.f("fk_bill_line_clinic_id_payment_id"),
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "service_id"],
            ["service.clinic_id", "service.id"],
            name=op.f("fk_bill_line_clinic_id_service_id"),
        ),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_bill_line_clinic_id")),
        sa.ForeignKeyConstraint(["created_by_id"], ["user.id"], name=op.f("fk_bill_line_created_by_id")),
        sa.ForeignKeyConstraint(["updated_by_id"], ["user.id"], name=op.f("fk_bill_line_updated_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bill_line")),
        sa.UniqueConstraint("clinic_id", "id", name=op.f("uq_bill_line_clinic_id_id")),
    )
    with op.batch_alter_table("bill_line", schema=None) as batch_op:
        batch_op.create_index("ix_bill_line_payment_id", ["payment_id"], unique=False)

    op.create_table(
        "operation",
        sa.Column("clinic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "CHARGE",
                "PAYMENT",
                "REFUND",
                "EXPENSE",
                "TRANSFER",
                "DEPOSIT",
                "BONUS",
                "ADJUSTMENT",
                name="ledger_kind",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("receipt_no", sa.String(length=24), nullable=False),
        sa.Column("payment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("cashier_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("cash_received", sa.BigInteger(), nullable=False),
        sa.Column("change_given", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "typeof(amount) IN ('integer', 'null') AND typeof(cash_received) IN ('integer', 'null') AND typeof(change_given) IN ('integer', 'null')",
            name=op.f("ck_operation_whole_units"),
        ).ddl_if(dialect="sqlite"),
        sa.CheckConstraint("amount > 0", name=op.f("ck_operation_amount")),
        sa.CheckConstraint("change_given >= 0 AND cash_received >= change_given", name=op.f("ck_operation_change")),
        sa.ForeignKeyConstraint(["cashier_id"], ["user.id"], name=op.f("fk_operation_cashier_id")),
        sa.ForeignKeyConstraint(
            ["clinic_id", "payment_id"],
            ["payment.clinic_id", "payment.id"],
            name=op.f("fk_operation_clinic_id_payment_id"),
        ),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_operation_clinic_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operation")),
        sa.UniqueConstraint("clinic_id", "id", name=op.f("uq_operation_clinic_id_id")),
        sa.UniqueConstraint("clinic_id", "receipt_no", name=op.f("uq_operation_clinic_id_receipt_no")),
    )
    with op.batch_alter_table("operation", schema=None) as batch_op:
        batch_op.create_index("ix_operation_payment_id", ["payment_id"], unique=False)

    op.create_table(
        "ledger_entry",
        sa.Column("clinic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "CHARGE",
                "PAYMENT",
                "REFUND",
                "EXPENSE",
                "TRANSFER",
                "DEPOSIT",
                "BONUS",
                "ADJUSTMENT",
                name="ledger_kind",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("debit_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("credit_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column(
            "method",
            sa.Enum(
                "CASH",
                "CARD",
                "BANK_TRANSFER",
                "BONUS",
                "DEPOSIT",
                "INSURANCE",
                name="method",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=True,
        ),
        sa.Column("cashbox_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("payment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("service_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("patient_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("appointment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("cashier_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("operation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("event_kind", sa.String(length=24), nullable=False),
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("purpose", sa.String(length=40), nullable=False),
        sa.Column("reverses_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("typeof(amount) IN ('integer', 'null')", name=op.f("ck_ledger_entry_whole_units")).ddl_if(
            dialect="sqlite"
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_ledger_entry_amount")),
        sa.CheckConstraint("debit_id <> credit_id", name=op.f("ck_ledger_entry_accounts")),
        sa.ForeignKeyConstraint(["cashier_id"], ["user.id"], name=op.f("fk_ledger_entry_cashier_id")),
        sa.ForeignKeyConstraint(
            ["clinic_id", "appointment_id"],
            ["appointment.clinic_id", "appointment.id"],
            name=op.f("fk_ledger_entry_clinic_id_appointment_id"),
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "cashbox_id"],
            ["cashbox.clinic_id", "cashbox.id"],
            name=op.f("fk_ledger_entry_clinic_id_cashbox_id"),
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "credit_id"],
            ["account.clinic_id", "account.id"],
            name=op.f("fk_ledger_entry_clinic_id_credit_id"),
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "debit_id"],
            ["account.clinic_id", "account.id"],
            name=op.f("fk_ledger_entry_clinic_id_debit_id"),
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "operation_id"],
            ["operation.clinic_id", "operation.id"],
            name=op.f("fk_ledger_entry_clinic_id_operation_id"),
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "patient_id"],
            ["patient.clinic_id", "patient.id"],
            name=op.f("fk_ledger_entry_clinic_id_patient_id"),
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "payment_id"],
            ["payment.clinic_id", "payment.id"],
            name=op.f("fk_ledger_entry_clinic_id_payment_id"),
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "reverses_id"],
            ["ledger_entry.clinic_id", "ledger_entry.id"],
            name=op.f("fk_ledger_entry_clinic_id_reverses_id"),
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "service_id"],
            ["service.clinic_id", "service.id"],
            name=op.f("fk_ledger_entry_clinic_id_service_id"),
        ),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_ledger_entry_clinic_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_entry")),
        sa.UniqueConstraint("clinic_id", "id", name=op.f("uq_ledger_entry_clinic_id_id")),
        sa.UniqueConstraint(
            "event_kind", "event_id", "purpose", name=op.f("uq_ledger_entry_event_kind_event_id_purpose")
        ),
    )
    with op.batch_alter_table("ledger_entry", schema=None) as batch_op:
        batch_op.create_index("ix_ledger_entry_clinic_id_day", ["clinic_id", "day", "id"], unique=False)
        batch_op.create_index("ix_ledger_entry_credit_id", ["credit_id"], unique=False)
        batch_op.create_index("ix_ledger_entry_debit_id", ["debit_id"], unique=False)
        batch_op.create_index("ix_ledger_entry_payment_id", ["payment_id"], unique=False)
        batch_op.create_index(
            "uq_ledger_entry_reverses_id",
            ["reverses_id"],
            unique=True,
            sqlite_where=sa.text("reverses_id IS NOT NULL"),
            postgresql_where=sa.text("reverses_id IS NOT NULL"),
        )
    guards.make(op.get_bind(), "0001")
    guards.fill_state_moves(op.get_bind(), STATE_MOVES)


def downgrade():
    guards.drop(op.get_bind(), "0001")
    with op.batch_alter_table("ledger_entry", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_ledger_entry_reverses_id",
            sqlite_where=sa.text("reverses_id IS NOT NULL"),
            postgresql_where=sa.text("reverses_id IS NOT NULL"),
        )
        batch_op.drop_index("ix_ledger_entry_payment_id")
        batch_op.drop_index("ix_ledger_entry_debit_id")
        batch_op.drop_index("ix_ledger_entry_credit_id")
        batch_op.drop_index("ix_ledger_entry_clinic_id_day")

    op.drop_table("ledger_entry")
    with op.batch_alter_table("operation", schema=None) as batch_op:
        batch_op.drop_index("ix_operation_payment_id")

    op.drop_table("operation")
    with op.batch_alter_table("bill_line", schema=None) as batch_op:
        batch_op.drop_index("ix_bill_line_payment_id")

    op.drop_table("bill_line")
    with op.batch_alter_table("waitlist_offer", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_waitlist_offer_open",
            sqlite_where=sa.text("status = 'OPEN'"),
            postgresql_where=sa.text("status = 'OPEN'"),
        )
        batch_op.drop_index("ix_waitlist_offer_entry_id")

    op.drop_table("waitlist_offer")
    with op.batch_alter_table("visit_event", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_visit_event_undoes_id",
            sqlite_where=sa.text("undoes_id IS NOT NULL"),
            postgresql_where=sa.text("undoes_id IS NOT NULL"),
        )
        batch_op.drop_index("ix_visit_event_visit_id")

    op.drop_table("visit_event")
    with op.batch_alter_table("payment", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_payment_visit_id",
            sqlite_where=sa.text("visit_id IS NOT NULL"),
            postgresql_where=sa.text("visit_id IS NOT NULL"),
        )
        batch_op.drop_index(
            "ix_payment_open",
            sqlite_where=sa.text("status IN ('PENDING', 'PARTIALLY_PAID')"),
            postgresql_where=sa.text("status IN ('PENDING', 'PARTIALLY_PAID')"),
        )

    op.drop_table("payment")
    op.drop_table("medical_record")
    with op.batch_alter_table("waitlist_entry", schema=None) as batch_op:
        batch_op.drop_index("ix_waitlist_entry_patient_id")
        batch_op.drop_index(
            "ix_waitlist_entry_open",
            sqlite_where=sa.text("status IN ('ACTIVE', 'NOTIFIED')"),
            postgresql_where=sa.text("status IN ('ACTIVE', 'NOTIFIED')"),
        )

    op.drop_table("waitlist_entry")
    with op.batch_alter_table("visit", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_visit_doctor_in_progress",
            sqlite_where=sa.text("status = 'IN_PROGRESS'"),
            postgresql_where=sa.text("status = 'IN_PROGRESS'"),
        )
        batch_op.drop_index(
            "uq_visit_appointment_id",
            sqlite_where=sa.text("appointment_id IS NOT NULL"),
            postgresql_where=sa.text("appointment_id IS NOT NULL"),
        )
        batch_op.drop_index(
            "uq_visit_active_patient",
            sqlite_where=sa.text("status IN ('WAITING', 'CALLED', 'IN_PROGRESS')"),
            postgresql_where=sa.text("status IN ('WAITING', 'CALLED', 'IN_PROGRESS')"),
        )
        batch_op.drop_index("ix_visit_patient_id")
        batch_op.drop_index(
            "ix_visit_open",
            sqlite_where=sa.text("status IN ('CALLED', 'IN_PROGRESS', 'PENDING_PAYMENT', 'SCHEDULED', 'WAITING')"),
            postgresql_where=sa.text("status IN ('CALLED', 'IN_PROGRESS', 'PENDING_PAYMENT', 'SCHEDULED', 'WAITING')"),
        )
        batch_op.drop_index(
            "ix_visit_line",
            sqlite_where=sa.text("status IN ('WAITING', 'CALLED', 'IN_PROGRESS')"),
            postgresql_where=sa.text("status IN ('WAITING', 'CALLED', 'IN_PROGRESS')"),
        )
        batch_op.drop_index("ix_visit_clinic_id_service_day")

    op.drop_table("visit")
    with op.batch_alter_table("appointment_place", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_appointment_place_hold_id",
            sqlite_where=sa.text("hold_id IS NOT NULL"),
            postgresql_where=sa.text("hold_id IS NOT NULL"),
        )
        batch_op.drop_index("ix_appointment_place_appointment_id")

    op.drop_table("appointment_place")
    with op.batch_alter_table("slot", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_slot_closed", sqlite_where=sa.text("NOT is_open"), postgresql_where=sa.text("NOT is_open")
        )

    op.drop_table("slot")
    with op.batch_alter_table("hold", schema=None) as batch_op:
        batch_op.drop_index("ix_hold_until")

    op.drop_table("hold")
    with op.batch_alter_table("appointment", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_appointment_schedule_id_patient_id",
            sqlite_where=sa.text("status IN ('CONFIRMED', 'CHECKED_IN', 'COMPLETED')"),
            postgresql_where=sa.text("status IN ('CONFIRMED', 'CHECKED_IN', 'COMPLETED')"),
        )
        batch_op.drop_index(
            "uq_appointment_clinic_id_source_key",
            sqlite_where=sa.text("source_key IS NOT NULL"),
            postgresql_where=sa.text("source_key IS NOT NULL"),
        )
        batch_op.drop_index(
            "ix_appointment_series",
            sqlite_where=sa.text("series IS NOT NULL"),
            postgresql_where=sa.text("series IS NOT NULL"),
        )
        batch_op.drop_index("ix_appointment_patient_id")
        batch_op.drop_index(
            "ix_appointment_confirmed",
            sqlite_where=sa.text("status = 'CONFIRMED'"),
            postgresql_where=sa.text("status = 'CONFIRMED'"),
        )
        batch_op.drop_index("ix_appointment_clinic_id_day")

    op.drop_table("appointment")
    with op.batch_alter_table("schedule", schema=None) as batch_op:
        batch_op.drop_index("ix_schedule_clinic_id_day")

    op.drop_table("schedule")
    op.drop_table("cashbox")
    op.drop_table("service_price")
    with op.batch_alter_table("schedule_template", schema=None) as batch_op:
        batch_op.drop_index("ix_schedule_template_doctor_id")

    op.drop_table("schedule_template")
    with op.batch_alter_table("account", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_account_patient",
            sqlite_where=sa.text("patient_id IS NOT NULL"),
            postgresql_where=sa.text("patient_id IS NOT NULL"),
        )
        batch_op.drop_index(
            "uq_account_kind",
            sqlite_where=sa.text("kind IN ('INCOME', 'EXPENSE', 'DIFFERENCE')"),
            postgresql_where=sa.text("kind IN ('INCOME', 'EXPENSE', 'DIFFERENCE')"),
        )
        batch_op.drop_index(
            "uq_account_doctor",
            sqlite_where=sa.text("doctor_id IS NOT NULL"),
            postgresql_where=sa.text("doctor_id IS NOT NULL"),
        )

    op.drop_table("account")
    with op.batch_alter_table("access_review", schema=None) as batch_op:
        batch_op.drop_index("ix_access_review_clinic_id")

    op.drop_table("access_review")
    with op.batch_alter_table("absence", schema=None) as batch_op:
        batch_op.drop_index("ix_absence_clinic_id_starts_at")

    op.drop_table("absence")
    op.drop_table("service")
    with op.batch_alter_table("room_use", schema=None) as batch_op:
        batch_op.drop_index("ix_room_use_room_id_starts_at")

    op.drop_table("room_use")
    with op.batch_alter_table("room_maintenance", schema=None) as batch_op:
        batch_op.drop_index("ix_room_maintenance_room_id_starts_at")

    op.drop_table("room_maintenance")
    with op.batch_alter_table("questionnaire_answer", schema=None) as batch_op:
        batch_op.drop_index("ix_questionnaire_answer_patient_id")

    op.drop_table("questionnaire_answer")
    with op.batch_alter_table("patient_merge", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_patient_merge_gone_id",
            sqlite_where=sa.text("undone_at IS NULL"),
            postgresql_where=sa.text("undone_at IS NULL"),
        )
        batch_op.drop_index("ix_patient_merge_kept_id")

    op.drop_table("patient_merge")
    with op.batch_alter_table("patient_key", schema=None) as batch_op:
        batch_op.drop_index("ix_patient_key_patient_id")

    op.drop_table("patient_key")
    op.drop_table("pairing_code")
    with op.batch_alter_table("duplicate_pair", schema=None) as batch_op:
        batch_op.drop_index("ix_duplicate_pair_second_id")
        batch_op.drop_index("ix_duplicate_pair_score")

    op.drop_table("duplicate_pair")
    with op.batch_alter_table("doctor", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_doctor_clinic_id_user_id",
            sqlite_where=sa.text("user_id IS NOT NULL"),
            postgresql_where=sa.text("user_id IS NOT NULL"),
        )
        batch_op.drop_index(
            "uq_doctor_clinic_id_phone",
            sqlite_where=sa.text("phone IS NOT NULL"),
            postgresql_where=sa.text("phone IS NOT NULL"),
        )

    op.drop_table("doctor")
    op.drop_table("different_people")
    with op.batch_alter_table("consent", schema=None) as batch_op:
        batch_op.drop_index("ix_consent_patient_id")

    op.drop_table("consent")
    with op.batch_alter_table("access_entry", schema=None) as batch_op:
        batch_op.drop_index("ix_access_entry_patient_id")
        batch_op.drop_index("ix_access_entry_clinic_id")

    op.drop_table("access_entry")
    op.drop_table("specialization")
    with op.batch_alter_table("shift_note", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_shift_note_open", sqlite_where=sa.text("done_at IS NULL"), postgresql_where=sa.text("done_at IS NULL")
        )

    op.drop_table("shift_note")
    op.drop_table("service_type")
    op.drop_table("saved_search")
    op.drop_table("room")
    op.drop_table("queue_counter")
    op.drop_table("questionnaire")
    with op.batch_alter_table("patient", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_patient_document",
            sqlite_where=sa.text("document_number IS NOT NULL"),
            postgresql_where=sa.text("document_number IS NOT NULL"),
        )
        batch_op.drop_index(
            "uq_patient_clinic_id_tax_id",
            sqlite_where=sa.text("tax_id IS NOT NULL"),
            postgresql_where=sa.text("tax_id IS NOT NULL"),
        )
        batch_op.drop_index(
            "uq_patient_clinic_id_source_key",
            sqlite_where=sa.text("source_key IS NOT NULL"),
            postgresql_where=sa.text("source_key IS NOT NULL"),
        )
        batch_op.drop_index(
            "uq_patient_clinic_id_phone",
            sqlite_where=sa.text("phone IS NOT NULL"),
            postgresql_where=sa.text("phone IS NOT NULL"),
        )
        batch_op.drop_index(
            "uq_patient_clinic_id_national_id",
            sqlite_where=sa.text("national_id IS NOT NULL"),
            postgresql_where=sa.text("national_id IS NOT NULL"),
        )
        batch_op.drop_index(
            "ix_patient_region",
            sqlite_where=sa.text("region_code IS NOT NULL"),
            postgresql_where=sa.text("region_code IS NOT NULL"),
        )
        batch_op.drop_index(
            "ix_patient_needs",
            sqlite_where=sa.text("special_needs <> ''"),
            postgresql_where=sa.text("special_needs <> ''"),
        )
        batch_op.drop_index(
            "ix_patient_merged_into_id",
            sqlite_where=sa.text("merged_into_id IS NOT NULL"),
            postgresql_where=sa.text("merged_into_id IS NOT NULL"),
        )
        batch_op.drop_index(
            "ix_patient_guardian_id",
            sqlite_where=sa.text("guardian_id IS NOT NULL"),
            postgresql_where=sa.text("guardian_id IS NOT NULL"),
        )
        batch_op.drop_index(
            "ix_patient_district",
            sqlite_where=sa.text("district_code IS NOT NULL"),
            postgresql_where=sa.text("district_code IS NOT NULL"),
        )
        batch_op.drop_index("ix_patient_clinic_id_folded")
        batch_op.drop_index("ix_patient_clinic_id_date_of_birth")
        batch_op.drop_index("ix_patient_clinic_id_created_at")

    op.drop_table("patient")
    with op.batch_alter_table("membership", schema=None) as batch_op:
        batch_op.drop_index("ix_membership_user_id")

    op.drop_table("membership")
    with op.batch_alter_table("login_session", schema=None) as batch_op:
        batch_op.drop_index("ix_login_session_user_id")

    op.drop_table("login_session")
    op.drop_table("live_region")
    with op.batch_alter_table("import_run", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_import_run_running",
            sqlite_where=sa.text("state = 'RUNNING'"),
            postgresql_where=sa.text("state = 'RUNNING'"),
        )

    op.drop_table("import_run")
    with op.batch_alter_table("idempotency_key", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_idempotency_key_created_at"))

    op.drop_table("idempotency_key")
    with op.batch_alter_table("field_history", schema=None) as batch_op:
        batch_op.drop_index("ix_field_history_entity")

    op.drop_table("field_history")
    op.drop_table("device")
    op.drop_table("department")
    op.drop_table("counter")
    op.drop_table("closed_day")
    op.drop_table("audit_head")
    with op.batch_alter_table("audit_entry", schema=None) as batch_op:
        batch_op.drop_index("ix_audit_entry_entity")

    op.drop_table("audit_entry")
    op.drop_table("api_token")
    op.drop_table("settlement")
    op.drop_table("clinic")
    op.drop_table("organisation")
    op.drop_table("district")
    op.drop_table("user")
    op.drop_table("state_move")
    op.drop_table("region")
    op.drop_table("icd_title")
