/*
 * partition_state.h - the inside of a partition, for the files that are it: partition.c (its steps and its
 * life), partition_open.c (where it begins, and begins again), partition_plan.c (its plans) and
 * partition_view.c (what it shows).
 */
#ifndef MILLRACE_PARTITION_STATE_H
#define MILLRACE_PARTITION_STATE_H

#include "common/io/kafka_consumer.h"
#include "common/io/loop.h"
#include "common/service/batch/context.h"
#include "common/service/batch/forwarder.h"
#include "common/service/batch/intake.h"
#include "common/service/batch/opening.h"
#include "common/service/batch/partition.h"
#include "common/service/batch/settler.h"

enum partition_state {
    PARTITION_OPENING,
    PARTITION_COLLECTING,
    PARTITION_PLANNING,
    PARTITION_DECIDING,
    PARTITION_SETTLING,
    PARTITION_COMMITTING,
    PARTITION_STOPPED,
    PARTITION_CLOSED,
};

struct partition {
    struct kafka_commit commit; /* first: the commit is the partition */
    const struct batch_context *context;
    int32_t number;
    enum partition_state state;
    bool is_closing;
    bool is_commit_out;  /* its answer is still to come */
    bool is_uncommitted; /* the state differs from what the group has */
    bool is_found_plan;  /* state.plan was begun by somebody before and is to be done again */
    bool is_replay;      /* of the plan under way: offsets of it may have rows already */
    int64_t replay_until;
    int64_t committed_forwarded;
    struct plan_state plan_state;
    uint64_t commit_again_at_ms; /* after a commit that failed; the times are monotonic */
    uint64_t deciding_since_ms;
    uint64_t settled_at_ms;
    uint64_t stopped_at_ms;
    struct opening *opening;
    struct kafka_question *question; /* while stopped: has somebody moved the position? */
    struct intake intake;
    struct batch batch;      /* of the plan */
    struct decider *decider; /* NULL while opening */
    struct settler settler;
    struct forwarder *forwarder;
    struct loop_timer timer; /* the next turn that is needed; see wake_in */
    bool has_problem;
    struct err problem;
};

/* Sends plan_state as it is now to the group; the state is entered at once, the answer comes to partition.c.
 */
void partition_commit(struct partition *partition, enum partition_state state);

/* Something keeps the batch from being decided or settled: into out_err. */
bool partition_is_hindered(const struct partition *partition, struct err *out_err);

/* Why it does not get on. */
void partition_set_problem(struct partition *partition, const struct err *err);

/* A turn not later than in delay_ms; every turn says anew what it waits for. */
void partition_wake_in(struct partition *partition, uint64_t delay_ms);

/* Asks where it stands; is_lost: the log does not have the position. */
void partition_open_at(struct partition *partition, const struct kafka_position *position, bool is_lost);

/* The log does not have what comes next: the table decides where to go on. */
void partition_open_again(struct partition *partition);

/* While stopped: asks now and then whether somebody has moved the position. */
void partition_step_stopped(struct partition *partition);

void partition_close_decider(struct partition *partition);

/* Nothing more is done until a person has decided. */
void partition_stop_for_person(struct partition *partition, const struct err *err);

/* Plans what has been collected, as far as the suspects allow, and commits the plan. */
void partition_plan_new(struct partition *partition);

/* All records of a plan that somebody began are here: the same again, or in halves. */
void partition_plan_found(struct partition *partition);

/* The table calls rows of the plan bad: its records go back to the front of the line, and out again in
 * smaller plans. */
void partition_plan_split(struct partition *partition);

/* The plan that was begun before has ended well, or was not what ended workers: others may be tried. */
void partition_plan_end_trial(struct partition *partition);

/* Commits the plan as one whose start does not count. */
void partition_plan_uncount(struct partition *partition, enum partition_state state);

#endif
