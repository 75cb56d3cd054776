#include "common/base/bug.h"
#include "common/base/log.h"
#include "common/service/batch/partition_state.h"

static void plan_and_commit(struct partition *partition, uint32_t count, uint32_t starts)
{
    struct plan_state *state = &partition->plan_state;

    batch_split_off(&partition->intake.records, count, &partition->batch);
    state->next = batch_first(&partition->batch);
    if (state->next > state->suspect_until)
        state->suspect_until = PLAN_OFFSET_NONE;
    state->has_plan = true;
    state->plan = (struct plan){
        .first = state->next,
        .last = batch_last(&partition->batch),
        .count = count,
        .checksum = batch_checksum(&partition->batch, count),
        .starts = starts,
    };
    partition->is_uncommitted = true;
    partition_commit(partition, PARTITION_PLANNING);
}

void partition_plan_new(struct partition *partition)
{
    uint32_t starts;
    uint32_t count = partition->intake.records.count;

    if (count > partition->context->flush.max_records)
        count = partition->context->flush.max_records;
    count = plan_size(&partition->plan_state, batch_first(&partition->intake.records), count, &starts);
    plan_and_commit(partition, count, starts);
}

/* Smaller plans from here to the end of the present one will show which record it is. */
static void suspect_plan(struct partition *partition)
{
    int64_t last = partition->plan_state.plan.last;

    partition->plan_state.suspect_until = last;
    partition->plan_state.has_plan = false;
    if (partition->replay_until < last)
        partition->replay_until = last;
}

static bool is_same_plan(struct partition *partition, struct err *err)
{
    const struct plan *plan = &partition->plan_state.plan;
    struct batch *records = &partition->intake.records;
    uint32_t count = batch_count_until(records, plan->last);

    if (count == plan->count && batch_checksum(records, count) == plan->checksum)
        return true;
    err_set(
        err, ERR_REJECT,
        "the log has other records at offsets %lld to %lld than the plan that was begun with them (%u of %u)",
        (long long)plan->first, (long long)plan->last, count, plan->count);
    return false;
}

/* One at a time in the whole worker: if its records end the worker, no other plan's start counts for it. */
static bool may_be_tried(struct partition *partition)
{
    struct batch_load *load = partition->context->load;

    if (load->on_trial != NULL && load->on_trial != partition)
        return false;
    load->on_trial = partition;
    return true;
}

void partition_plan_end_trial(struct partition *partition)
{
    struct batch_load *load = partition->context->load;

    if (load->on_trial != partition)
        return;
    load->on_trial = NULL;
    loop_turn_ask(partition->context->turn);
}

void partition_plan_found(struct partition *partition)
{
    struct plan plan = partition->plan_state.plan;
    struct err err;

    if (!may_be_tried(partition))
        return; /* the end of the other trial asks for the next turn */
    if (!is_same_plan(partition, &err)) {
        partition_stop_for_person(partition, &err);
        return;
    }
    switch (plan_take_over(&plan)) {
    case PLAN_START:
    case PLAN_GIVE_UP:
        log_partition(LOG_LEVEL_NOTICE, partition->context->stage->source_topic, partition->number,
                      "doing the plan of offsets %lld to %lld again (start %u)", (long long)plan.first,
                      (long long)plan.last, plan.starts + 1);
        plan_and_commit(partition, plan.count, plan.starts + 1);
        return;
    case PLAN_HALVE:
        log_partition(LOG_LEVEL_WARNING, partition->context->stage->source_topic, partition->number,
                      "the plan of offsets %lld to %lld was begun %u times: doing it in halves",
                      (long long)plan.first, (long long)plan.last, plan.starts);
        suspect_plan(partition);
        partition->is_found_plan = false;
        partition_plan_new(partition);
        return;
    }
    BUG("unknown answer of plan_take_over");
}

void partition_plan_split(struct partition *partition)
{
    struct batch together = {0};

    settler_end(&partition->settler);
    partition->context->stage->decider->forget(partition->decider);
    batch_forget_decisions(&partition->batch);
    batch_append_all(&together, &partition->batch);
    batch_append_all(&together, &partition->intake.records);
    batch_done(&partition->batch);
    batch_done(&partition->intake.records);
    partition->intake.records = together;
    suspect_plan(partition);
    partition_plan_new(partition);
}

/* A worker that stops in good order, or that waits for a table which is away, was not ended by the plan's
 * records: such a start must not count, or an outage with restarts would make dead letters of good events. */
void partition_plan_uncount(struct partition *partition, enum partition_state state)
{
    partition_plan_end_trial(partition);
    partition->plan_state.plan.starts = 0;
    partition_commit(partition, state);
}
