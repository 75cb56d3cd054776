/*
 * resends.h - which records of a batch are an event that was there before? An event is (tenant, environment,
 * customer, id), and its earliest copy is the event: of a later one nothing is stored but what became of it.
 *
 *     same content as the first       duplicate
 *     other content                   conflict
 *
 * The answer does not depend on how records are cut into batches. Pure.
 */
#ifndef MILLRACE_RESENDS_H
#define MILLRACE_RESENDS_H

#include "common/codec/digest.h"

#include <stdbool.h>
#include <stdint.h>

/* Where a copy stands in the source topic. */
struct event_place {
    uint32_t epoch;
    uint32_t partition;
    uint64_t offset;
};

/* In the order of the log; among partitions, which an event changes only when the topic grows, by number. */
bool event_place_is_before(const struct event_place *a, const struct event_place *b);

enum verdict { VERDICT_FIRST, VERDICT_DUPLICATE, VERDICT_CONFLICT };

/* A stored copy. */
struct event_copy {
    struct event_place place;
    unsigned char content_hash[DIGEST_128_BYTES];
};

/* One record of the batch, in offset order. */
struct resend {
    uint64_t identity; /* event_identity */
    unsigned char content_hash[DIGEST_128_BYTES];
    uint64_t offset;
    const struct event_copy *earlier; /* of a leader: stored before this batch; NULL: none. Keeps */
    uint32_t leader;  /* index of the first record of the batch with this identity: its own, if it is that */
    bool is_event;    /* the record could be read; else all else means nothing */
    bool id_was_made; /* by ingest: there is no earlier one */
    bool is_astray;   /* its key does not lead to its partition: earlier ones may stand in others */
};

/* Whether two records whose identities are one number are the same event. */
typedef bool resend_is_same(void *owner, uint32_t a, uint32_t b);

/* Fills in `leader`. */
void resends_find_leaders(struct resend *records, uint32_t count, resend_is_same *is_same, void *owner);

/* What becomes of the record. in_out_first: its own place, made that of the event unless this is it. */
enum verdict resend_verdict(const struct resend *records, uint32_t index, struct event_place *in_out_first);

#endif
