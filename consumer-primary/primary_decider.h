/*
 * primary_decider.h - what becomes of the records of `events` (decider.h): the first copy of an event becomes
 * a row of `events` and of `event_ids`; a later one (resends.h), and a record that is no event, become a row
 * of `event_outcomes`. Loop thread; nothing blocks.
 */
#ifndef MILLRACE_PRIMARY_DECIDER_H
#define MILLRACE_PRIMARY_DECIDER_H

#include "common/base/arena.h"
#include "common/codec/json_read.h"
#include "common/service/batch/decider.h"
#include "consumer-primary/known_ids.h"

#include <sys/queue.h>

struct metric;
struct metrics;

/* Numbers of the companions in the stage's description. */
enum { PRIMARY_IDS, PRIMARY_OUTCOMES };

/* What the deciders of all partitions share; the `owner` of the batch stage. */
struct primary {
    const char *topic;
    struct json_reader *json;
    struct arena arena; /* of the record at hand */
    struct metric *duplicates, *conflicts, *asked;
    struct metric *filter_bytes;
    LIST_HEAD(decider_list, decider) deciders;
    struct known_ids_line fillings;
};

/* The three: keeps. */
void primary_init(struct primary *primary, const char *topic, struct metrics *metrics);
void primary_done(struct primary *primary);

extern const struct decider_class primary_decider;

/* The other functions of a batch stage (batch_stage.h). */
bool primary_identify(void *owner, const struct batch_record *record, struct buf *out_id);
void primary_on_reject(void *owner, const struct batch_record *record, const struct batch_reject *reject,
                       struct batch *batch);

#endif
