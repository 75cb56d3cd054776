#include "common/service/key_store.h"

#include "common/base/alloc.h"
#include "common/base/backoff.h"
#include "common/base/bug.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/number.h"
#include "common/codec/digest.h"
#include "common/codec/rfc3339.h"
#include "common/event/event.h"
#include "common/io/loop.h"
#include "common/io/pg.h"
#include "common/service/health.h"
#include "common/service/key_cache.h"
#include "common/service/key_table.h"
#include "common/service/key_usage.h"
#include "common/service/state_file.h"
#include "common/service/state_keeper.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    READ_AGAIN_FIRST_MS = 500,
    READ_AGAIN_HIGHEST_MS = 5000,
    READ_ANYWAY_MS = 600000, /* the file below state_dir is never older while PostgreSQL is there */
    REVIEW_MS = 30000,       /* of the age, while it is away */
    ALARM_MS = 3600000,
    CLOCK_SLACK_US = 300000000, /* a file from so far ahead is of a clock that was wrong */
};

#define KEY_CHANNEL "millrace_keys"

struct key_store {
    struct key_store_settings settings;
    struct health_check *check;
    struct pg *pg; /* NULL: keys of the configuration only; then so are the next three */
    struct state_keeper *keeper;
    struct key_usage *usage;
    struct key_table *table;
    struct key_table *previous; /* identities handed out in this turn may still point into it */
    struct loop_timer read_again;
    struct loop_timer review;
    struct backoff backoff;
    bool is_reading; /* a SELECT is under way */
    bool is_stale;   /* something changed since it was asked */
    bool has_table;  /* of PostgreSQL, read from it or from the disk */
    bool is_current; /* and nothing has changed since: we are connected, and would have been told */
    bool is_away;    /* PostgreSQL was asked, and could not tell */
    bool has_alarmed;
    size_t left_out_count; /* keys beyond auth.keys_max */
    int64_t known_ms;      /* monotonic: when the table was last current, while it is not; may be negative */
    int64_t known_us;      /* the same on the wall clock */
    struct err away;       /* why it is not current */
    struct err unkept;     /* why the table is not on disk; "": it is */
};

/* ---- the table ---- */

static bool add_configured_keys(struct key_table *table, const struct auth_config *auth, struct err *err)
{
    for (size_t i = 0; i < auth->key_count; i++) {
        const struct auth_key_config *configured = &auth->keys[i];
        struct key key = {.identity = {.tenant_id = configured->tenant_id,
                                       .environment_id = configured->environment_id,
                                       .name = configured->name != NULL ? configured->name : "",
                                       .roles = KEY_ROLES_ALL},
                          .expires_us = KEY_NEVER_EXPIRES,
                          .is_configured = true};
        if (!digest_from_hex(slice_from(configured->hash), key.hash, sizeof(key.hash))) {
            err_set(err, ERR_FATAL, "auth: the hash of key \"%s\" is not 64 hex digits of a SHA-256",
                    key.identity.name);
            return false;
        }
        BUG_ON(!key_table_add(table, &key));
    }
    return true;
}

/* Those of the configuration come first, as a key that is there already stays. */
static struct key_table *new_table(const struct key_store *store, size_t key_count)
{
    struct key_table *table = key_table_new(store->settings.auth->key_count + key_count);
    struct err err;

    BUG_ON(!add_configured_keys(table, store->settings.auth, &err)); /* they were good at start */
    return table;
}

/* Takes the table. */
static void use_table(struct key_store *store, struct key_table *table)
{
    key_usage_change_table(store->usage, table);
    key_table_free(&store->previous);
    store->previous = store->table;
    store->table = table;
    store->has_table = true;
}

enum { COLUMN_HASH, COLUMN_TENANT, COLUMN_ENVIRONMENT, COLUMN_NAME, COLUMN_ROLES, COLUMN_EXPIRES };

/* One more than there may be, so that too many are seen. */
static const char select_keys[] =
    "SELECT value, tenant_id, environment_id, name, array_to_string(roles, ','),"
    " floor(extract(epoch FROM expires_at) * 1000000)::bigint"
    " FROM secrets WHERE type = 'private_key' AND status = 'published'"
    " AND (expires_at IS NULL OR expires_at > now())"
    " ORDER BY created_at, id LIMIT $1::bigint + 1";

static bool add_row(struct key_table *table, const struct pg_rows *rows, int row)
{
    AUTO_STRING tenant = slice_dup(pg_field(rows, row, COLUMN_TENANT));
    AUTO_STRING environment = slice_dup(pg_field(rows, row, COLUMN_ENVIRONMENT));
    AUTO_STRING name = slice_dup(pg_field(rows, row, COLUMN_NAME));
    struct slice expires = pg_field(rows, row, COLUMN_EXPIRES);
    struct key key = {.identity = {.tenant_id = tenant,
                                   .environment_id = environment,
                                   .name = name,
                                   .roles = key_roles_read(pg_field(rows, row, COLUMN_ROLES))},
                      .expires_us = KEY_NEVER_EXPIRES};

    if (!slice_is_empty(expires) && !number_i64(expires, &key.expires_us))
        return false; /* "infinity" and the like: better not let in than for ever */
    return event_is_tenant_id(slice_from(tenant)) && event_is_tenant_id(slice_from(environment)) &&
           digest_from_hex(pg_field(rows, row, COLUMN_HASH), key.hash, sizeof(key.hash)) &&
           key_table_add(table, &key);
}

static void use_rows(struct key_store *store, const struct pg_rows *rows)
{
    size_t keys_max = store->settings.auth->keys_max;
    size_t row_count = (size_t)pg_row_count(rows);
    size_t used_count = row_count < keys_max ? row_count : keys_max;
    struct key_table *table = new_table(store, used_count);
    int unusable_count = 0;

    for (size_t row = 0; row < used_count; row++)
        unusable_count += !add_row(table, rows, (int)row);
    if (unusable_count > 0)
        log_warning(
            "secrets: %d keys have an unusable hash, tenant, environment or expiry and are not let in",
            unusable_count);
    use_table(store, table);
    store->left_out_count = row_count - used_count;
    log_info("keys read, count=%zu", key_table_count(table));
}

/* ---- on disk ---- */

static void keep_table(struct key_store *store)
{
    AUTO_BUF file = {0};

    key_cache_write(store->table, clock_wall_us(), store->settings.postgres->dsn, &file);
    state_keeper_keep(store->keeper, &file);
}

static bool read_kept(struct key_store *store, const char *path, struct key_table *table, struct err *err)
{
    AUTO_BUF file = {0};
    size_t max_bytes = (store->settings.auth->keys_max + 1) * KEY_CACHE_KEY_MAX_BYTES;

    if (!state_file_read(path, max_bytes, &file, err))
        return false;
    if (file.length == 0) {
        err_set(err, ERR_RETRY, "no keys are kept on disk yet");
        return false;
    }
    if (!key_cache_read(buf_slice(&file), store->settings.postgres->dsn, table, &store->known_us, err))
        return false;
    if (store->known_us > clock_wall_us() + CLOCK_SLACK_US) {
        err_set(err, ERR_REJECT, "the keys kept on disk are from the future: the clock was set back");
        return false;
    }
    return true;
}

/* The keys of the last run, until PostgreSQL has been asked. */
static void use_kept(struct key_store *store, const char *path)
{
    struct key_table *table = new_table(store, store->settings.auth->keys_max);
    struct err err;

    if (!read_kept(store, path, table, &err)) {
        if (err.kind == ERR_REJECT)
            log_warning("%s", err.text);
        key_table_free(&table);
        return;
    }
    store->known_ms = (int64_t)loop_now_ms(store->settings.loop) - (clock_wall_us() - store->known_us) / 1000;
    log_info("keys read from disk, count=%zu", key_table_count(table));
    use_table(store, table);
}

/* ---- how old it may be ---- */

/* Since when the table may have changed without our knowing, in ms. */
static int64_t age_ms(const struct key_store *store)
{
    return store->is_current ? 0 : (int64_t)loop_now_ms(store->settings.loop) - store->known_ms;
}

static bool is_usable(const struct key_store *store)
{
    return store->has_table && age_ms(store) <= (int64_t)store->settings.auth->cache_max_age_ms;
}

static void write_known_time(const struct key_store *store, char out[RFC3339_MAX_BYTES])
{
    (void)rfc3339_write(store->known_us / 1000000 * 1000000, out); /* to the second */
}

static void show_not_known(struct key_store *store)
{
    AUTO_STRING what = NULL;
    char time[RFC3339_MAX_BYTES];

    write_known_time(store, time);
    what = store->has_table
               ? xasprintf("keys of PostgreSQL are those of %s, older than auth.cache_max_age", time)
               : xstrdup("keys of PostgreSQL were never read");
    if (store->settings.auth->key_count > 0)
        health_set(store->check, HEALTH_DEGRADED, "only keys of the configuration work: %s: %s", what,
                   store->away.text);
    else
        health_set(store->check, HEALTH_DOWN, "%s: %s", what, store->away.text);
}

static void show_away(struct key_store *store)
{
    char time[RFC3339_MAX_BYTES];

    write_known_time(store, time);
    health_set(store->check, HEALTH_DEGRADED, "%snew and revoked keys are not seen since %s: %s",
               store->has_alarmed ? "for more than an hour: " : "", time, store->away.text);
}

/* Once in each time that PostgreSQL is away. */
static void alarm_when_due(struct key_store *store)
{
    char time[RFC3339_MAX_BYTES];

    if (!store->is_away || store->has_alarmed || !store->has_table || age_ms(store) < ALARM_MS)
        return;
    store->has_alarmed = true;
    write_known_time(store, time);
    log_critical(
        "new and revoked keys are not seen since %s, and %" PRIu64
        " min after that all keys of PostgreSQL are refused (auth.cache_max_age): bring PostgreSQL back: %s",
        time, store->settings.auth->cache_max_age_ms / 60000, store->away.text);
}

static void show_current(struct key_store *store)
{
    if (store->left_out_count > 0)
        health_set(store->check, HEALTH_DEGRADED,
                   "secrets holds more than %" PRIu64
                   " keys, and the newest are not let in: revoke what is not "
                   "used, or raise auth.keys_max",
                   store->settings.auth->keys_max);
    else if (store->unkept.text[0] != '\0')
        health_set(store->check, HEALTH_DEGRADED, "a start without PostgreSQL would know no keys: %s",
                   store->unkept.text);
    else
        health_set(store->check, HEALTH_UP, NULL);
}

static void show(void *owner)
{
    struct key_store *store = owner;

    alarm_when_due(store);
    if (store->is_current)
        show_current(store);
    else if (is_usable(store))
        show_away(store);
    else
        show_not_known(store);
}

static void on_kept(void *owner, const struct err *err)
{
    struct key_store *store = owner;

    store->unkept = err != NULL ? *err : (struct err){0};
    show(store);
}

/* ---- reading it ---- */

static void on_rows(void *owner, const struct pg_rows *rows, const struct err *err);

static void read_table(void *owner)
{
    struct key_store *store = owner;
    char keys_max[24];

    if (store->is_reading) {
        store->is_stale = true; /* the answer under way may be older than the change */
        return;
    }
    loop_timer_stop(&store->read_again);
    store->is_reading = true;
    store->is_stale = false;
    (void)snprintf(keys_max, sizeof(keys_max), "%" PRIu64, store->settings.auth->keys_max);
    pg_ask(store->pg, &(struct pg_statement){.sql = select_keys,
                                             .parameters = {keys_max},
                                             .parameter_count = 1,
                                             .on_rows = on_rows,
                                             .owner = store});
}

static void become_current(struct key_store *store)
{
    store->is_current = true;
    store->is_away = false;
    store->has_alarmed = false;
    loop_timer_stop(&store->review);
    key_usage_resume(store->usage);
}

static void become_uncertain(struct key_store *store, const struct err *err)
{
    store->away = *err;
    key_usage_pause(store->usage);
    if (store->is_current) {
        store->known_ms = (int64_t)loop_now_ms(store->settings.loop);
        store->known_us = clock_wall_us();
    }
    store->is_current = false;
    if (!loop_timer_is_running(&store->review))
        loop_timer_start_every(&store->review, REVIEW_MS);
    show(store);
}

static void on_rows(void *owner, const struct pg_rows *rows, const struct err *err)
{
    struct key_store *store = owner;

    store->is_reading = false;
    if (rows == NULL) {
        /* A lost connection is read from anew when it is back; the timer is for a missing table or right. */
        store->is_away = true;
        become_uncertain(store, err);
        loop_timer_start(&store->read_again, backoff_jittered_ms(&store->backoff));
        return;
    }
    backoff_reset(&store->backoff);
    use_rows(store, rows);
    if (store->is_stale) {
        read_table(store);
        return;
    }
    become_current(store);
    keep_table(store);
    loop_timer_start(&store->read_again, READ_ANYWAY_MS);
    show(store);
}

static void on_notify(void *owner, const char *payload)
{
    (void)payload;
    read_table(owner);
}

static void on_away(void *owner, const struct err *err)
{
    struct key_store *store = owner;

    store->is_away = true;
    become_uncertain(store, err);
}

/* ---- for the owner ---- */

/* Programs may share the folder, and read the keys by other rights: each has a file of its own. */
static void start_keeping(struct key_store *store)
{
    AUTO_STRING path = xasprintf("%s/keys-%s", store->settings.state_dir, log_stage());
    const struct state_keeper_settings settings = {
        .loop = store->settings.loop,
        .path = path,
        .instance = store->settings.instance,
        .on_kept = on_kept,
        .owner = store,
    };

    store->keeper = state_keeper_start(&settings);
    use_kept(store, path);
}

static bool connect_to_postgres(struct key_store *store, struct err *err)
{
    const struct postgres_config *postgres = store->settings.postgres;
    const struct pg_settings settings = {
        .dsn = postgres->dsn,
        .password = postgres->password.text,
        .channel = KEY_CHANNEL,
        .connect_timeout_ms = (uint32_t)postgres->connect_timeout_ms,
        .statement_timeout_ms = (uint32_t)postgres->statement_timeout_ms,
        .on_connected = read_table,
        .on_notify = on_notify,
        .on_away = on_away,
        .owner = store,
    };
    struct err not_yet;

    if (!state_file_check_folder(store->settings.state_dir, err) ||
        !pg_start(store->settings.loop, &settings, &store->pg, err))
        return false;
    store->usage = key_usage_new(store->settings.loop, store->pg);
    start_keeping(store);
    err_set(&not_yet, ERR_RETRY, "not connected to PostgreSQL yet");
    become_uncertain(store, &not_yet);
    return true;
}

bool key_store_start(const struct key_store_settings *settings, struct key_store **out_store, struct err *err)
{
    struct key_store *store = xcalloc(1, sizeof(*store));
    const char *dsn = settings->postgres->dsn;

    store->settings = *settings;
    store->table = key_table_new(settings->auth->key_count);
    store->backoff = (struct backoff){.first_ms = READ_AGAIN_FIRST_MS, .highest_ms = READ_AGAIN_HIGHEST_MS};
    store->check = health_check_new(settings->health, "keys");
    loop_timer_init(&store->read_again, settings->loop, read_table, store);
    loop_timer_init(&store->review, settings->loop, show, store);
    bool uses_postgres = dsn != NULL && dsn[0] != '\0';
    if (!add_configured_keys(store->table, settings->auth, err) ||
        (uses_postgres && !connect_to_postgres(store, err))) {
        key_store_stop(&store);
        return false;
    }
    if (!uses_postgres)
        health_set(store->check, HEALTH_UP, NULL);
    *out_store = store;
    return true;
}

void key_store_stop(struct key_store **store_pointer)
{
    struct key_store *store = *store_pointer;

    if (store == NULL)
        return;
    pg_stop(&store->pg);
    key_usage_free(&store->usage);
    state_keeper_stop(&store->keeper);
    loop_timer_stop(&store->read_again);
    loop_timer_stop(&store->review);
    key_table_free(&store->table);
    key_table_free(&store->previous);
    free(store);
    *store_pointer = NULL;
}

enum key_answer key_store_find(struct key_store *store, struct slice key, struct key_identity *out_identity)
{
    unsigned char hash[DIGEST_SHA256_BYTES];

    digest_sha256(key, hash);
    struct key *found = key_table_find(store->table, hash);
    bool is_known = store->pg == NULL || is_usable(store) || (found != NULL && found->is_configured);
    if (!is_known)
        return KEY_UNKNOWN;
    if (found == NULL || found->expires_us <= clock_wall_us())
        return KEY_NOT_FOUND;
    if (store->usage != NULL)
        key_usage_mark(store->usage, found);
    *out_identity = found->identity;
    return KEY_FOUND;
}

const char *key_store_why_unknown(const struct key_store *store)
{
    return store->has_table
               ? "this key can't be checked now: PostgreSQL has been away for too long"
               : "this key can't be checked now: PostgreSQL has not been reached since the start";
}
