/*
 * scripted_clickhouse.h - a ClickHouse that knows no tables and answers what a test has written down: a real
 * HTTP server on the test's loop that keeps all that it was asked, sends answers in pieces, and breaks off.
 */
#ifndef MILLRACE_TESTS_SCRIPTED_CLICKHOUSE_H
#define MILLRACE_TESTS_SCRIPTED_CLICKHOUSE_H

#include "common/base/buf.h"
#include "common/io/loop.h"
#include "common/service/batch/stage_table.h"

#include <sys/queue.h>

enum { SCRIPT_RULES_MAX = 16, SCRIPT_REQUESTS_MAX = 32 };

enum script_manner {
    SCRIPT_WHOLE,  /* 200 with the body */
    SCRIPT_PIECES, /* the same in pieces of 1, 2, 3, ... bytes */
    SCRIPT_CUT,    /* the same, but for its last byte: then the connection is closed */
    SCRIPT_REFUSE, /* 500 with the code and the body */
    SCRIPT_HOLD,   /* nothing until scripted_clickhouse_let_go, then whole */
};

struct script_rule {
    const char *sql; /* answers what has this in its SQL */
    enum script_manner manner;
    struct slice body; /* keeps */
    int code;          /* when refused */
    int times;         /* so many; then the next rule that fits. 0: all */
};

struct script_request {
    struct buf sql;
    struct buf arguments; /* of the URL, undecoded: see scripted_clickhouse_argument */
    struct buf content_type;
    struct buf body;
};

struct script_connection;

struct scripted_clickhouse {
    char url[64];
    struct clickhouse *clickhouse; /* a client of it */
    struct loop *loop;
    struct loop_io io;
    int fd;
    LIST_HEAD(script_connection_list, script_connection) connections;
    struct script_rule rules[SCRIPT_RULES_MAX];
    int rule_count;
    struct script_request requests[SCRIPT_REQUESTS_MAX];
    int request_count;
    int held_count;
};

void scripted_clickhouse_start(struct scripted_clickhouse *script, struct loop *loop);
void scripted_clickhouse_stop(struct scripted_clickhouse *script);

/* Among rules that fit the first counts; a request that none fits fails the test. */
void scripted_clickhouse_add(struct scripted_clickhouse *script, const struct script_rule *rule);

/* Forgets all rules and requests; what is held stays held. */
void scripted_clickhouse_begin_anew(struct scripted_clickhouse *script);

/* Answers what is held. */
void scripted_clickhouse_let_go(struct scripted_clickhouse *script);

/* How many requests have this in their SQL. */
int scripted_clickhouse_count(const struct scripted_clickhouse *script, const char *sql);

/* Fails the test unless the argument of the URL has this value, NULL: is not there. */
void scripted_clickhouse_assert(const struct script_request *request, const char *argument,
                                const char *value);

/* The rows of the one external table that came with the request. */
struct slice scripted_clickhouse_external(const struct script_request *request);

/* A table as a stage sees it. Borrows the script. */
struct stage_table scripted_clickhouse_table(const struct scripted_clickhouse *script, const char *name,
                                             const char *columns);

#endif
