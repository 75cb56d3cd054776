#include "common/service/key_usage.h"

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/io/loop.h"
#include "common/io/pg.h"

#include <inttypes.h>
#include <stdlib.h>

enum {
    COLLECT_MS = 1000,       /* so that many keys share a statement */
    REPORT_AGAIN_MS = 60000, /* of one key, and after a statement that failed */
    BATCH_KEYS = 1000,
};

struct key_usage {
    struct loop *loop;
    struct pg *pg;
    struct key_table *table; /* NULL before the first */
    struct key *first;       /* in line */
    struct loop_timer timer;
    struct log_gate failures;
    bool is_paused;
    size_t batch_count; /* of the statement under way; 0: none */
    unsigned char batch[BATCH_KEYS][DIGEST_SHA256_BYTES];
};

/* Rows that another program is writing, or that is being revoked, are passed over: so that no two wait for
 * each other. Of several programs that use a key in the same minute one writes. */
static const char write_usage[] =
    "UPDATE secrets SET last_used_at = used.at"
    " FROM (SELECT s.id, to_timestamp(u.used_us / 1000000.0) AS at FROM secrets AS s"
    " JOIN unnest($1::text[], $2::bigint[]) AS u (value, used_us) ON s.value = u.value"
    " ORDER BY s.id FOR NO KEY UPDATE OF s SKIP LOCKED) AS used"
    " WHERE secrets.id = used.id"
    " AND (secrets.last_used_at IS NULL OR secrets.last_used_at < used.at - interval '59 seconds')";

static void put_in_line(struct key_usage *usage, struct key *key)
{
    if (key->is_in_line)
        return;
    key->is_in_line = true;
    key->next_used = usage->first;
    usage->first = key;
}

static void wake_in(struct key_usage *usage, uint64_t delay_ms)
{
    if (usage->first != NULL && usage->batch_count == 0 && !usage->is_paused &&
        !loop_timer_is_running(&usage->timer))
        loop_timer_start(&usage->timer, delay_ms);
}

static void on_written(void *owner, const struct pg_rows *rows, const struct err *err)
{
    struct key_usage *usage = owner;
    uint64_t now_ms = loop_now_ms(usage->loop);
    size_t count = usage->batch_count;
    uint32_t hidden_count;

    usage->batch_count = 0;
    if (rows != NULL) {
        wake_in(usage, COLLECT_MS);
        return;
    }
    if (!usage->is_paused && log_gate_passes(&usage->failures, now_ms, &hidden_count))
        log_warning("when keys were last used is not written now: %s", err->text);
    for (size_t i = 0; i < count; i++) {
        struct key *key = key_table_find(usage->table, usage->batch[i]);
        if (key != NULL)
            put_in_line(usage, key);
    }
    wake_in(usage, REPORT_AGAIN_MS);
}

/* Both become PostgreSQL's text of an array, whose elements hold nothing to escape. */
static void take_batch(struct key_usage *usage, struct buf *hashes, struct buf *times)
{
    char hash[DIGEST_SHA256_HEX_BYTES];
    struct key *key;

    while ((key = usage->first) != NULL && usage->batch_count < BATCH_KEYS) {
        const char *separator = usage->batch_count > 0 ? "," : "{";
        usage->first = key->next_used;
        key->is_in_line = false;
        key->reported_ms = loop_now_ms(usage->loop);
        memcpy(usage->batch[usage->batch_count++], key->hash, sizeof(key->hash));
        digest_to_hex(slice_of(key->hash, sizeof(key->hash)), hash);
        buf_printf(hashes, "%s%s", separator, hash);
        buf_printf(times, "%s%" PRId64, separator, key->used_us);
    }
    buf_append_byte(hashes, '}');
    buf_append_byte(times, '}');
}

static void write_batch(void *owner)
{
    struct key_usage *usage = owner;
    AUTO_BUF hashes = {0};
    AUTO_BUF times = {0};

    if (usage->first == NULL || usage->batch_count > 0)
        return;
    take_batch(usage, &hashes, &times);
    pg_ask(usage->pg, &(struct pg_statement){
                          .sql = write_usage,
                          .parameters = {buf_text(&hashes), buf_text(&times)},
                          .parameter_count = 2,
                          .on_rows = on_written,
                          .owner = usage,
                      });
}

struct key_usage *key_usage_new(struct loop *loop, struct pg *pg)
{
    struct key_usage *usage = xcalloc(1, sizeof(*usage));

    usage->loop = loop;
    usage->pg = pg;
    loop_timer_init(&usage->timer, loop, write_batch, usage);
    return usage;
}

void key_usage_free(struct key_usage **usage)
{
    if (*usage == NULL)
        return;
    loop_timer_stop(&(*usage)->timer);
    free(*usage);
    *usage = NULL;
}

void key_usage_change_table(struct key_usage *usage, struct key_table *table)
{
    struct key_table *before = usage->table;
    size_t position = 0;
    const struct key *key;

    usage->table = table;
    usage->first = NULL;
    while (before != NULL && (key = key_table_next(before, &position)) != NULL) {
        struct key *same = key_table_find(table, key->hash);
        if (same == NULL)
            continue;
        same->used_us = key->used_us;
        same->reported_ms = key->reported_ms;
        if (key->is_in_line)
            put_in_line(usage, same);
    }
}

void key_usage_pause(struct key_usage *usage)
{
    usage->is_paused = true;
    loop_timer_stop(&usage->timer);
}

void key_usage_resume(struct key_usage *usage)
{
    usage->is_paused = false;
    wake_in(usage, COLLECT_MS);
}

void key_usage_mark(struct key_usage *usage, struct key *key)
{
    if (key->is_configured)
        return;
    key->used_us = clock_wall_us();
    if (key->reported_ms != 0 && loop_now_ms(usage->loop) - key->reported_ms < REPORT_AGAIN_MS)
        return;
    put_in_line(usage, key);
    wake_in(usage, COLLECT_MS);
}
