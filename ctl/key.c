#include "ctl/key.h"

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/codec/digest.h"
#include "common/codec/json_write.h"
#include "common/event/event.h"
#include "common/event/event_id.h"
#include "common/service/key_store.h"
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
    {"expires-in", "DURATION", "such as 90d; default: never"},
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

static void print_created(const struct command_call *call, const char *key, const char *id,
                          const char *display_id)
{
    AUTO_BUF json = {0};

    if (!call->as_json) {
        (void)fprintf(stderr, "key %s (%s), shown this once:\n", display_id, id);
        (void)printf("%s\n", key);
        return;
    }
    buf_append_byte(&json, '{');
    json_write_member(&json, "id", slice_from(id));
    json_write_member(&json, "display_id", slice_from(display_id));
    json_write_member(&json, "key", slice_from(key));
    buf_append_byte(&json, '}');
    (void)printf("%s\n", buf_text(&json));
}

bool key_create(struct command_call *call, bool *out_is_good, struct err *err)
{
    AUTO_BUF roles = {0};
    AUTO_POSTGRES connection = NULL;
    AUTO_RESULT result = NULL;
    uint64_t expires_ms;

    (void)out_is_good;
    if (!are_given(call, err) || !roles_array(call, &roles, err) ||
        !command_duration_ms(call, "expires-in", 0, &expires_ms, err) ||
        !connect_to_keys(call, &connection, err))
        return false;

    char key[SECRET_KEY_TEXT_BYTES];
    char hash[DIGEST_SHA256_HEX_BYTES];
    char display_id[SECRET_KEY_DISPLAY_BYTES];
    char ulid[ULID_TEXT_BYTES];
    secret_key_make(key);
    digest_sha256_hex(slice_from(key), hash);
    secret_key_display(key, display_id);
    ulid_make((uint64_t)clock_wall_us() / 1000, ulid);
    AUTO_STRING id = xasprintf("secret_%s", ulid);
    AUTO_STRING expires = expires_ms > 0 ? xasprintf("%" PRIu64 " milliseconds", expires_ms) : NULL;

    const char *const parameters[] = {id,
                                      hash,
                                      display_id,
                                      command_value(call, "tenant"),
                                      command_value(call, "environment"),
                                      command_value(call, "name"),
                                      buf_text(&roles),
                                      expires};
    if (!postgres_ask(connection,
                      "INSERT INTO secrets (id, value, display_id, tenant_id, environment_id, name, roles,"
                      " expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7::text[], now() + $8::interval)",
                      8, parameters, &result, err))
        return false;
    print_created(call, key, id, display_id);
    return true;
}

/* ---- list ---- */

/* In the order of the columns; also the members of the JSON. */
static const char *const columns[] = {"display_id", "id",         "tenant_id",  "environment_id", "name",
                                      "roles",      "created_at", "expires_at", "status"};
enum { COLUMN_ROLES = 5, COLUMN_COUNT = sizeof(columns) / sizeof(columns[0]) };

static const char list_sql[] =
    "SELECT display_id, id, tenant_id, environment_id, name,"
    " CASE WHEN $3::bool THEN array_to_json(roles)::text ELSE array_to_string(roles, ',') END,"
    " to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'),"
    " to_char(expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), state"
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
