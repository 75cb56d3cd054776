#include "common/io/http_pool.h"

#include "common/base/alloc.h"
#include "common/base/bug.h"
#include "common/io/http_flush.h"
#include "common/io/http_limits.h"

#include <stdlib.h>
#include <sys/random.h>

enum {
    SWEEP_MIN_MS = 10,
    SWEEP_MAX_MS = 500,
    /* A step with an RSA key of 2048 bits costs about half a millisecond, with a P-256 one a tenth. */
    HANDSHAKE_STEPS_A_TURN = 16,
};

static uint64_t min3(uint64_t a, uint64_t b, uint64_t c)
{
    uint64_t least = a < b ? a : b;

    return least < c ? least : c;
}

/* A tenth of the shortest deadline is as exact as anybody needs. */
static uint64_t sweep_interval(const struct http_limits *limits)
{
    uint64_t interval_ms =
        min3(limits->header_timeout_ms, limits->idle_timeout_ms, limits->rate_window_ms) / 10;

    if (interval_ms < SWEEP_MIN_MS)
        return SWEEP_MIN_MS;
    return interval_ms > SWEEP_MAX_MS ? SWEEP_MAX_MS : interval_ms;
}

static void on_sweep(void *owner)
{
    struct http_pool *pool = owner;
    uint64_t now_ms = loop_now_ms(pool->loop);
    struct http_connection *connection = LIST_FIRST(&pool->connections);

    while (connection != NULL) {
        struct http_connection *next = LIST_NEXT(connection, all);
        http_connection_check_deadline(connection, now_ms);
        connection = next;
    }
}

/* Who does not take what was answered must not take room from others. */
static void close_greediest(struct http_pool *pool)
{
    struct http_connection *greediest = NULL;
    struct http_connection *connection;

    LIST_FOREACH(connection, &pool->connections, all)
    {
        if (greediest == NULL || connection->unsent_bytes > greediest->unsent_bytes)
            greediest = connection;
    }
    BUG_ON(greediest == NULL);
    http_connection_close(greediest);
}

/* What is marked while this runs waits for the next turn. */
static void on_flush(void *owner)
{
    struct http_pool *pool = owner;
    struct http_connection *last = NULL;
    struct http_connection *connection;

    STAILQ_FOREACH(connection, &pool->dirty, dirty)
    last = connection;
    while ((connection = STAILQ_FIRST(&pool->dirty)) != NULL) {
        STAILQ_REMOVE_HEAD(&pool->dirty, dirty);
        connection->is_dirty = false;
        bool was_last = connection == last;
        http_flush(connection);
        if (was_last)
            break;
    }
    while (pool->unsent_bytes > pool->limits->unsent_bytes && pool->connection_count > 0)
        close_greediest(pool);
}

void http_pool_start(struct http_pool *pool)
{
    LIST_INIT(&pool->connections);
    LIST_INIT(&pool->open);
    STAILQ_INIT(&pool->dirty);
    loop_turn_init(&pool->flush, pool->loop, on_flush, pool);
    loop_timer_init(&pool->sweep, pool->loop, on_sweep, pool);
    pool->sweep_ms = sweep_interval(pool->limits);
    pool->read_buffer = xmalloc(HTTP_READ_BUFFER_BYTES);
    if (getrandom(&pool->id_seed, sizeof(pool->id_seed), 0) != (ssize_t)sizeof(pool->id_seed))
        BUG("getrandom gave less than 8 bytes");
}

void http_pool_leave(struct http_pool *pool)
{
    pool->is_leaving = true;
}

void http_pool_drain(struct http_pool *pool)
{
    struct http_connection *connection = LIST_FIRST(&pool->connections);

    pool->is_leaving = pool->is_draining = true;
    while (connection != NULL) {
        struct http_connection *next = LIST_NEXT(connection, all);
        http_connection_drain(connection);
        connection = next;
    }
}

void http_pool_stop(struct http_pool *pool)
{
    struct http_request *request;

    on_flush(pool); /* what was answered on the way out still goes */
    while (!LIST_EMPTY(&pool->connections))
        http_connection_close(LIST_FIRST(&pool->connections));
    while ((request = LIST_FIRST(&pool->open)) != NULL) {
        LIST_REMOVE(request, open);
        request->is_open = false;
        request->pool = NULL;
    }
    loop_timer_stop(&pool->sweep);
    loop_turn_done(&pool->flush);
    free(pool->read_buffer);
    pool->read_buffer = NULL;
}

struct http_connection *http_pool_largest_reader(const struct http_pool *pool)
{
    struct http_connection *largest = NULL;
    struct http_connection *connection;
    size_t most_bytes = 0;

    LIST_FOREACH(connection, &pool->connections, all)
    {
        size_t bytes = connection->current != NULL ? connection->current->held_bytes : 0;
        if (bytes > most_bytes) {
            largest = connection;
            most_bytes = bytes;
        }
    }
    return largest;
}

bool http_pool_takes_handshake(struct http_pool *pool)
{
    uint32_t turn = loop_turn_number(pool->loop);

    if (turn != pool->handshake_turn)
        pool->handshake_steps = 0;
    pool->handshake_turn = turn;
    return pool->handshake_steps++ < HANDSHAKE_STEPS_A_TURN;
}

void http_pool_flush_soon(struct http_pool *pool, struct http_connection *connection)
{
    if (!connection->is_dirty) {
        connection->is_dirty = true;
        STAILQ_INSERT_TAIL(&pool->dirty, connection, dirty);
    }
    loop_turn_ask(&pool->flush);
}

void http_pool_on_opened(struct http_pool *pool, struct http_request *request)
{
    request->is_open = true;
    LIST_INSERT_HEAD(&pool->open, request, open);
    pool->open_count++;
}

void http_pool_on_answered(struct http_pool *pool, struct http_request *request, int status)
{
    pool->on_answered(pool->owner, request, status);
    if (!request->is_open)
        return;
    request->is_open = false;
    LIST_REMOVE(request, open);
    pool->open_count--;
}
