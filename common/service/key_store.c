#include "common/service/key_store.h"

#include "common/base/alloc.h"
#include "common/base/arena.h"
#include "common/base/backoff.h"
#include "common/base/bug.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/number.h"
#include "common/codec/digest.h"
#include "common/event/event.h"
#include "common/io/loop.h"
#include "common/io/pg.h"
#include "common/service/health.h"

#include <inttypes.h>
#include <sys/random.h>

enum { HASH_BYTES = 32, READ_AGAIN_FIRST_MS = 500, READ_AGAIN_HIGHEST_MS = 5000 };

#define KEY_CHANNEL "millrace_keys"
#define KEY_ROLES_ALL                                                                                        \
    ((unsigned)(KEY_ROLE_EVENT_WRITE | KEY_ROLE_EVENT_READ | KEY_ROLE_CATALOG_WRITE | KEY_ROLE_ADMIN))

struct key {
    unsigned char hash[HASH_BYTES];
    struct key_identity identity;
    int64_t expires_us; /* wall clock; INT64_MAX: never */
};

/* All keys at one moment: open addressing by the first bytes of the hash, which are as good as random. */
struct key_table {
    struct arena arena;
    struct key **slots; /* NULL: empty */
    size_t slot_count;  /* a power of two, more than twice the keys */
    size_t key_count;
};

struct key_store {
    const struct auth_config *auth;
    struct health_check *check;
    struct pg *pg; /* NULL: keys of the configuration only */
    struct key_table *table;
    struct key_table *previous; /* identities handed out in this turn may still point into it */
    struct loop_timer read_again;
    struct backoff backoff;
    bool has_read;   /* the table of PostgreSQL, at least once */
    bool is_reading; /* a SELECT is under way */
    bool is_stale;   /* something changed since it was asked */
};

unsigned key_role_bits(struct slice name)
{
    static const struct {
        const char *name;
        unsigned bits;
    } roles[] = {{"event:write", KEY_ROLE_EVENT_WRITE},
                 {"event:read", KEY_ROLE_EVENT_READ},
                 {"catalog:write", KEY_ROLE_CATALOG_WRITE},
                 {"admin", KEY_ROLES_ALL}};

    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
        if (slice_equals_text(name, roles[i].name))
            return roles[i].bits;
    return 0;
}

/* names: comma-separated. A name that this version does not know gives nothing. */
static unsigned bits_of_roles(struct slice names)
{
    unsigned bits = 0;
    struct slice name;

    while (!slice_is_empty(names)) {
        (void)slice_cut(&names, ',', &name);
        bits |= key_role_bits(name);
    }
    return bits;
}

/* ---- the table ---- */

static struct key_table *table_new(size_t key_count)
{
    struct key_table *table = xcalloc(1, sizeof(*table));

    table->slot_count = 16;
    while (table->slot_count < 2 * key_count + 1)
        table->slot_count *= 2;
    table->slots = xcalloc(table->slot_count, sizeof(struct key *));
    return table;
}

static void table_free(struct key_table *table)
{
    if (table == NULL)
        return;
    arena_done(&table->arena);
    free(table->slots);
    free(table);
}

/* The slot of the hash, or the empty one where it belongs. */
static struct key **table_slot(const struct key_table *table, const unsigned char hash[HASH_BYTES])
{
    uint64_t bits;

    memcpy(&bits, hash, sizeof(bits));
    size_t i = bits & (table->slot_count - 1);
    while (table->slots[i] != NULL && memcmp(table->slots[i]->hash, hash, HASH_BYTES) != 0)
        i = (i + 1) & (table->slot_count - 1);
    return &table->slots[i];
}

static const char *copy_text(struct key_table *table, struct slice text)
{
    char *copy = arena_take(&table->arena, text.length + 1);

    if (text.length > 0)
        memcpy(copy, text.data, text.length);
    copy[text.length] = '\0';
    return copy;
}

/* A key that is there already stays: those of the configuration come first. False for a bad hash. */
static bool table_add(struct key_table *table, struct slice hash_hex, const struct key *key)
{
    struct key *added = arena_take(&table->arena, sizeof(*added));

    *added = *key;
    if (hash_hex.length != 2 * (size_t)HASH_BYTES ||
        !digest_from_hex(hash_hex, added->hash, sizeof(added->hash)))
        return false;
    struct key **slot = table_slot(table, added->hash);
    if (*slot != NULL)
        return true;
    *slot = added;
    table->key_count++;
    return true;
}

static bool add_configured_keys(struct key_table *table, const struct auth_config *auth, struct err *err)
{
    for (size_t i = 0; i < auth->key_count; i++) {
        const struct auth_key_config *configured = &auth->keys[i];
        struct key key = {.identity = {.tenant_id = configured->tenant_id,
                                       .environment_id = configured->environment_id,
                                       .name = configured->name != NULL ? configured->name : "",
                                       .roles = KEY_ROLES_ALL},
                          .expires_us = INT64_MAX};
        if (!table_add(table, slice_from(configured->hash), &key)) {
            err_set(err, ERR_FATAL, "auth: the hash of key \"%s\" is not 64 hex digits of a SHA-256",
                    key.identity.name);
            return false;
        }
    }
    return true;
}

enum { COLUMN_HASH, COLUMN_TENANT, COLUMN_ENVIRONMENT, COLUMN_NAME, COLUMN_ROLES, COLUMN_EXPIRES };

static const char select_keys[] =
    "SELECT value, tenant_id, environment_id, name, array_to_string(roles, ','),"
    " floor(extract(epoch FROM expires_at) * 1000000)::bigint"
    " FROM secrets WHERE type = 'private_key' AND status = 'published'"
    " AND (expires_at IS NULL OR expires_at > now())";

static bool add_row(struct key_table *table, const struct pg_rows *rows, int row)
{
    struct slice expires = pg_field(rows, row, COLUMN_EXPIRES);
    struct key key = {
        .identity = {.tenant_id = copy_text(table, pg_field(rows, row, COLUMN_TENANT)),
                     .environment_id = copy_text(table, pg_field(rows, row, COLUMN_ENVIRONMENT)),
                     .name = copy_text(table, pg_field(rows, row, COLUMN_NAME)),
                     .roles = bits_of_roles(pg_field(rows, row, COLUMN_ROLES))},
        .expires_us = INT64_MAX};

    if (!slice_is_empty(expires) && !number_i64(expires, &key.expires_us))
        return false; /* "infinity" and the like: better not let in than for ever */
    if (!event_is_tenant_id(slice_from(key.identity.tenant_id)) ||
        !event_is_tenant_id(slice_from(key.identity.environment_id)))
        return false;
    return table_add(table, pg_field(rows, row, COLUMN_HASH), &key);
}

static void use_rows(struct key_store *store, const struct pg_rows *rows)
{
    int row_count = pg_row_count(rows);
    struct key_table *table = table_new(store->auth->key_count + (size_t)row_count);
    int unusable_count = 0;
    struct err err;

    BUG_ON(!add_configured_keys(table, store->auth, &err)); /* they were good at start */
    for (int row = 0; row < row_count; row++)
        unusable_count += !add_row(table, rows, row);
    if (unusable_count > 0)
        log_warning(
            "secrets: %d keys have an unusable hash, tenant, environment or expiry and are not let in",
            unusable_count);
    table_free(store->previous);
    store->previous = store->table;
    store->table = table;
    store->has_read = true;
    log_info("keys read, count=%zu", table->key_count);
}

/* ---- reading it ---- */

static void on_rows(void *owner, const struct pg_rows *rows, const struct err *err);

static void read_table(void *owner)
{
    struct key_store *store = owner;

    if (store->is_reading) {
        store->is_stale = true; /* the answer under way may be older than the change */
        return;
    }
    loop_timer_stop(&store->read_again);
    store->is_reading = true;
    store->is_stale = false;
    pg_ask(store->pg, &(struct pg_statement){.sql = select_keys, .on_rows = on_rows, .owner = store});
}

static void show_failure(struct key_store *store, const struct err *err)
{
    if (store->has_read)
        health_set(store->check, HEALTH_DEGRADED, "new and revoked keys are not seen: %s", err->text);
    else if (store->auth->key_count > 0)
        health_set(store->check, HEALTH_DEGRADED, "only keys of the configuration work: %s", err->text);
    else
        health_set(store->check, HEALTH_DOWN, "table secrets was never read: %s", err->text);
}

static void on_rows(void *owner, const struct pg_rows *rows, const struct err *err)
{
    struct key_store *store = owner;
    uint32_t random = 0;

    store->is_reading = false;
    if (rows == NULL) {
        /* A lost connection is read from anew when it is back; the timer is for a missing table or right. */
        show_failure(store, err);
        if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
            BUG("getrandom");
        loop_timer_start(&store->read_again, backoff_next_ms(&store->backoff, random));
        return;
    }
    backoff_reset(&store->backoff);
    use_rows(store, rows);
    if (store->is_stale)
        read_table(store);
    else
        health_set(store->check, HEALTH_UP, NULL);
}

static void on_notify(void *owner, const char *payload)
{
    (void)payload;
    read_table(owner);
}

static void on_away(void *owner, const struct err *err)
{
    show_failure(owner, err);
}

/* ---- for the owner ---- */

static bool connect_to_postgres(struct key_store *store, struct loop *loop,
                                const struct postgres_config *postgres, struct err *err)
{
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

    health_set(store->check, HEALTH_DOWN, "table secrets was never read: not connected to PostgreSQL yet");
    return pg_start(loop, &settings, &store->pg, err);
}

bool key_store_start(struct loop *loop, const struct postgres_config *postgres,
                     const struct auth_config *auth, struct health *health, struct key_store **out_store,
                     struct err *err)
{
    struct key_store *store = xcalloc(1, sizeof(*store));

    store->auth = auth;
    store->table = table_new(auth->key_count);
    store->backoff = (struct backoff){.first_ms = READ_AGAIN_FIRST_MS, .highest_ms = READ_AGAIN_HIGHEST_MS};
    store->check = health_check_new(health, "keys");
    loop_timer_init(&store->read_again, loop, read_table, store);
    bool uses_postgres = postgres->dsn != NULL && postgres->dsn[0] != '\0';
    if (!add_configured_keys(store->table, auth, err) ||
        (uses_postgres && !connect_to_postgres(store, loop, postgres, err))) {
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
    loop_timer_stop(&store->read_again);
    table_free(store->table);
    table_free(store->previous);
    free(store);
    *store_pointer = NULL;
}

enum key_answer key_store_find(struct key_store *store, struct slice key, struct key_identity *out_identity)
{
    char hex[DIGEST_SHA256_HEX_BYTES];
    unsigned char hash[HASH_BYTES];

    digest_sha256_hex(key, hex);
    BUG_ON(!digest_from_hex(slice_from(hex), hash, sizeof(hash)));
    const struct key *found = *table_slot(store->table, hash);
    if (found == NULL || found->expires_us <= clock_wall_us())
        return found != NULL || store->pg == NULL || store->has_read ? KEY_NOT_FOUND : KEY_UNKNOWN;
    *out_identity = found->identity;
    return KEY_FOUND;
}
