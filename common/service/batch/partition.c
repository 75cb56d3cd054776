#include "common/service/batch/partition.h"

#include "common/base/alloc.h"
#include "common/base/bug.h"
#include "common/base/log.h"
#include "common/io/kafka_conf.h"
#include "common/service/batch/partition_state.h"
#include "common/service/metrics.h"

#include <stdlib.h>

enum {
    PARTITION_IDLE_COMMIT_MS = 100,
    PARTITION_COMMIT_RETRY_MS = 500,
    PARTITION_INNOCENT_MS = 1000, /* a plan that has lived so long is not what ends workers */
};

void partition_wake_in(struct partition *partition, uint64_t delay_ms)
{
    loop_timer_start(&partition->timer, delay_ms);
}

static void on_timer(void *owner)
{
    struct partition *partition = owner;

    loop_turn_ask(partition->context->turn);
}

static const struct decider_class *decider_class(const struct partition *partition)
{
    return partition->context->stage->decider;
}

bool partition_is_hindered(const struct partition *partition, struct err *out_err)
{
    return settler_has_problem(&partition->settler, out_err) ||
           (partition->decider != NULL && decider_class(partition)->has_problem(partition->decider, out_err));
}

/* ---- commits ---- */

void partition_commit(struct partition *partition, enum partition_state state)
{
    char metadata[PLAN_METADATA_BYTES];

    BUG_ON(partition->is_commit_out);
    if (partition->forwarder != NULL)
        partition->plan_state.forwarded = forwarder_position(partition->forwarder);
    size_t length = plan_metadata_write(&partition->plan_state, metadata);
    partition->state = state;
    partition->is_commit_out = true;
    kafka_consumer_commit(partition->context->consumer,
                          &(struct kafka_position){
                              .partition = partition->number,
                              .offset = partition->plan_state.next,
                              .metadata = slice_of(metadata, length),
                          },
                          &partition->commit);
}

/* Decides now, not while the commit is on its way: deciding may be what ends workers, and then the start
 * must be on record. */
static void begin_deciding(struct partition *partition)
{
    const struct plan_state *state = &partition->plan_state;

    partition->is_replay = partition->is_found_plan || state->plan.first <= partition->replay_until;
    partition->is_found_plan = false;
    partition->state = PARTITION_DECIDING;
    partition->deciding_since_ms = loop_now_ms(partition->context->loop);
    if (!plan_is_hopeless(&state->plan))
        return;
    partition->state = PARTITION_SETTLING;
    batch_decide_nothing(&partition->batch);
    settler_give_up(&partition->settler, &partition->batch, &state->plan, state->epoch, partition->decider);
}

static void begin_settling(struct partition *partition)
{
    const struct plan_state *state = &partition->plan_state;

    decider_class(partition)->decide(partition->decider, &partition->batch);
    partition->state = PARTITION_SETTLING;
    settler_begin(&partition->settler, &partition->batch, &state->plan, state->epoch, partition->is_replay);
}

static void on_commit_failed(struct partition *partition, rd_kafka_resp_err_t code)
{
    struct err err;

    kafka_err_set(&err, code, "commit the position");
    partition_set_problem(partition, &err);
    partition->commit_again_at_ms = loop_now_ms(partition->context->loop) + PARTITION_COMMIT_RETRY_MS;
    if (partition->state == PARTITION_DECIDING || partition->state == PARTITION_SETTLING)
        partition->plan_state.plan.starts = 1; /* it still counts */
}

static void on_committed(struct kafka_commit *answered, rd_kafka_resp_err_t code)
{
    struct partition *partition = (struct partition *)answered;

    partition->is_commit_out = false;
    loop_turn_ask(partition->context->turn);
    if (partition->state == PARTITION_CLOSED)
        return;
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        on_commit_failed(partition, code);
        return;
    }
    partition->has_problem = false;
    partition->commit_again_at_ms = 0;
    partition->committed_forwarded = partition->plan_state.forwarded;
    if (partition->state == PARTITION_PLANNING) {
        begin_deciding(partition);
    } else if (partition->state == PARTITION_COMMITTING && partition->plan_state.has_plan) {
        partition_abandon(partition); /* the plan is the next owner's */
    } else if (partition->state == PARTITION_COMMITTING) {
        partition->is_uncommitted = false;
        partition->state = PARTITION_COLLECTING;
    }
}

/* ---- steps ---- */

static bool flush_is_due(struct partition *partition)
{
    const struct batch_context *context = partition->context;
    uint64_t now_ms = loop_now_ms(context->loop);
    const struct flush_state state = {
        .last_insert_at_ms = partition->settler.insert_began_ms,
        .last_insert_took_ms = context->load->last_insert_took_ms,
        .busy_partitions = context->load->busy_partitions,
    };
    uint32_t due_in_ms = flush_due_in_ms(&context->flush, &state, now_ms, intake_is_full(&partition->intake));

    if (due_in_ms == 0)
        return true;
    partition_wake_in(partition, due_in_ms);
    return false;
}

static bool forwarded_more(const struct partition *partition)
{
    return partition->forwarder != NULL &&
           forwarder_position(partition->forwarder) != partition->committed_forwarded;
}

/* Nothing to plan: the position itself is committed when it has been quiet for a moment, or on closing. */
static void step_idle(struct partition *partition)
{
    uint64_t idle_ms = loop_now_ms(partition->context->loop) - partition->settled_at_ms;
    bool is_behind = partition->is_uncommitted || forwarded_more(partition);

    if (partition->is_closing) {
        if (partition->forwarder != NULL && forwarder_has_work_at_hand(partition->forwarder))
            return; /* its reports ask for the next turn */
        if (is_behind)
            partition_commit(partition, PARTITION_COMMITTING);
        else
            partition_abandon(partition);
    } else if (is_behind && idle_ms >= PARTITION_IDLE_COMMIT_MS) {
        partition_commit(partition, PARTITION_COMMITTING);
    } else if (is_behind) {
        partition_wake_in(partition, PARTITION_IDLE_COMMIT_MS - idle_ms);
    }
}

static void step_collecting(struct partition *partition)
{
    const struct plan_state *state = &partition->plan_state;

    if (partition->is_closing) {
        if (partition->is_found_plan)
            partition_abandon(partition);
        else
            step_idle(partition);
        return;
    }
    intake_take(&partition->intake, partition->is_found_plan ? state->plan.last : PLAN_OFFSET_NONE);
    if (partition->intake.is_lost)
        partition_open_again(partition);
    else if (partition->is_found_plan && partition->intake.next <= state->plan.last)
        return; /* records ask for the next turn */
    else if (partition->is_found_plan)
        partition_plan_found(partition);
    else if (partition->intake.records.count == 0)
        step_idle(partition);
    else if (flush_is_due(partition))
        partition_plan_new(partition);
}

static void settled(struct partition *partition)
{
    const struct batch_context *context = partition->context;
    uint64_t bytes = partition->batch.bytes;

    partition_plan_end_trial(partition);
    partition->settled_at_ms = loop_now_ms(context->loop);
    partition->plan_state.next = partition->plan_state.plan.last + 1;
    partition->plan_state.has_plan = false;
    metric_add(context->stored_rows, partition->batch.row_count);
    if (partition->forwarder != NULL)
        forwarder_add(partition->forwarder, &partition->batch, partition->plan_state.next);
    settler_end(&partition->settler);
    decider_class(partition)->forget(partition->decider);
    batch_done(&partition->batch);
    context->load->held_bytes -= bytes;
    partition->state = PARTITION_COLLECTING;
    loop_turn_ask(context->turn);
}

/* Not ended by its records: it hit a table that is away, or has simply lived long enough. */
static bool looks_innocent(const struct partition *partition)
{
    uint64_t now_ms = loop_now_ms(partition->context->loop);
    struct err problem;

    return partition->plan_state.plan.starts > 0 && now_ms >= partition->commit_again_at_ms &&
           (now_ms - partition->deciding_since_ms > PARTITION_INNOCENT_MS ||
            partition_is_hindered(partition, &problem));
}

static void step_deciding(struct partition *partition)
{
    if (partition->is_commit_out)
        return; /* the answer asks for the next turn */
    if (partition->is_closing) {
        partition_plan_uncount(partition, PARTITION_COMMITTING);
    } else if (decider_class(partition)->prepare(partition->decider, &partition->batch)) {
        begin_settling(partition);
    } else if (looks_innocent(partition)) {
        partition_plan_uncount(partition, PARTITION_DECIDING);
    } else {
        intake_take(&partition->intake, PLAN_OFFSET_NONE);
        partition_wake_in(partition, PARTITION_INNOCENT_MS);
    }
}

static void step_settling(struct partition *partition)
{
    if (partition->is_commit_out)
        return; /* the answer asks for the next turn */
    if (partition->settler.state == SETTLER_DONE) {
        settled(partition);
        partition_step(partition);
    } else if (partition->is_closing && partition->settler.state != SETTLER_CALLING) {
        partition_plan_uncount(partition, PARTITION_COMMITTING);
    } else if (looks_innocent(partition)) {
        partition_plan_uncount(partition, PARTITION_SETTLING);
    } else if (partition->settler.state == SETTLER_DATA_FAULT) {
        partition_plan_split(partition);
    } else {
        intake_take(&partition->intake, PLAN_OFFSET_NONE);
        partition_wake_in(partition, PARTITION_INNOCENT_MS);
    }
}

/* Planning or committing: a commit that failed is sent again. */
static void step_commit(struct partition *partition)
{
    uint64_t now_ms = loop_now_ms(partition->context->loop);

    if (partition->is_commit_out)
        return;
    if (partition->is_closing)
        partition_abandon(partition);
    else if (now_ms >= partition->commit_again_at_ms)
        partition_commit(partition, partition->state);
    else
        partition_wake_in(partition, partition->commit_again_at_ms - now_ms);
}

void partition_step(struct partition *partition)
{
    if (partition->forwarder != NULL)
        forwarder_step(partition->forwarder);
    switch (partition->state) {
    case PARTITION_OPENING:
    case PARTITION_STOPPED:
        if (partition->is_closing)
            partition_abandon(partition);
        else if (partition->state == PARTITION_STOPPED)
            partition_step_stopped(partition);
        return;
    case PARTITION_COLLECTING:
        step_collecting(partition);
        return;
    case PARTITION_PLANNING:
    case PARTITION_COMMITTING:
        step_commit(partition);
        return;
    case PARTITION_DECIDING:
        step_deciding(partition);
        return;
    case PARTITION_SETTLING:
        step_settling(partition);
        return;
    case PARTITION_CLOSED:
        return;
    }
}

bool partition_needs_slot(const struct partition *partition)
{
    return partition->state == PARTITION_SETTLING && partition->settler.state == SETTLER_NEEDS_SLOT &&
           !partition->is_closing;
}

bool partition_holds_slot(const struct partition *partition)
{
    return partition->settler.state == SETTLER_CALLING;
}

void partition_run(struct partition *partition)
{
    settler_run(&partition->settler);
}

/* ---- life ---- */

struct partition *partition_new(const struct batch_context *context, const struct kafka_position *position)
{
    struct partition *partition = xcalloc(1, sizeof(*partition));

    *partition = (struct partition){
        .commit = {.on_committed = on_committed},
        .context = context,
        .number = position->partition,
        .intake = {.context = context, .partition = position->partition},
    };
    settler_init(&partition->settler, context, position->partition);
    loop_timer_init(&partition->timer, context->loop, on_timer, partition);
    partition_open_at(partition, position, false);
    return partition;
}

void partition_close(struct partition *partition)
{
    partition->is_closing = true;
    loop_turn_ask(partition->context->turn);
}

void partition_abandon(struct partition *partition)
{
    if (partition->state == PARTITION_CLOSED)
        return;
    opening_cancel(&partition->opening);
    if (partition->question != NULL)
        kafka_question_cancel(partition->question);
    partition->question = NULL;
    partition_plan_end_trial(partition);
    settler_cancel(&partition->settler);
    partition_close_decider(partition);
    loop_timer_stop(&partition->timer);
    if (partition->forwarder != NULL)
        forwarder_close(partition->forwarder);
    partition->context->load->held_bytes -= partition->batch.bytes;
    batch_done(&partition->batch);
    intake_done(&partition->intake);
    partition->state = PARTITION_CLOSED;
    loop_turn_ask(partition->context->turn);
}

void partition_forget_commit(struct partition *partition)
{
    partition->is_commit_out = false;
}

bool partition_is_closed(const struct partition *partition)
{
    return partition->state == PARTITION_CLOSED && !partition->is_commit_out;
}

bool partition_is_quiet(const struct partition *partition)
{
    return partition_is_closed(partition) &&
           (partition->forwarder == NULL || forwarder_is_quiet(partition->forwarder));
}

void partition_free(struct partition **partition_p)
{
    struct partition *partition = *partition_p;

    if (partition == NULL)
        return;
    partition_abandon(partition);
    settler_done(&partition->settler);
    forwarder_free(&partition->forwarder);
    free(partition);
    *partition_p = NULL;
}
