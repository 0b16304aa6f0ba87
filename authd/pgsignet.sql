-- pgsignet.sql - what pgsignetd asks of PostgreSQL (13 to 18).
--
-- Run by a superuser with psql in the database that postgres.conninfo names; again at any time:
--
--     psql -d postgres -f pgsignet.sql                          superusers' verifiers are never shown
--     psql -d postgres -v superusers=include -f pgsignet.sql    ... or are, so that they can log in
--                                                               by password and code as well
--
-- It makes the role pgsignet (without a password: let it in by peer, certificate, or a password you
-- give it) and two functions that only this role may call.  Everything happens in one transaction.

\set ON_ERROR_STOP on
\if :{?superusers}
\else
    \set superusers exclude
\endif

BEGIN;
SET LOCAL client_min_messages = warning;
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL standard_conforming_strings = on;
SELECT set_config('pgsignet.superusers', :'superusers', true) AS superusers \gset

DO $do$
DECLARE
    stranger text;
BEGIN
    IF current_setting('is_superuser') <> 'on' THEN
        RAISE EXCEPTION 'pgsignet.sql must be run by a superuser: only they may read pg_authid';
    END IF;
    IF current_setting('pgsignet.superusers') NOT IN ('include', 'exclude') THEN
        RAISE EXCEPTION 'superusers is %, not include or exclude',
            quote_literal(current_setting('pgsignet.superusers'));
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'pgsignet') THEN
        CREATE ROLE pgsignet LOGIN NOINHERIT CONNECTION LIMIT 64;
    ELSIF (SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = 'pgsignet') THEN
        RAISE EXCEPTION 'the role pgsignet may do more than ask; ALTER ROLE pgsignet NOSUPERUSER NOCREATEROLE';
    END IF;

    -- Whoever can put functions into this schema decides who may log in.
    CREATE SCHEMA IF NOT EXISTS pgsignet;
    SELECT string_agg(DISTINCT pg_get_userbyid(who), ', ') INTO stranger
    FROM (SELECT nspowner AS who FROM pg_namespace WHERE nspname = 'pgsignet'
          UNION ALL
          SELECT a.grantee FROM pg_namespace, aclexplode(nspacl) a
          WHERE nspname = 'pgsignet' AND a.privilege_type = 'CREATE') AS w
    WHERE NOT EXISTS (SELECT FROM pg_roles r WHERE r.oid = w.who AND r.rolsuper);
    IF stranger IS NOT NULL THEN
        RAISE EXCEPTION 'the schema pgsignet belongs to, or may be written by, %', stranger
            USING HINT = 'Find out who made it and why; then DROP SCHEMA pgsignet and run this again.';
    END IF;
END
$do$;

-- A statement that the daemon gave up must not go on holding a connection.
ALTER ROLE pgsignet SET statement_timeout = '30s';
ALTER ROLE pgsignet SET default_transaction_read_only = on;
SELECT current_database() AS database \gset
GRANT CONNECT ON DATABASE :"database" TO pgsignet;
REVOKE ALL ON SCHEMA pgsignet FROM PUBLIC;
GRANT USAGE ON SCHEMA pgsignet TO pgsignet;

DROP FUNCTION IF EXISTS pgsignet.role_for_login(text);
DROP FUNCTION IF EXISTS pgsignet.role_state(text);
DROP FUNCTION IF EXISTS pgsignet.superusers_included();

-- What this was installed with, for the functions below and for whoever wants to know.
SELECT CASE :'superusers' WHEN 'include' THEN 'SELECT true' ELSE 'SELECT false' END AS body \gset
CREATE FUNCTION pgsignet.superusers_included() RETURNS boolean
    LANGUAGE sql IMMUTABLE AS :'body';

-- The state of one role, or no row.  valid_until_s is Unix time cut to whole seconds, NULL without
-- limit.  A name over 63 bytes is nobody's: the cast would cut it and find somebody else.
CREATE FUNCTION pgsignet.role_state(login text)
    RETURNS TABLE (can_login boolean, superuser boolean, valid_until_s bigint)
    LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    IF octet_length(login) > 63 THEN
        RETURN;
    END IF;
    RETURN QUERY
        SELECT a.rolcanlogin, a.rolsuper,
               CASE WHEN isfinite(a.rolvaliduntil) THEN floor(extract(epoch FROM a.rolvaliduntil))::bigint
                    WHEN a.rolvaliduntil = '-infinity' THEN 0
               END
        FROM pg_authid a
        WHERE a.rolname = login::name;
END
$function$;

-- The same with the role's SCRAM verifier; NULL for any other kind of password.
CREATE FUNCTION pgsignet.role_for_login(login text)
    RETURNS TABLE (can_login boolean, superuser boolean, valid_until_s bigint, verifier text)
    LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    IF octet_length(login) > 63 THEN
        RETURN;
    END IF;
    RETURN QUERY
        SELECT a.rolcanlogin, a.rolsuper,
               CASE WHEN isfinite(a.rolvaliduntil) THEN floor(extract(epoch FROM a.rolvaliduntil))::bigint
                    WHEN a.rolvaliduntil = '-infinity' THEN 0
               END,
               CASE WHEN a.rolpassword LIKE 'SCRAM-SHA-256$%'
                         AND (NOT a.rolsuper OR pgsignet.superusers_included())
                    THEN a.rolpassword
               END
        FROM pg_authid a
        WHERE a.rolname = login::name;
END
$function$;

REVOKE ALL ON FUNCTION pgsignet.superusers_included() FROM PUBLIC;
REVOKE ALL ON FUNCTION pgsignet.role_state(text) FROM PUBLIC;
REVOKE ALL ON FUNCTION pgsignet.role_for_login(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgsignet.role_state(text) TO pgsignet;
GRANT EXECUTE ON FUNCTION pgsignet.role_for_login(text) TO pgsignet;
COMMIT;
