#include "common/io/pg.h"

#include "common/base/alloc.h"
#include "common/base/backoff.h"
#include "common/base/buf.h"
#include "common/base/bug.h"
#include "common/base/log.h"
#include "common/io/loop.h"
#include "common/io/pg_error.h"
#include "common/io/pg_rows.h"

#include <libpq-fe.h>

enum {
    RETRY_FIRST_MS = 100,
    RETRY_HIGHEST_MS = 2000,
    /* The server ends a slow statement itself; one that doesn't even say so by then is taken for dead. */
    DEAD_AFTER_MS = 1000,
};

enum pg_state {
    PG_AWAY,       /* waits for the next try */
    PG_CONNECTING, /* libpq's handshake */
    PG_PREPARING,  /* timeout and LISTEN under way */
    PG_IDLE,
    PG_BUSY, /* a statement under way */
};

/* A statement in line or under way. */
struct ask {
    struct ask *next;
    const char *sql;
    char *parameters[PG_PARAMETERS_MAX];
    int parameter_count;
    pg_on_rows *on_rows;
    void *owner;
    uint64_t due_ms;
};

struct pg {
    struct loop *loop;
    struct pg_settings settings;
    enum pg_state state;
    PGconn *connection;        /* NULL while away */
    PGresult *result;          /* of what is under way, until libpq says that it is complete */
    struct ask *under_way;     /* NULL while busy: it timed out and was answered */
    uint64_t dead_ms;          /* while busy: when the connection is given up */
    struct ask *first, **last; /* in line */
    struct loop_io io;
    struct loop_turn turn;
    struct loop_timer attempt_timer; /* away: the next try; connecting: the deadline of this one */
    struct loop_timer statement_timer;
    struct backoff backoff;
    struct err last_error;
    bool is_calling_back;
};

/* ---- statements ---- */

static void ask_free(struct ask *ask)
{
    for (int i = 0; i < ask->parameter_count; i++)
        free(ask->parameters[i]);
    free(ask);
}

static void answer(struct pg *pg, struct ask *ask, const struct pg_rows *rows, const struct err *err)
{
    pg->is_calling_back = true;
    ask->on_rows(ask->owner, rows, err);
    pg->is_calling_back = false;
    ask_free(ask);
}

static struct ask *take_first(struct pg *pg)
{
    struct ask *ask = pg->first;

    pg->first = ask->next;
    if (pg->first == NULL)
        pg->last = &pg->first;
    return ask;
}

/* One timer for all: the line is in the order of the deadlines, as all have the same timeout. */
static void arm_statement_timer(struct pg *pg)
{
    uint64_t due_ms = UINT64_MAX;
    uint64_t now_ms = loop_now_ms(pg->loop);

    if (pg->first != NULL)
        due_ms = pg->first->due_ms;
    if (pg->under_way != NULL && pg->under_way->due_ms < due_ms)
        due_ms = pg->under_way->due_ms;
    if (pg->state == PG_BUSY && pg->dead_ms < due_ms)
        due_ms = pg->dead_ms;
    if (due_ms == UINT64_MAX)
        loop_timer_stop(&pg->statement_timer);
    else
        loop_timer_start(&pg->statement_timer, due_ms > now_ms ? due_ms - now_ms : 0);
}

/* ---- the connection ---- */

/* Gives the connection up and plans the next try. What is in line stays there. */
static void lose(struct pg *pg, const struct err *err)
{
    struct ask *under_way = pg->under_way;

    loop_io_stop(&pg->io); /* before libpq closes the descriptor */
    PQclear(pg->result);
    PQfinish(pg->connection);
    pg->result = NULL;
    pg->connection = NULL;
    pg->under_way = NULL;
    pg->state = PG_AWAY;
    pg->last_error = *err;
    pg->last_error.kind = ERR_RETRY;
    loop_timer_start(&pg->attempt_timer, backoff_jittered_ms(&pg->backoff));
    arm_statement_timer(pg);

    struct err reason = pg->last_error;
    if (under_way != NULL) {
        err_prefix(&reason, "the connection was lost while a statement was under way");
        answer(pg, under_way, NULL, &reason);
    }
    if (pg->settings.on_away == NULL)
        return;
    pg->is_calling_back = true;
    pg->settings.on_away(pg->settings.owner, &pg->last_error);
    pg->is_calling_back = false;
}

static void lose_by_libpq(struct pg *pg, const char *context)
{
    struct err err;

    pg_error_set(&err, ERR_RETRY, context, PQerrorMessage(pg->connection));
    lose(pg, &err);
}

/* False when the connection is lost. */
static bool flush(struct pg *pg)
{
    int left = PQflush(pg->connection);

    if (left < 0) {
        lose_by_libpq(pg, "send to PostgreSQL");
        return false;
    }
    loop_io_set(&pg->io, PQsocket(pg->connection), left > 0 ? LOOP_READABLE | LOOP_WRITABLE : LOOP_READABLE);
    return true;
}

/* Begins with the next statement, if there is one and nothing is under way. */
static void send_next(struct pg *pg)
{
    if (pg->state != PG_IDLE || pg->first == NULL)
        return;
    struct ask *ask = pg->first;
    if (PQsendQueryParams(pg->connection, ask->sql, ask->parameter_count, NULL,
                          (const char *const *)ask->parameters, NULL, NULL, 0) == 0) {
        lose_by_libpq(pg, "send to PostgreSQL"); /* nothing was sent, so it stays in line */
        return;
    }
    pg->under_way = take_first(pg);
    pg->state = PG_BUSY;
    pg->dead_ms = loop_now_ms(pg->loop) + pg->settings.statement_timeout_ms + DEAD_AFTER_MS;
    arm_statement_timer(pg);
    (void)flush(pg);
}

static void finish_preparing(struct pg *pg)
{
    loop_timer_stop(&pg->attempt_timer);
    backoff_reset(&pg->backoff);
    pg->state = PG_IDLE;
    pg->last_error = (struct err){0};
    if (pg->settings.on_connected != NULL) {
        pg->is_calling_back = true;
        pg->settings.on_connected(pg->settings.owner);
        pg->is_calling_back = false;
    }
}

static void finish_statement(struct pg *pg, PGresult *result)
{
    struct ask *ask = pg->under_way;
    struct err err;

    pg->under_way = NULL;
    pg->state = PG_IDLE;
    arm_statement_timer(pg);
    if (ask == NULL)
        return; /* answered when it timed out */
    if (pg_rows_is_good(result)) {
        answer(pg, ask, &(struct pg_rows){.result = result}, NULL);
        return;
    }
    pg_error_of_result(result, &err);
    answer(pg, ask, NULL, &err);
}

/* All results of what was under way have arrived. False when the connection is lost. */
static bool finish(struct pg *pg)
{
    PGresult *result = pg->result;
    struct err err;

    BUG_ON(result == NULL);
    if (!pg_rows_is_good(result) &&
        (PQstatus(pg->connection) == CONNECTION_BAD || pg->state == PG_PREPARING)) {
        pg_error_of_result(result, &err);
        lose(pg, &err);
        return false;
    }
    pg->result = NULL;
    if (pg->state == PG_PREPARING)
        finish_preparing(pg);
    else
        finish_statement(pg, result);
    PQclear(result);
    send_next(pg);
    return pg->connection != NULL;
}

static void take_results(struct pg *pg)
{
    while ((pg->state == PG_BUSY || pg->state == PG_PREPARING) && !PQisBusy(pg->connection)) {
        PGresult *result = PQgetResult(pg->connection);
        if (result == NULL) {
            if (!finish(pg))
                return;
            continue;
        }
        /* Of the two commands that prepare a session, the first that fails tells why. */
        if (pg->result != NULL && !pg_rows_is_good(pg->result)) {
            PQclear(result);
            continue;
        }
        PQclear(pg->result);
        pg->result = result;
    }
}

static void take_notifications(struct pg *pg)
{
    PGnotify *notify;

    while ((notify = PQnotifies(pg->connection)) != NULL) {
        if (pg->settings.on_notify != NULL) {
            pg->is_calling_back = true;
            pg->settings.on_notify(pg->settings.owner, notify->extra);
            pg->is_calling_back = false;
        }
        PQfreemem(notify);
    }
}

static void read_and_write(struct pg *pg)
{
    if (PQconsumeInput(pg->connection) == 0) {
        lose_by_libpq(pg, "PostgreSQL");
        return;
    }
    if (!flush(pg))
        return;
    take_results(pg);
    if (pg->connection != NULL)
        take_notifications(pg); /* last, as libpq reads those behind a result only when that is taken */
}

/* One round trip for all that a session needs. */
static void prepare_session(struct pg *pg)
{
    AUTO_BUF sql = {0};

    pg->state = PG_PREPARING;
    buf_printf(&sql, "SET statement_timeout = %u", pg->settings.statement_timeout_ms);
    if (pg->settings.channel != NULL) {
        char *channel =
            PQescapeIdentifier(pg->connection, pg->settings.channel, strlen(pg->settings.channel));
        BUG_ON(channel == NULL);
        buf_printf(&sql, "; LISTEN %s", channel);
        PQfreemem(channel);
    }
    if (PQsetnonblocking(pg->connection, 1) != 0 || PQsendQuery(pg->connection, buf_text(&sql)) == 0)
        lose_by_libpq(pg, "prepare the session");
    else
        (void)flush(pg);
}

static void go_on_connecting(struct pg *pg)
{
    /* libpq may close its descriptor here and get the same number again, which the loop can't see. */
    loop_io_stop(&pg->io);
    switch (PQconnectPoll(pg->connection)) {
    case PGRES_POLLING_READING:
        loop_io_set(&pg->io, PQsocket(pg->connection), LOOP_READABLE);
        return;
    case PGRES_POLLING_OK:
        prepare_session(pg);
        return;
    case PGRES_POLLING_FAILED:
        lose_by_libpq(pg, "PostgreSQL");
        return;
    default:
        loop_io_set(&pg->io, PQsocket(pg->connection), LOOP_WRITABLE);
        return;
    }
}

static void on_notice(void *owner, const char *message)
{
    (void)owner;
    log_debug("PostgreSQL: %.*s", (int)strcspn(message, "\n"), message);
}

static PGconn *begin_to_connect(const struct pg_settings *settings)
{
    /* What stands before dbname gives way to the connection string. A dead link is noticed within half a
     * minute, since a NOTIFY that never comes looks like silence. */
    const char *const names[] = {"fallback_application_name",
                                 "keepalives_idle",
                                 "keepalives_interval",
                                 "keepalives_count",
                                 "dbname",
                                 "client_encoding",
                                 settings->password != NULL ? "password" : NULL,
                                 NULL};
    const char *const values[] = {log_stage(),        "10", "5", "3", settings->dsn, "UTF8",
                                  settings->password, NULL};

    return PQconnectStartParams(names, values, 1);
}

static void try_to_connect(struct pg *pg)
{
    pg->connection = begin_to_connect(&pg->settings);
    BUG_ON(pg->connection == NULL); /* out of memory */
    (void)PQsetNoticeProcessor(pg->connection, on_notice, pg);
    pg->state = PG_CONNECTING;
    if (PQstatus(pg->connection) == CONNECTION_BAD) {
        lose_by_libpq(pg, "PostgreSQL");
        return;
    }
    loop_timer_start(&pg->attempt_timer, pg->settings.connect_timeout_ms);
    loop_io_set(&pg->io, PQsocket(pg->connection), LOOP_WRITABLE);
}

/* ---- callbacks of the loop ---- */

static void on_socket_ready(void *owner, int events)
{
    struct pg *pg = owner;

    (void)events;
    if (pg->state == PG_CONNECTING)
        go_on_connecting(pg);
    else
        read_and_write(pg);
}

static void on_attempt_due(void *owner)
{
    struct pg *pg = owner;
    struct err err;

    if (pg->state == PG_AWAY) {
        try_to_connect(pg);
        return;
    }
    err_set(&err, ERR_RETRY, "PostgreSQL: no connection within %u ms", pg->settings.connect_timeout_ms);
    lose(pg, &err);
}

/* Answers the statements whose time is over. */
static void on_statement_due(void *owner)
{
    struct pg *pg = owner;
    uint64_t now_ms = loop_now_ms(pg->loop);
    struct err err;

    if (pg->state == PG_BUSY && pg->dead_ms <= now_ms) {
        err_set(&err, ERR_RETRY, "PostgreSQL: no answer %u ms after a statement's deadline", DEAD_AFTER_MS);
        lose(pg, &err);
    }
    err_set(&err, ERR_RETRY, "PostgreSQL: no answer within %u ms%s%s", pg->settings.statement_timeout_ms,
            pg->last_error.text[0] != '\0' ? "; " : "", pg->last_error.text);
    if (pg->under_way != NULL && pg->under_way->due_ms <= now_ms) {
        struct ask *ask = pg->under_way;
        pg->under_way = NULL; /* the server is still at it: the connection stays busy */
        answer(pg, ask, NULL, &err);
    }
    while (pg->first != NULL && pg->first->due_ms <= now_ms)
        answer(pg, take_first(pg), NULL, &err);
    arm_statement_timer(pg);
}

static void on_turn(void *owner)
{
    send_next(owner);
}

/* ---- for the owner ---- */

bool pg_start(struct loop *loop, const struct pg_settings *settings, struct pg **out_pg, struct err *err)
{
    if (!pg_error_check_dsn(settings->dsn, err))
        return false;
    struct pg *pg = xcalloc(1, sizeof(*pg));
    *pg = (struct pg){.loop = loop, .settings = *settings, .state = PG_AWAY};
    pg->backoff = (struct backoff){.first_ms = RETRY_FIRST_MS, .highest_ms = RETRY_HIGHEST_MS};
    pg->last = &pg->first;
    loop_io_init(&pg->io, loop, on_socket_ready, pg);
    loop_turn_init(&pg->turn, loop, on_turn, pg);
    loop_timer_init(&pg->attempt_timer, loop, on_attempt_due, pg);
    loop_timer_init(&pg->statement_timer, loop, on_statement_due, pg);
    err_set(&pg->last_error, ERR_RETRY, "PostgreSQL: not connected yet");
    loop_timer_start(&pg->attempt_timer, 0); /* so that no callback comes before the owner has its pg */
    *out_pg = pg;
    return true;
}

void pg_stop(struct pg **pg_pointer)
{
    struct pg *pg = *pg_pointer;

    if (pg == NULL)
        return;
    BUG_ON(pg->is_calling_back);
    loop_io_stop(&pg->io);
    loop_turn_done(&pg->turn);
    loop_timer_stop(&pg->attempt_timer);
    loop_timer_stop(&pg->statement_timer);
    PQclear(pg->result);
    PQfinish(pg->connection);
    if (pg->under_way != NULL)
        ask_free(pg->under_way);
    while (pg->first != NULL)
        ask_free(take_first(pg));
    free(pg);
    *pg_pointer = NULL;
}

void pg_ask(struct pg *pg, const struct pg_statement *statement)
{
    struct ask *ask = xcalloc(1, sizeof(*ask));

    BUG_ON(statement->parameter_count < 0 || statement->parameter_count > PG_PARAMETERS_MAX);
    ask->sql = statement->sql;
    ask->parameter_count = statement->parameter_count;
    ask->on_rows = statement->on_rows;
    ask->owner = statement->owner;
    ask->due_ms = loop_now_ms(pg->loop) + pg->settings.statement_timeout_ms;
    for (int i = 0; i < statement->parameter_count; i++)
        if (statement->parameters[i] != NULL)
            ask->parameters[i] = xstrdup(statement->parameters[i]);
    *pg->last = ask;
    pg->last = &ask->next;
    arm_statement_timer(pg);
    loop_turn_ask(&pg->turn);
}
