#include "common/service/batch/assignment.h"

#include "common/base/alloc.h"
#include "common/base/bug.h"
#include "common/base/log.h"
#include "common/io/kafka_consumer.h"
#include "common/io/loop.h"
#include "common/io/offload.h"
#include "common/service/batch/context.h"
#include "common/service/batch/partition.h"
#include "common/service/batch/stage_view.h"
#include "common/service/kafka_setup.h"
#include "common/service/service.h"

#include <stdlib.h>

enum {
    ASSIGNMENT_REVOKE_TIMEOUT_MS = 5000, /* below the session's; afterwards the process ends */
    ASSIGNMENT_COMMITTED_RETRY_MS = 1000,
};

/* A client that nothing is asked of any more; its end blocks, so it is met on the helper thread. */
struct retired {
    struct offload_job job; /* first: the job is this */
    struct retired *next;
    struct kafka_consumer *consumer;
};

struct assignment {
    struct service *service;
    struct batch_context *context;
    struct stage_view *view;

    int32_t *assigned; /* partitions whose committed positions are being asked for; NULL: not now */
    size_t assigned_count;
    struct kafka_question *question;
    struct loop_timer committed_timer;
    struct partition **partitions;
    size_t partition_count;
    size_t next_for_slot;
    bool is_revoking;
    struct loop_timer revoke_timer;

    /* Revoked, but a report is still out; and clients that lost their assignment, whose records those still
     * hold. */
    struct partition **leaving;
    size_t leaving_count;
    struct retired *retired;

    bool is_closing;
};

static bool start_consumer(struct assignment *assignment, struct err *err);

/* ---- what the group gives ---- */

static void forget_assigned(struct assignment *assignment)
{
    if (assignment->question != NULL)
        kafka_question_cancel(assignment->question);
    assignment->question = NULL;
    free(assignment->assigned);
    assignment->assigned = NULL;
    assignment->assigned_count = 0;
    loop_timer_stop(&assignment->committed_timer);
}

static void fail(struct assignment *assignment, const struct err *err)
{
    service_fail(assignment->service, err);
}

static void begin_partitions(struct assignment *assignment, const struct kafka_position *positions,
                             size_t count)
{
    assignment->partitions = xcalloc(count, sizeof(struct partition *));
    assignment->partition_count = count;
    for (size_t i = 0; i < count; i++)
        assignment->partitions[i] = partition_new(assignment->context, &positions[i]);
    log_info("assigned: %zu partitions of %s", count, assignment->context->stage->source_topic);
    stage_view_set_partitions(assignment->view, assignment->partitions, count);
}

static void on_committed_positions(void *owner, const struct kafka_position *positions, size_t count,
                                   const struct err *err)
{
    struct assignment *assignment = owner;

    assignment->question = NULL;
    if (positions == NULL) {
        log_warning("ask the group for its positions: %s; asking again", err->text);
        loop_timer_start(&assignment->committed_timer, ASSIGNMENT_COMMITTED_RETRY_MS);
        return;
    }
    forget_assigned(assignment);
    begin_partitions(assignment, positions, count);
}

static void ask_committed(void *owner)
{
    struct assignment *assignment = owner;

    assignment->question =
        kafka_consumer_fetch_committed(assignment->context->consumer, assignment->assigned,
                                       assignment->assigned_count, on_committed_positions, assignment);
}

static void on_assigned(void *owner, const int32_t *partitions, size_t count)
{
    struct assignment *assignment = owner;

    BUG_ON(assignment->assigned != NULL || assignment->partition_count > 0);
    free(assignment->partitions); /* of an assignment without any */
    assignment->partitions = NULL;
    kafka_consumer_accept(assignment->context->consumer);
    if (count == 0 || assignment->is_closing) {
        begin_partitions(assignment, NULL, 0);
        return;
    }
    assignment->assigned = xcalloc(count, sizeof(*partitions));
    memcpy(assignment->assigned, partitions, count * sizeof(*partitions));
    assignment->assigned_count = count;
    ask_committed(assignment);
}

static void on_revoked(void *owner)
{
    struct assignment *assignment = owner;

    log_info("revoked: %zu partitions of %s", assignment->partition_count,
             assignment->context->stage->source_topic);
    forget_assigned(assignment);
    assignment->is_revoking = true;
    for (size_t i = 0; i < assignment->partition_count; i++)
        partition_close(assignment->partitions[i]);
    loop_timer_start(&assignment->revoke_timer, ASSIGNMENT_REVOKE_TIMEOUT_MS);
    loop_turn_ask(assignment->context->turn);
}

static bool all_closed(const struct assignment *assignment)
{
    for (size_t i = 0; i < assignment->partition_count; i++)
        if (!partition_is_closed(assignment->partitions[i]))
            return false;
    return true;
}

/* Frees those that are quiet. */
static void reap_leaving(struct assignment *assignment)
{
    size_t kept = 0;

    for (size_t i = 0; i < assignment->leaving_count; i++) {
        if (partition_is_quiet(assignment->leaving[i]))
            partition_free(&assignment->leaving[i]);
        else
            assignment->leaving[kept++] = assignment->leaving[i];
    }
    assignment->leaving_count = kept;
}

static void forget_partitions(struct assignment *assignment)
{
    stage_view_set_partitions(assignment->view, NULL, 0);
    assignment->leaving =
        xrealloc(assignment->leaving,
                 (assignment->leaving_count + assignment->partition_count) * sizeof(struct partition *));
    for (size_t i = 0; i < assignment->partition_count; i++)
        assignment->leaving[assignment->leaving_count++] = assignment->partitions[i];
    free(assignment->partitions);
    assignment->partitions = NULL;
    assignment->partition_count = 0;
}

static void release(struct assignment *assignment)
{
    loop_timer_stop(&assignment->revoke_timer);
    assignment->is_revoking = false;
    forget_partitions(assignment);
    kafka_consumer_release(assignment->context->consumer);
    loop_turn_ask(assignment->context->turn);
}

/* The group gave our partitions away, as after a broker that was away for longer than the session. A commit
 * that the client still holds back would go out later under another name: the client is left to itself, a new
 * one joins. */
static void on_lost(void *owner)
{
    struct assignment *assignment = owner;
    struct retired *retired = xcalloc(1, sizeof(*retired));
    struct err err;

    log_warning("lost: the group has given %zu partitions of %s away; joining again",
                assignment->partition_count, assignment->context->stage->source_topic);
    loop_timer_stop(&assignment->revoke_timer);
    assignment->is_revoking = false;
    forget_assigned(assignment);
    for (size_t i = 0; i < assignment->partition_count; i++) {
        partition_abandon(assignment->partitions[i]);
        partition_forget_commit(assignment->partitions[i]);
    }
    forget_partitions(assignment);
    kafka_consumer_retire(assignment->context->consumer);
    *retired = (struct retired){.next = assignment->retired, .consumer = assignment->context->consumer};
    assignment->retired = retired;
    assignment->context->consumer = NULL;
    if (!start_consumer(assignment, &err))
        fail(assignment, &err);
    loop_turn_ask(assignment->context->turn);
}

static void stop_retired_on_thread(struct offload_job *job)
{
    kafka_consumer_stop(&((struct retired *)job)->consumer);
}

static void on_retired_stopped(struct offload_job *job)
{
    free(job);
}

static void on_retired_dropped(struct offload_job *job)
{
    kafka_consumer_stop(&((struct retired *)job)->consumer);
    free(job);
}

/* Nobody holds a record of theirs any more. */
static void end_retired(struct assignment *assignment)
{
    while (assignment->retired != NULL && assignment->leaving_count == 0) {
        struct retired *retired = assignment->retired;
        assignment->retired = retired->next;
        retired->job = (struct offload_job){
            .work = stop_retired_on_thread, .on_done = on_retired_stopped, .on_dropped = on_retired_dropped};
        offload_run(assignment->context->offload, &retired->job);
    }
}

/* What is still under way is the next owner's; a commit without an answer could reach the broker after the
 * next owner's, so then the process ends before the partitions move. */
static void on_revoke_timeout(void *owner)
{
    struct assignment *assignment = owner;
    struct err err;

    for (size_t i = 0; i < assignment->partition_count; i++)
        partition_abandon(assignment->partitions[i]);
    if (all_closed(assignment))
        return; /* the turn releases them */
    err_set(&err, ERR_FATAL, "commits were not answered within %d ms of a revocation",
            ASSIGNMENT_REVOKE_TIMEOUT_MS);
    fail(assignment, &err);
}

/* ---- turns ---- */

static void give_slot(struct assignment *assignment)
{
    for (size_t i = 0; i < assignment->partition_count; i++)
        if (partition_holds_slot(assignment->partitions[i]))
            return;
    for (size_t i = 0; i < assignment->partition_count; i++) {
        size_t at = (assignment->next_for_slot + i) % assignment->partition_count;
        if (!partition_needs_slot(assignment->partitions[at]))
            continue;
        assignment->next_for_slot = at + 1;
        partition_run(assignment->partitions[at]);
        return;
    }
}

void assignment_step(struct assignment *assignment)
{
    uint32_t busy = 0;

    for (size_t i = 0; i < assignment->partition_count; i++)
        busy += partition_is_busy(assignment->partitions[i]) ? 1 : 0;
    assignment->context->load->busy_partitions = busy;
    for (size_t i = 0; i < assignment->partition_count; i++)
        partition_step(assignment->partitions[i]);
    give_slot(assignment);
    reap_leaving(assignment);
    end_retired(assignment);
    if (assignment->is_revoking && all_closed(assignment))
        release(assignment);
}

void assignment_close(struct assignment *assignment)
{
    assignment->is_closing = true;
    for (size_t i = 0; i < assignment->partition_count; i++)
        partition_close(assignment->partitions[i]);
    loop_turn_ask(assignment->context->turn);
}

bool assignment_is_closed(const struct assignment *assignment)
{
    return assignment->is_closing && !assignment->is_revoking && all_closed(assignment);
}

/* ---- start and stop ---- */

static void on_records(void *owner)
{
    loop_turn_ask(((struct assignment *)owner)->context->turn);
}

static void on_consumer_failed(void *owner, const struct err *err)
{
    fail(owner, err);
}

static bool start_consumer(struct assignment *assignment, struct err *err)
{
    const struct config *all = service_config(assignment->service);
    const struct kafka_client client = {&all->kafka, assignment->context->stage->name, all->instance};
    const struct kafka_consumer_settings settings = {
        .conf = kafka_setup_consumer(&client, assignment->context->stage->group, err),
        .group = assignment->context->stage->group,
        .topic = assignment->context->stage->source_topic,
        .offload = assignment->context->offload,
        .on_assigned = on_assigned,
        .on_revoked = on_revoked,
        .on_lost = on_lost,
        .on_records = on_records,
        .on_failed = on_consumer_failed,
        .owner = assignment,
    };

    return settings.conf != NULL &&
           kafka_consumer_start(assignment->context->loop, &settings, &assignment->context->consumer, err);
}

static void stop_retired(struct assignment *assignment)
{
    while (assignment->retired != NULL) {
        struct retired *retired = assignment->retired;
        assignment->retired = retired->next;
        kafka_consumer_stop(&retired->consumer);
        free(retired);
    }
}

bool assignment_start(struct service *service, struct batch_context *context, struct stage_view *view,
                      struct assignment **out_assignment, struct err *err)
{
    struct assignment *assignment = xcalloc(1, sizeof(*assignment));

    assignment->service = service;
    assignment->context = context;
    assignment->view = view;
    loop_timer_init(&assignment->committed_timer, context->loop, ask_committed, assignment);
    loop_timer_init(&assignment->revoke_timer, context->loop, on_revoke_timeout, assignment);
    if (!start_consumer(assignment, err)) {
        free(assignment);
        return false;
    }
    *out_assignment = assignment;
    return true;
}

void assignment_abandon(struct assignment *assignment)
{
    forget_assigned(assignment);
    loop_timer_stop(&assignment->revoke_timer);
    for (size_t i = 0; i < assignment->partition_count; i++)
        partition_abandon(assignment->partitions[i]);
    forget_partitions(assignment);
    if (assignment->context->consumer != NULL)
        kafka_consumer_retire(assignment->context->consumer);
}

void assignment_stop(struct assignment **assignment_p)
{
    struct assignment *assignment = *assignment_p;

    if (assignment == NULL)
        return;
    for (size_t i = 0; i < assignment->leaving_count; i++)
        partition_free(&assignment->leaving[i]);
    free(assignment->leaving);
    stop_retired(assignment);
    kafka_consumer_stop(&assignment->context->consumer);
    free(assignment);
    *assignment_p = NULL;
}
