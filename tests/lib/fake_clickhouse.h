/*
 * fake_clickhouse.h - a little table behind a real HTTP server on the test's loop: it stores rows, forgets
 * repeats by their token as ClickHouse does, answers the questions of stage_table.h, and fails on request.
 *
 * Its rows are fake_clickhouse_columns: id, source_epoch, kafka_partition, kafka_offset.
 */
#ifndef MILLRACE_TESTS_FAKE_CLICKHOUSE_H
#define MILLRACE_TESTS_FAKE_CLICKHOUSE_H

#include "common/base/buf.h"
#include "common/io/http_server.h"
#include "common/service/batch/stage_table.h"

enum { FAKE_ROWS_MAX = 4096, FAKE_INSERTS_MAX = 64, FAKE_TEXT_BYTES = 200 };

extern const char fake_clickhouse_columns[];

/* What becomes of an insert. */
enum fake_insert {
    FAKE_STORE,
    FAKE_REFUSE,         /* answered with the code; nothing stored */
    FAKE_STORE_SILENTLY, /* stored, but the connection gets 502 without a code: nobody knows */
    FAKE_TOKEN_ONLY,     /* 502, and the token is known although no row is there */
    FAKE_HOLD,           /* not answered until fake_clickhouse_let_go, and stored only then */
};

struct fake_row {
    char id[64];
    uint32_t epoch;
    uint32_t partition;
    uint64_t offset;
};

struct fake_clickhouse {
    struct loop *loop;
    struct http_server *server;
    char url[64];
    struct clickhouse *clickhouse; /* a client of it */
    struct fake_row rows[FAKE_ROWS_MAX];
    size_t row_count;

    enum fake_insert next_inserts[16]; /* of the inserts to come; then FAKE_STORE */
    int next_codes[16];
    size_t next_count, next_at;
    int failing_questions; /* so many questions are answered by a 500 */
    const char *poison_id; /* a row with this id is a data fault (code 27); NULL: none */

    /* What was asked. */
    char tokens[FAKE_INSERTS_MAX][FAKE_TEXT_BYTES];
    char query_ids[FAKE_INSERTS_MAX][FAKE_TEXT_BYTES];
    size_t insert_rows[FAKE_INSERTS_MAX];
    int insert_count;
    int question_count;
    char known_tokens[FAKE_INSERTS_MAX][FAKE_TEXT_BYTES];
    size_t known_token_count;
    struct http_request *held;
};

void fake_clickhouse_start(struct fake_clickhouse *fake, struct loop *loop);
void fake_clickhouse_stop(struct fake_clickhouse *fake);

/* The table as a stage sees it. Borrows the fake. */
struct stage_table fake_clickhouse_table(const struct fake_clickhouse *fake);

/* What becomes of the next insert that has no fate yet. code: for FAKE_REFUSE. */
void fake_clickhouse_plan(struct fake_clickhouse *fake, enum fake_insert what, int code);

/* Stores and answers the insert that is held. */
void fake_clickhouse_let_go(struct fake_clickhouse *fake);

/* Loses it: 502, and nothing stored. */
void fake_clickhouse_lose(struct fake_clickhouse *fake);

/* A row that is there already, with id "<partition>:<offset>". */
void fake_clickhouse_add(struct fake_clickhouse *fake, uint32_t epoch, int32_t partition, int64_t offset);

/* How many rows of that record there are: 1 is what everybody wants. */
int fake_clickhouse_copies(const struct fake_clickhouse *fake, uint32_t epoch, int32_t partition,
                           int64_t offset);

/* Appends a row as a stage's `decide` does. */
void fake_clickhouse_write_row(struct buf *rows, struct slice id, uint32_t epoch, int32_t partition,
                               int64_t offset);

#endif
