/*
 * offset_plan.h - where a partition of a batch stage stands, by the group's commit, Kafka's log and the
 * stage's table; whether its worker can go on by itself (the rules are those of
 * common/service/batch/opening.h); and what a person's decision would change. Pure.
 */
#ifndef MILLRACE_OFFSET_PLAN_H
#define MILLRACE_OFFSET_PLAN_H

#include "common/base/buf.h"
#include "common/service/batch/plan.h"

struct offset_facts {
    bool has_commit;
    int64_t committed;
    enum plan_reading reading; /* of the commit's metadata; the next two belong to it */
    struct plan_state state;   /* PLAN_READ */
    struct err problem;        /* else */

    int64_t low, high; /* the log holds [low, high) */

    bool is_plan_changed; /* the log has other records at the plan's offsets; asked only where it has those */

    bool has_row; /* the newest of the table, in any epoch */
    uint32_t row_epoch;
    int64_t row_offset;
    bool is_same_record; /* Kafka has that row's event at that offset; asked only where the log holds it */

    bool has_forwarded; /* the last record of the partition that is forwarded to */
    uint32_t forwarded_epoch;
    int64_t forwarded_offset;

    uint64_t lost_debt; /* rows that were not forwarded, and whose records are gone from the log */
};

enum offset_state {
    OFFSET_GOOD,      /* a worker goes on by itself */
    OFFSET_DEBT_LOST, /* it stores, but can't forward what it owes */
    OFFSET_CHANGED,   /* it stops: a plan was begun with other records than the log has */
    OFFSET_LOST,      /* it stops: records that may have no row are gone */
    OFFSET_FOREIGN,   /* it stops: somebody else moved the position */
    OFFSET_TOO_NEW,   /* it stops: the position is of a later release */
};

/* Appends to `notes` what is known and, where something is wrong, what. */
enum offset_state offset_plan_judge(const struct offset_facts *facts, struct buf *notes);

/* "good", "debt-lost", "changed", "lost", "foreign", "too-new". */
const char *offset_state_name(enum offset_state state);

/* Whether the commit is ours and within the log: then a worker goes on there without asking the table, and
 * the facts from single records are of no use. */
bool offset_plan_is_in_log(const struct offset_facts *facts);

/* Where storing would go on without anybody's decision, which may be below the log's start. */
struct offset_resume {
    uint32_t epoch;
    int64_t next;
};
struct offset_resume offset_plan_resume(const struct offset_facts *facts);

struct offset_wish {
    int64_t offset;     /* PLAN_OFFSET_NONE: what fits best */
    bool gives_up_debt; /* what is below counts as forwarded */
};

struct offset_change {
    bool is_needed; /* false: all is as the wish has it; then nothing else is set */
    struct plan_state state;
    struct buf effects; /* sentences, for the person who decides; the caller's buf_done */
};

/* ERR_REJECT for a wish that can't be fulfilled. */
bool offset_plan_accept(const struct offset_facts *facts, const struct offset_wish *wish,
                        struct offset_change *out_change, struct err *err);

#endif
