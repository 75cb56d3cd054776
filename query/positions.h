/*
 * positions.h - where a consumer group stands in its topic: committed against the ends of the logs. These
 * calls block: for the helper thread (offload.h).
 */
#ifndef MILLRACE_POSITIONS_H
#define MILLRACE_POSITIONS_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdint.h>

enum { POSITIONS_WHY_BYTES = 200, POSITIONS_METADATA_BYTES = 512 };

struct position {
    int64_t committed; /* everything below is done; -1: never committed */
    int64_t next;      /* what is done next: committed, or the log's first offset when there is none */
    int64_t end;       /* offset behind the last record */
    char metadata[POSITIONS_METADATA_BYTES]; /* of the commit; "": none, or longer than ours ever is */
};

struct positions {
    bool is_known;
    char why[POSITIONS_WHY_BYTES]; /* why not */
    int32_t count;                 /* partitions of the topic */
    struct position *items;        /* owned */
};

struct positions_of {
    const char *group; /* the two: borrows */
    const char *topic;
};

/* rk: of that group.id, but never a member of it. Takes at most about timeout_ms. out_positions: empty, or
 * what an earlier call has left. */
void positions_ask(rd_kafka_t *rk, const struct positions_of *whose, int timeout_ms,
                   struct positions *out_positions);

void positions_done(struct positions *positions);

#endif
