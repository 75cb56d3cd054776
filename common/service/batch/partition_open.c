#include "common/base/log.h"
#include "common/service/batch/partition_state.h"

enum { PARTITION_ASK_AGAIN_MS = 10000 /* while a person is needed */ };

void partition_set_problem(struct partition *partition, const struct err *err)
{
    partition->problem = *err;
    partition->has_problem = true;
}

void partition_stop_for_person(struct partition *partition, const struct err *err)
{
    struct err problem = *err;
    const char *topic = partition->context->stage->source_topic;

    err_prefix(&problem, "%s[%d] stopped until a person decides, by millrace offsets accept --partition %d",
               topic, partition->number, partition->number);
    if (!partition->has_problem || strcmp(partition->problem.text, problem.text) != 0)
        log_partition(LOG_LEVEL_CRITICAL, topic, partition->number, "%s", problem.text);
    partition_set_problem(partition, &problem);
    partition_plan_end_trial(partition);
    partition->state = PARTITION_STOPPED;
    partition->stopped_at_ms = loop_now_ms(partition->context->loop);
    loop_turn_ask(partition->context->turn);
}

/* ---- the decider, which lives from opening to opening ---- */

void partition_close_decider(struct partition *partition)
{
    if (partition->decider != NULL)
        partition->context->stage->decider->close(&partition->decider);
}

static void open_decider(struct partition *partition)
{
    const struct decider_place place = {partition->context, partition->number, partition->plan_state.epoch};
    const struct batch_stage_description *stage = partition->context->stage;

    partition->decider = stage->decider->open(stage->owner, &place);
}

static void on_opened(void *owner, const struct opened *opened)
{
    struct partition *partition = owner;
    struct plan_state *state = &partition->plan_state;

    *state = opened->state;
    partition->replay_until = opened->replay_until;
    opening_cancel(&partition->opening);
    partition->is_found_plan = state->has_plan;
    partition->committed_forwarded = state->forwarded;
    partition->has_problem = false;
    open_decider(partition);
    intake_begin(&partition->intake, state->next);
    kafka_consumer_fetch(partition->context->consumer, partition->number, state->next);
    if (partition->context->forward_topic != NULL) {
        partition->forwarder = forwarder_new(partition->context, partition->number, state->epoch);
        forwarder_begin(partition->forwarder, state->forwarded, state->next);
    }
    partition->state = PARTITION_COLLECTING;
    loop_turn_ask(partition->context->turn);
}

static void on_opening_waits(void *owner, const struct err *err)
{
    partition_set_problem(owner, err);
}

static void on_opening_needs_person(void *owner, const struct err *err)
{
    struct partition *partition = owner;
    struct err copy = *err;

    opening_cancel(&partition->opening);
    partition_stop_for_person(partition, &copy);
}

void partition_open_at(struct partition *partition, const struct kafka_position *position, bool is_lost)
{
    const struct opening_callbacks callbacks = {on_opened, on_opening_waits, on_opening_needs_person,
                                                partition};

    partition->state = PARTITION_OPENING;
    partition->opening = opening_start(partition->context, position, is_lost, &callbacks);
}

/* Of what it has when it is opened. False: reports of what is being forwarded are still to come. */
static bool let_go(struct partition *partition)
{
    if (partition->forwarder != NULL) {
        forwarder_close(partition->forwarder);
        if (!forwarder_is_quiet(partition->forwarder))
            return false;
        forwarder_free(&partition->forwarder);
    }
    partition_close_decider(partition);
    return true;
}

/* The log does not have our position: what the table has decides. Waits for the reports of what is being
 * forwarded, so that the old forwarder can go. */
void partition_open_again(struct partition *partition)
{
    if (!let_go(partition))
        return;
    log_partition(LOG_LEVEL_WARNING, partition->context->stage->source_topic, partition->number,
                  "offset %lld is not in the log: asking the table where to go on",
                  (long long)partition->intake.next);
    partition_open_at(partition,
                      &(struct kafka_position){.partition = partition->number, .offset = KAFKA_OFFSET_NONE},
                      true);
}

/* Whoever moved the position, or upgraded, may have done so meanwhile. */
static void on_position(void *owner, const struct kafka_position *positions, size_t count,
                        const struct err *err)
{
    struct partition *partition = owner;

    partition->question = NULL;
    partition->stopped_at_ms = loop_now_ms(partition->context->loop);
    if (positions == NULL)
        log_partition(LOG_LEVEL_WARNING, partition->context->stage->source_topic, partition->number, "%s",
                      err->text);
    else if (count == 1)
        partition_open_at(partition, &positions[0], false);
    loop_turn_ask(partition->context->turn);
}

void partition_step_stopped(struct partition *partition)
{
    uint64_t waited_ms = loop_now_ms(partition->context->loop) - partition->stopped_at_ms;

    if (partition->question != NULL)
        return;
    if (waited_ms < PARTITION_ASK_AGAIN_MS) {
        partition_wake_in(partition, PARTITION_ASK_AGAIN_MS - waited_ms);
        return;
    }
    if (!let_go(partition))
        return;
    partition->question = kafka_consumer_fetch_committed(partition->context->consumer, &partition->number, 1,
                                                         on_position, partition);
}
