#include "ctl/key.h"

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/number.h"
#include "common/codec/digest.h"
#include "common/codec/json_write.h"
#include "common/codec/rfc3339.h"
#include "common/event/event.h"
#include "common/event/event_id.h"
#include "common/service/key_identity.h"
#include "ctl/postgres.h"
#include "ctl/secret_key.h"

#include <inttypes.h>
#include <stdio.h>

const struct command_option key_create_options[] = {
    {"tenant", "ID", "the tenant that the key belongs to; required"},
    {"environment", "ID", "and its environment; required"},
    {"name", "TEXT", "for people: who uses it, and what for; required"},
    {"role", "ROLE",
     "event:write, event:read, catalog:write or admin; repeatable;\n"
     "                           default: event:write and event:read"},
    {"expires", "WHEN", "after 90d, or at 2027-01-31T00:00:00Z; default: never"},
    {0},
};

const struct command_option key_rotate_options[] = {
    {"overlap", "DURATION", "how long the old key still works; default: 24h"},
    {"expires", "WHEN", "of the new key; default: it lives as long as the old one was made for"},
    {0},
};

const struct command_option key_list_options[] = {
    {"tenant", "ID", "only this tenant's keys"},
    {"all", NULL, "revoked and expired ones too"},
    {0},
};

static bool connect_to_keys(const struct command_call *call, PGconn **out_connection, struct err *err)
{
    const struct postgres_config *config = &call->config.postgres;

    if (config->dsn[0] == '\0') {
        err_set(err, ERR_FATAL, "keys are kept in PostgreSQL, and postgres.dsn is not configured");
        return false;
    }
    switch (postgres_connect(config, out_connection, err)) {
    case POSTGRES_CONNECTED:
        break;
    case POSTGRES_NO_DATABASE:
        err_prefix(err, "run `millrace schema apply`");
        return false;
    default:
        return false;
    }
    AUTO_STRING timeout = xasprintf("SET statement_timeout = %" PRIu64, config->statement_timeout_ms);
    if (postgres_run(*out_connection, timeout, err))
        return true;
    postgres_finish(out_connection);
    return false;
}

/* ---- what is new ---- */

enum { OVERLAP_MS = 24 * 3600 * 1000 };

/* A key that is not stored yet. */
struct new_key {
    char text[SECRET_KEY_TEXT_BYTES];
    char hash[DIGEST_SHA256_HEX_BYTES];
    char display_id[SECRET_KEY_DISPLAY_BYTES];
    char id[sizeof("secret_") - 1 + ULID_TEXT_BYTES];
};

static void make_key(struct new_key *key)
{
    char ulid[ULID_TEXT_BYTES];

    secret_key_make(key->text);
    digest_sha256_hex(slice_from(key->text), key->hash);
    secret_key_display(key->text, key->display_id);
    ulid_make((uint64_t)clock_wall_us() / 1000, ulid);
    (void)snprintf(key->id, sizeof(key->id), "secret_%s", ulid);
}

static void write_time_from_now(uint64_t after_ms, char out[RFC3339_MAX_BYTES])
{
    int64_t now_us = clock_wall_us();
    uint64_t room_ms = (uint64_t)(RFC3339_MAX_US - now_us) / 1000;

    (void)rfc3339_write(now_us + (int64_t)(after_ms < room_ms ? after_ms : room_ms) * 1000, out);
}

/* --expires as a time; "" when it was not given. */
static bool read_expiry(const struct command_call *call, char out[RFC3339_MAX_BYTES], struct err *err)
{
    const char *text = command_value(call, "expires");
    uint64_t after_ms;
    int64_t at_us;

    out[0] = '\0';
    if (text == NULL)
        return true;
    if (number_duration_ms(slice_from(text), &after_ms) && after_ms > 0) {
        write_time_from_now(after_ms, out);
        return true;
    }
    if (rfc3339_parse(slice_from(text), &at_us) && at_us > clock_wall_us()) {
        (void)rfc3339_write(at_us, out);
        return true;
    }
    err_set(err, ERR_REJECT,
            "--expires %.50s: write a duration, such as 90d, or a time to come, such as "
            "2027-01-31T00:00:00Z",
            text);
    return false;
}

/* One more than the programs let in would not work. */
static bool check_room(PGconn *connection, const struct command_call *call, struct err *err)
{
    AUTO_RESULT result = NULL;
    uint64_t count;

    if (!postgres_ask(connection,
                      "SELECT count(*) FROM secrets WHERE type = 'private_key' AND status = 'published'"
                      " AND (expires_at IS NULL OR expires_at > now())",
                      0, NULL, &result, err))
        return false;
    if (!number_u64(slice_from(PQgetvalue(result, 0, 0)), &count) || count < call->config.auth.keys_max)
        return true;
    err_set(err, ERR_FATAL,
            "there are %" PRIu64 " keys, as many as are let in: revoke what is not used, or raise "
            "auth.keys_max",
            count);
    return false;
}

/* ---- create ---- */

/* Gives PostgreSQL's text of an array: {"event:write","event:read"}. The names hold nothing to escape. */
static bool roles_array(const struct command_call *call, struct buf *out_array, struct err *err)
{
    const char *role;

    buf_append_byte(out_array, '{');
    for (int i = 0; (role = command_value_at(call, "role", i)) != NULL; i++) {
        if (key_role_bits(slice_from(role)) == 0) {
            err_set(err, ERR_REJECT,
                    "--role %.50s: there are event:write, event:read, catalog:write and admin", role);
            return false;
        }
        buf_printf(out_array, "%s\"%s\"", i > 0 ? "," : "", role);
    }
    if (out_array->length == 1)
        buf_append_text(out_array, "\"event:write\",\"event:read\"");
    buf_append_byte(out_array, '}');
    return true;
}

static bool are_given(const struct command_call *call, struct err *err)
{
    static const char *const required[] = {"tenant", "environment", "name"};
    static const char *const ids[] = {"tenant", "environment"};

    for (size_t i = 0; i < sizeof(required) / sizeof(required[0]); i++)
        if (command_value(call, required[i]) == NULL) {
            err_set(err, ERR_REJECT, "--%s is missing", required[i]);
            return false;
        }
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
        if (!event_is_tenant_id(slice_from(command_value(call, ids[i])))) {
            err_set(err, ERR_REJECT, "--%s must be 1 to %d bytes without ':', spaces and control characters",
                    ids[i], EVENT_TENANT_MAX_BYTES);
            return false;
        }
    return true;
}

/* What a new key takes the place of. */
struct replaced_key {
    const char *id;
    const char *display_id;
    const char *until; /* it still works */
};

/* replaced NULL: none. */
static void print_key_once(const struct command_call *call, const struct new_key *key,
                           const struct replaced_key *replaced)
{
    AUTO_BUF json = {0};

    if (!call->as_json) {
        if (replaced != NULL)
            (void)fprintf(stderr, "%s (%s) works until %s\n", replaced->display_id, replaced->id,
                          replaced->until);
        (void)fprintf(stderr, "key %s (%s), shown this once:\n", key->display_id, key->id);
        (void)printf("%s\n", key->text);
        return;
    }
    buf_append_byte(&json, '{');
    json_write_member(&json, "id", slice_from(key->id));
    json_write_member(&json, "display_id", slice_from(key->display_id));
    json_write_member(&json, "key", slice_from(key->text));
    if (replaced != NULL) {
        json_write_member(&json, "replaced_id", slice_from(replaced->id));
        json_write_member(&json, "replaced_expires_at", slice_from(replaced->until));
    }
    buf_append_byte(&json, '}');
    (void)printf("%s\n", buf_text(&json));
}

bool key_create(struct command_call *call, bool *out_is_good, struct err *err)
{
    AUTO_BUF roles = {0};
    AUTO_POSTGRES connection = NULL;
    AUTO_RESULT result = NULL;
    char expires[RFC3339_MAX_BYTES];
    struct new_key key;

    (void)out_is_good;
    if (!are_given(call, err) || !roles_array(call, &roles, err) || !read_expiry(call, expires, err) ||
        !connect_to_keys(call, &connection, err) || !check_room(connection, call, err))
        return false;
    make_key(&key);
    const char *const parameters[] = {key.id,
                                      key.hash,
                                      key.display_id,
                                      command_value(call, "tenant"),
                                      command_value(call, "environment"),
                                      command_value(call, "name"),
                                      buf_text(&roles),
                                      expires[0] != '\0' ? expires : NULL};
    if (!postgres_ask(connection,
                      "INSERT INTO secrets (id, value, display_id, tenant_id, environment_id, name, roles,"
                      " expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7::text[], $8::timestamptz)",
                      8, parameters, &result, err))
        return false;
    print_key_once(call, &key, NULL);
    return true;
}

/* ---- list ---- */

/* In the order of the columns; also the members of the JSON. */
static const char *const columns[] = {"display_id", "id",         "tenant_id",  "environment_id", "name",
                                      "roles",      "created_at", "expires_at", "last_used_at",   "status"};
enum { COLUMN_ROLES = 5, COLUMN_COUNT = sizeof(columns) / sizeof(columns[0]) };

static const char list_sql[] =
    "SELECT display_id, id, tenant_id, environment_id, name,"
    " CASE WHEN $3::bool THEN array_to_json(roles)::text ELSE array_to_string(roles, ',') END,"
    " to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'),"
    " to_char(expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'),"
    " to_char(last_used_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), state"
    " FROM (SELECT *, CASE WHEN status = 'published' AND expires_at <= now() THEN 'expired'"
    "                 ELSE status END AS state FROM secrets) AS keys"
    " WHERE ($1::text IS NULL OR tenant_id = $1) AND ($2::bool OR state = 'published')"
    " ORDER BY tenant_id, environment_id, created_at, id";

static void print_json(const PGresult *rows)
{
    AUTO_BUF json = {0};

    for (int row = 0; row < PQntuples(rows); row++) {
        buf_append_text(&json, row > 0 ? ",{" : "{");
        for (int column = 0; column < COLUMN_COUNT; column++) {
            struct slice value = slice_from(PQgetvalue(rows, row, column));
            if (PQgetisnull(rows, row, column))
                json_write_raw_member(&json, columns[column], SLICE("null"));
            else if (column == COLUMN_ROLES)
                json_write_raw_member(&json, columns[column], value);
            else
                json_write_member(&json, columns[column], value);
        }
        buf_append_byte(&json, '}');
    }
    (void)printf("{\"keys\":[%s]}\n", buf_text(&json));
}

static int column_width(const PGresult *rows, int column)
{
    int width = (int)strlen(columns[column]);

    for (int row = 0; row < PQntuples(rows); row++)
        if (PQgetlength(rows, row, column) > width)
            width = PQgetlength(rows, row, column);
    return width;
}

static void print_table(const PGresult *rows)
{
    int widths[COLUMN_COUNT];

    for (int column = 0; column < COLUMN_COUNT; column++) {
        widths[column] = column_width(rows, column);
        (void)printf("%-*s%s", widths[column], columns[column], column + 1 < COLUMN_COUNT ? "  " : "\n");
    }
    for (int row = 0; row < PQntuples(rows); row++)
        for (int column = 0; column < COLUMN_COUNT; column++)
            (void)printf("%-*s%s", widths[column], PQgetvalue(rows, row, column),
                         column + 1 < COLUMN_COUNT ? "  " : "\n");
}

bool key_list(struct command_call *call, bool *out_is_good, struct err *err)
{
    AUTO_POSTGRES connection = NULL;
    AUTO_RESULT rows = NULL;
    const char *const parameters[] = {command_value(call, "tenant"),
                                      command_value(call, "all") != NULL ? "t" : "f",
                                      call->as_json ? "t" : "f"};

    (void)out_is_good;
    if (!connect_to_keys(call, &connection, err) ||
        !postgres_ask(connection, list_sql, 3, parameters, &rows, err))
        return false;
    if (call->as_json)
        print_json(rows);
    else
        print_table(rows);
    return true;
}

/* ---- revoke ---- */

/* The one key that the text means: an id, or a display id that no other live key has. */
static bool find_one(PGconn *connection, const char *text, PGresult **out_row, struct err *err)
{
    AUTO_RESULT rows = NULL;
    AUTO_BUF ids = {0};

    if (!postgres_ask(connection,
                      "SELECT id, status, display_id FROM secrets WHERE id = $1 OR display_id = $1"
                      " ORDER BY status = 'published' DESC, id",
                      1, &text, &rows, err))
        return false;
    int live_count = 0;
    for (int row = 0; row < PQntuples(rows); row++)
        if (strcmp(PQgetvalue(rows, row, 1), "published") == 0)
            buf_printf(&ids, "%s%s", live_count++ > 0 ? ", " : "", PQgetvalue(rows, row, 0));
    if (PQntuples(rows) > 0 && live_count <= 1) {
        *out_row = rows;
        rows = NULL;
        return true;
    }
    if (live_count > 1)
        err_set(err, ERR_FATAL, "%.50s means %d keys; give one of their ids: %s", text, live_count,
                buf_text(&ids));
    else
        err_set(err, ERR_FATAL, "there is no key with the id or display id %.50s", text);
    return false;
}

bool key_revoke(struct command_call *call, bool *out_is_good, struct err *err)
{
    AUTO_POSTGRES connection = NULL;
    AUTO_RESULT row = NULL;
    AUTO_RESULT result = NULL;

    (void)out_is_good;
    if (!connect_to_keys(call, &connection, err) || !find_one(connection, call->argument, &row, err))
        return false;
    const char *id = PQgetvalue(row, 0, 0);
    bool is_live = strcmp(PQgetvalue(row, 0, 1), "published") == 0;
    if (is_live &&
        !postgres_ask(connection, "UPDATE secrets SET status = 'revoked', updated_at = now() WHERE id = $1",
                      1, &id, &result, err))
        return false;
    if (call->as_json) {
        AUTO_BUF json = {0};
        buf_append_byte(&json, '{');
        json_write_member(&json, "id", slice_from(id));
        json_write_member(&json, "display_id", slice_from(PQgetvalue(row, 0, 2)));
        json_write_raw_member(&json, "was_revoked_before", is_live ? SLICE("false") : SLICE("true"));
        buf_append_byte(&json, '}');
        (void)printf("%s\n", buf_text(&json));
    } else {
        (void)printf("%s (%s) %s\n", PQgetvalue(row, 0, 2), id,
                     is_live ? "is revoked" : "was revoked before");
    }
    return true;
}

/* ---- rotate ---- */

/* In one statement, so that there is never one without the other. A key that never expires is replaced by one
 * that never does. */
static const char rotate_sql[] =
    "WITH before AS (SELECT * FROM secrets WHERE id = $1 AND status = 'published'"
    "  AND (expires_at IS NULL OR expires_at > now()) FOR UPDATE),"
    " ended AS (UPDATE secrets AS s SET expires_at = least(before.expires_at, $2::timestamptz), updated_at = "
    "now()"
    "  FROM before WHERE s.id = before.id RETURNING s.expires_at)"
    " INSERT INTO secrets (id, value, display_id, tenant_id, environment_id, name, roles, expires_at)"
    " SELECT $3, $4, $5, b.tenant_id, b.environment_id, b.name, b.roles,"
    "  coalesce($6::timestamptz, now() + (b.expires_at - b.created_at)) FROM before AS b, ended"
    " RETURNING (SELECT to_char(expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') FROM ended)";

static bool store_rotated(PGconn *connection, const char *const parameters[6], PGresult **out_row,
                          struct err *err)
{
    if (!postgres_ask(connection, rotate_sql, 6, parameters, out_row, err))
        return false;
    if (PQntuples(*out_row) == 1)
        return true;
    err_set(err, ERR_FATAL, "%s is revoked or expired: make a new key by `millrace key create`",
            parameters[0]);
    return false;
}

bool key_rotate(struct command_call *call, bool *out_is_good, struct err *err)
{
    AUTO_POSTGRES connection = NULL;
    AUTO_RESULT before = NULL;
    AUTO_RESULT row = NULL;
    char old_expires[RFC3339_MAX_BYTES];
    char expires[RFC3339_MAX_BYTES];
    struct new_key key;
    uint64_t overlap_ms;

    (void)out_is_good;
    if (!command_duration_ms(call, "overlap", OVERLAP_MS, &overlap_ms, err) ||
        !read_expiry(call, expires, err) || !connect_to_keys(call, &connection, err) ||
        !check_room(connection, call, err) || !find_one(connection, call->argument, &before, err))
        return false;
    make_key(&key);
    write_time_from_now(overlap_ms, old_expires);
    const char *const parameters[] = {
        PQgetvalue(before, 0, 0),           old_expires, key.id, key.hash, key.display_id,
        expires[0] != '\0' ? expires : NULL};
    if (!store_rotated(connection, parameters, &row, err))
        return false;
    print_key_once(call, &key,
                   &(struct replaced_key){
                       .id = PQgetvalue(before, 0, 0),
                       .display_id = PQgetvalue(before, 0, 2),
                       .until = PQgetvalue(row, 0, 0),
                   });
    return true;
}
