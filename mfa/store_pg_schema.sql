-- store_pg_schema.sql - the token store of pgsignet in PostgreSQL 13 to 18, schema version 1.
--
-- Run by `pgsignet-mfa init`, or by hand in the store's database, as its owner or a superuser:
--
--     pgsignet-mfa init --print-sql | psql -X -v ON_ERROR_STOP=1 -d pgsignet
--
-- in one transaction either way.  It makes the schema pgsignet_mfa, and two roles if they are not there:
-- pgsignet_store for the daemons and pgsignet_admin for pgsignet-mfa, both without a password.
--
-- Names, addresses and reasons are bytea: they are bytes from anywhere, in no encoding.  Times are Unix
-- times.  The checks bound what a row can hold; they do not say what it means.
SET LOCAL client_min_messages = warning;
SET LOCAL search_path = pg_catalog, pg_temp;

DO $do$
DECLARE
    login text;
    attributes record;
BEGIN
    FOREACH login IN ARRAY ARRAY['pgsignet_store', 'pgsignet_admin'] LOOP
        SELECT rolsuper, rolcreaterole, rolbypassrls INTO attributes FROM pg_roles WHERE rolname = login;
        IF NOT FOUND THEN
            EXECUTE format('CREATE ROLE %I LOGIN NOINHERIT', login);
        ELSIF login = 'pgsignet_store' AND (attributes.rolsuper OR attributes.rolcreaterole) THEN
            RAISE EXCEPTION 'the role pgsignet_store may do more than use the store; '
                            'ALTER ROLE pgsignet_store NOSUPERUSER NOCREATEROLE';
        END IF;
    END LOOP;
END
$do$;

CREATE SCHEMA pgsignet_mfa;

CREATE TABLE pgsignet_mfa.schema_version (
    one      bigint PRIMARY KEY CHECK (one = 1),
    version  bigint NOT NULL
);

CREATE TABLE pgsignet_mfa.data_key (
    id       bigint PRIMARY KEY
);

CREATE TABLE pgsignet_mfa.data_key_wrap (
    data_key bigint NOT NULL REFERENCES pgsignet_mfa.data_key ON DELETE CASCADE,
    kek_id   bytea NOT NULL CHECK (octet_length(kek_id) <= 16),
    wrapped  bytea NOT NULL CHECK (octet_length(wrapped) <= 256),
    PRIMARY KEY (data_key, kek_id)
);

CREATE TABLE pgsignet_mfa.store (
    one           bigint PRIMARY KEY CHECK (one = 1),
    id            bytea NOT NULL CHECK (octet_length(id) = 16),
    hash_data_key bigint NOT NULL REFERENCES pgsignet_mfa.data_key,
    audit         bytea NOT NULL CHECK (octet_length(audit) <= 256),
    bucket        bytea NOT NULL CHECK (octet_length(bucket) <= 256)
);

CREATE TABLE pgsignet_mfa.state (
    one      bigint PRIMARY KEY CHECK (one = 1),
    floor_s  bigint NOT NULL,
    moved    bigint NOT NULL,
    home     bytea NOT NULL CHECK (octet_length(home) < 96)
);

-- A row of it is locked while an attempt is judged: attempts of one name take turns, from all hosts.
CREATE TABLE pgsignet_mfa.guard (
    id       bigint PRIMARY KEY,
    unused   bigint
);
INSERT INTO pgsignet_mfa.guard (id) SELECT g FROM generate_series(0, 1023) AS g;

CREATE TABLE pgsignet_mfa.user (
    id          bigint PRIMARY KEY,
    name        bytea NOT NULL UNIQUE CHECK (octet_length(name) BETWEEN 1 AND 63),
    floor_s     bigint NOT NULL,
    locked_s    bigint NOT NULL,
    lock_reason bytea NOT NULL CHECK (octet_length(lock_reason) < 256)
);

CREATE TABLE pgsignet_mfa.user_key (
    user_id  bigint PRIMARY KEY REFERENCES pgsignet_mfa.user ON DELETE CASCADE,
    data_key bigint NOT NULL REFERENCES pgsignet_mfa.data_key,
    sealed   bytea NOT NULL CHECK (octet_length(sealed) <= 256)
);
CREATE INDEX user_key_data_key ON pgsignet_mfa.user_key (data_key);

CREATE TABLE pgsignet_mfa.token (
    id           bigint PRIMARY KEY,
    user_id      bigint NOT NULL REFERENCES pgsignet_mfa.user ON DELETE CASCADE,
    name         bytea NOT NULL CHECK (octet_length(name) BETWEEN 1 AND 64),
    state        bigint NOT NULL,
    algorithm    bigint NOT NULL,
    digits       bigint NOT NULL,
    period       bigint NOT NULL,
    created_s    bigint NOT NULL,
    confirmed_s  bigint NOT NULL,
    last_used_s  bigint NOT NULL,
    last_address bytea NOT NULL CHECK (octet_length(last_address) < 64),
    kind         bigint NOT NULL,
    last_step    bigint NOT NULL,
    version      bigint NOT NULL,
    secret       bytea NOT NULL CHECK (octet_length(secret) <= 256),
    clock_offset bigint NOT NULL,
    drift        bigint NOT NULL,
    synced_s     bigint NOT NULL,
    expires_s    bigint NOT NULL,
    UNIQUE (user_id, name)
) WITH (fillfactor = 70);

CREATE TABLE pgsignet_mfa.recovery (
    user_id    bigint PRIMARY KEY REFERENCES pgsignet_mfa.user ON DELETE CASCADE,
    salt       bytea NOT NULL CHECK (octet_length(salt) = 16),
    iterations bigint NOT NULL,
    created_s  bigint NOT NULL
);

CREATE TABLE pgsignet_mfa.recovery_code (
    id       bigint PRIMARY KEY,
    user_id  bigint NOT NULL REFERENCES pgsignet_mfa.recovery ON DELETE CASCADE,
    hash     bytea NOT NULL CHECK (octet_length(hash) = 32),
    used_s   bigint NOT NULL
);
CREATE INDEX recovery_code_user ON pgsignet_mfa.recovery_code (user_id);

CREATE TABLE pgsignet_mfa.break_glass (
    name          bytea PRIMARY KEY CHECK (octet_length(name) BETWEEN 1 AND 63),
    salt          bytea NOT NULL CHECK (octet_length(salt) = 16),
    iterations    bigint NOT NULL,
    hash          bytea NOT NULL CHECK (octet_length(hash) = 32),
    created_s     bigint NOT NULL,
    armed_until_s bigint NOT NULL,
    reason        bytea NOT NULL CHECK (octet_length(reason) < 256),
    armed_by      bytea NOT NULL CHECK (octet_length(armed_by) < 256)
);

-- Keyed hashes of names (or buckets of many), never names: what fails may be a mistyped password.
CREATE TABLE pgsignet_mfa.subject (
    id         bytea PRIMARY KEY CHECK (octet_length(id) <= 16),
    slot       bigint,
    failures   bigint NOT NULL,
    touched_ms bigint NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX subject_slot ON pgsignet_mfa.subject (slot) WHERE slot IS NOT NULL;

CREATE TABLE pgsignet_mfa.address (
    subject         bytea NOT NULL REFERENCES pgsignet_mfa.subject ON DELETE CASCADE,
    address         bytea NOT NULL CHECK (octet_length(address) <= 64),
    failures        bigint NOT NULL,
    last_failure_ms bigint NOT NULL,
    last_success_ms bigint NOT NULL,
    PRIMARY KEY (subject, address)
) WITH (fillfactor = 70);

-- The daemon reads, burns, and counts failures.  It cannot enrol, unlock, change a secret or a key.
REVOKE ALL ON SCHEMA pgsignet_mfa FROM PUBLIC;
GRANT USAGE ON SCHEMA pgsignet_mfa TO pgsignet_store, pgsignet_admin;
GRANT SELECT ON ALL TABLES IN SCHEMA pgsignet_mfa TO pgsignet_store;
GRANT UPDATE (unused) ON pgsignet_mfa.guard TO pgsignet_store;
GRANT UPDATE (state, confirmed_s, last_used_s, last_address, last_step, drift, synced_s, expires_s)
    ON pgsignet_mfa.token TO pgsignet_store;
GRANT UPDATE (used_s) ON pgsignet_mfa.recovery_code TO pgsignet_store;
GRANT UPDATE (floor_s, home) ON pgsignet_mfa.state TO pgsignet_store;
GRANT INSERT, UPDATE, DELETE ON pgsignet_mfa.subject, pgsignet_mfa.address TO pgsignet_store;

GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA pgsignet_mfa TO pgsignet_admin;
REVOKE INSERT, UPDATE, DELETE ON pgsignet_mfa.schema_version FROM pgsignet_admin;
REVOKE INSERT, DELETE ON pgsignet_mfa.guard FROM pgsignet_admin;

INSERT INTO pgsignet_mfa.schema_version VALUES (1, 1);
