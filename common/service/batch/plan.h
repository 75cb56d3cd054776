/*
 * plan.h - what a worker promises before it inserts: exactly these records, as one block, under this
 * name. The plan travels as the metadata of the offset commit, so that whoever owns the partition next
 * finds it, does it again with the same boundaries, and the table can tell that it is the same.
 *
 * Here are the values and their text; nothing waits and nothing is asked. Pure.
 */
#ifndef MILLRACE_PLAN_H
#define MILLRACE_PLAN_H

#include "common/base/err.h"
#include "common/base/slice.h"

#include <stdint.h>

enum {
    PLAN_OFFSET_NONE = -1,
    PLAN_STARTS_MAX = 3,       /* a plan that would be started once more than this is done in halves */
    PLAN_METADATA_BYTES = 512, /* with NUL; Kafka takes 4,096 */
    PLAN_TOKEN_BYTES = 400,
};

struct plan {
    int64_t first; /* offsets of its first and last record, inclusive */
    int64_t last;
    uint32_t count;    /* records in it; offsets may have holes */
    uint64_t checksum; /* of the source records: see batch_checksum */
    uint32_t starts; /* how often it was begun, this time included; 0: what hindered it was not its records */
};

/* The state of one partition between two commits: its position, and what the metadata says of it. */
struct plan_state {
    uint32_t epoch;    /* which life of the source topic: 1, and one more each time it was made anew */
    int64_t next;      /* the committed offset: everything below is settled */
    int64_t forwarded; /* source offset of the last record forwarded and acknowledged; -1: none */
    int64_t
        suspect_until; /* up to this offset plans are halved, as one of the records ends workers; -1: none */
    bool has_plan;     /* else the last worker left with nothing begun */
    struct plan plan;  /* plan.first == next */
};

/* The metadata's text, NUL-terminated; gives its length. Versioned ("millrace/1 ..."). */
size_t plan_metadata_write(const struct plan_state *state, char out[PLAN_METADATA_BYTES]);

enum plan_reading {
    PLAN_READ,
    PLAN_NOT_OURS, /* no metadata, or not from this program: somebody moved the position by hand */
    PLAN_TOO_NEW,  /* a later format: give the partition up, never ignore it */
};

/* next: the committed offset the metadata came with. */
enum plan_reading plan_metadata_read(struct slice metadata, int64_t next, struct plan_state *out_state,
                                     struct err *err);

/* Whether a plan found on taking over may be started as it is, must be halved, or, when it is one record,
 * given to the dead letters as the one that ends workers. */
enum plan_takeover { PLAN_START, PLAN_HALVE, PLAN_GIVE_UP };
enum plan_takeover plan_take_over(const struct plan *plan);

/* One record that has been started PLAN_STARTS_MAX times: not to be decided again. */
bool plan_is_hopeless(const struct plan *plan);

/* How many records of `available` the next plan takes: all, or, in suspect offsets, half of what is left of
 * them, and at least one. starts of a suspect plan is PLAN_STARTS_MAX, so that it is halved when it fails
 * once; a record alone has all its starts before it. */
uint32_t plan_size(const struct plan_state *state, int64_t first, uint32_t available, uint32_t *out_starts);

/* Where a plan's records are from, and where their rows go. */
struct plan_route {
    const char *table; /* the two: borrows */
    const char *topic;
    int32_t partition;
    uint32_t epoch;
};

/* Names the insert: table, topic, epoch, partition, range and checksum. The same plan has the same token;
 * round counts the repeats that became necessary because the table had the token but not the rows
 * (":r1" and so on; 0: none). */
void plan_token(const struct plan_route *route, const struct plan *plan, uint32_t round,
                char out[PLAN_TOKEN_BYTES]);

#endif
