#include "common/service/batch/settler.h"

#include "common/base/bug.h"
#include "common/event/topics.h"
#include "common/service/batch/context.h"
#include "common/service/dead_letters.h"
#include "common/service/metrics.h"

#include <stdlib.h>

enum {
    SETTLER_FIRST_RETRY_MS = 100,
    SETTLER_HIGHEST_RETRY_MS = 5000,
    SETTLER_LETTERS_PATIENCE_MS = 2000, /* then health says that they wait */
};

static bool waits_for_others(const struct settler *settler)
{
    for (size_t i = 0; i < BATCH_COMPANIONS_MAX; i++)
        if (companion_is_writing(&settler->companions[i]))
            return true;
    return settler->letters_pending > 0;
}

static void next_step(struct settler *settler)
{
    if (settle_next(&settler->settle) != SETTLE_DONE)
        settler->state = SETTLER_NEEDS_SLOT;
    else
        settler->state = waits_for_others(settler) ? SETTLER_WAITING : SETTLER_DONE;
    loop_turn_ask(settler->context->turn);
}

/* A letter or a companion's rows are written. */
static void on_other_written(struct settler *settler)
{
    if (settler->state == SETTLER_WAITING && !loop_timer_is_running(&settler->timer))
        next_step(settler);
}

static void on_retry_due(void *owner)
{
    next_step(owner);
}

/* ---- companions ---- */

static void on_companion_written(void *owner)
{
    struct settler *settler = owner;

    for (size_t i = 0; i < BATCH_COMPANIONS_MAX; i++)
        if (!companion_is_writing(&settler->companions[i]))
            buf_clear(&settler->batch->companions[i]);
    on_other_written(settler);
}

static void write_companions(struct settler *settler)
{
    for (size_t i = 0; i < BATCH_COMPANIONS_MAX; i++)
        if (!companion_is_writing(&settler->companions[i]))
            companion_write(&settler->companions[i], &settler->batch->companions[i]);
}

void settler_init(struct settler *settler, const struct batch_context *context, int32_t partition)
{
    *settler = (struct settler){
        .context = context,
        .partition = partition,
        .backoff = {.first_ms = SETTLER_FIRST_RETRY_MS, .highest_ms = SETTLER_HIGHEST_RETRY_MS},
    };
    loop_timer_init(&settler->timer, context->loop, on_retry_due, settler);
    for (size_t i = 0; i < BATCH_COMPANIONS_MAX; i++)
        companion_init(&settler->companions[i], context->loop, &context->companions[i], on_companion_written,
                       settler);
}

/* ---- dead letters ---- */

static void on_letter_written(void *owner)
{
    struct settler *settler = owner;

    BUG_ON(settler->letters_pending == 0);
    settler->letters_pending--;
    on_other_written(settler);
}

static void send_letter(struct settler *settler, const struct batch_reject *reject)
{
    if (settler->letters_pending++ == 0)
        settler->letters_since_ms = loop_now_ms(settler->context->loop);
    dead_letters_send(settler->context->dead_letters,
                      &(struct dead_letter){
                          .message = settler->batch->messages[reject->index],
                          .kind = reject->kind,
                          .reason = reject->reason,
                          .epoch = settler->epoch,
                      },
                      on_letter_written, settler);
}

/* A letter to people who mend it, and a line of what became of it. */
static void give_out_reject(struct settler *settler, const struct batch_reject *reject)
{
    const struct batch_stage_description *stage = settler->context->stage;
    struct batch *batch = settler->batch;
    struct batch_record record = batch_record_of(batch->messages[reject->index], settler->epoch);

    send_letter(settler, reject);
    if (stage->on_reject != NULL)
        stage->on_reject(stage->owner, &record, reject, batch);
}

static void reject_late(struct settler *settler, const char *kind, const char *reason)
{
    struct batch *batch = settler->batch;

    batch_reject(batch, 0, kind, reason);
    give_out_reject(settler, &batch->rejects[batch->reject_count - 1]);
    write_companions(settler);
}

void settler_begin(struct settler *settler, struct batch *batch, const struct plan *plan, uint32_t epoch,
                   bool is_replay)
{
    BUG_ON(settler->state != SETTLER_IDLE);
    settler->batch = batch;
    settler->plan = plan;
    settler->epoch = epoch;
    settle_init(&settler->settle, is_replay, batch->row_count);
    for (uint32_t i = 0; i < batch->reject_count; i++)
        give_out_reject(settler, &batch->rejects[i]);
    write_companions(settler);
    next_step(settler);
}

void settler_give_up(struct settler *settler, struct batch *batch, const struct plan *plan, uint32_t epoch,
                     struct decider *decider)
{
    settler_begin(settler, batch, plan, epoch, true);
    settler->giving_up = decider;
    settle_init(&settler->settle, true, 1);
    next_step(settler);
}

/* ---- calls to the table ---- */

static void wait_and_retry(struct settler *settler, const struct err *err)
{
    settler->has_problem = true;
    settler->problem = *err;
    settler->state = SETTLER_WAITING;
    loop_timer_start(&settler->timer, backoff_jittered_ms(&settler->backoff));
    loop_turn_ask(settler->context->turn);
}

static void note_success(struct settler *settler)
{
    settler->has_problem = false;
    backoff_reset(&settler->backoff);
}

static void note_stored(struct settler *settler, uint32_t took_ms)
{
    const struct batch_context *context = settler->context;

    context->load->last_insert_took_ms = took_ms;
    metric_observe(context->insert_seconds, (double)took_ms / 1000.0);
    metric_observe(context->batch_records, (double)settler->batch->count);
    note_success(settler);
}

/* A row alone that the table refuses is a dead letter; among others it must be found first. */
static void on_data_fault(struct settler *settler, const struct err *err)
{
    struct batch *batch = settler->batch;

    if (batch->count > 1) {
        settler->state = SETTLER_DATA_FAULT;
        loop_turn_ask(settler->context->turn);
        return;
    }
    settle_init(&settler->settle, false, 0);
    reject_late(settler, "insert", err->text);
    next_step(settler);
}

static void on_insert_result(void *owner, const struct clickhouse_result *result)
{
    struct settler *settler = owner;

    settler->call = NULL;
    if (result->outcome == CLICKHOUSE_DONE) {
        note_stored(settler, result->duration_ms);
        settle_on_stored(&settler->settle);
        next_step(settler);
    } else if (result->outcome == CLICKHOUSE_REFUSED && result->is_data_fault) {
        on_data_fault(settler, &result->err);
    } else {
        settle_on_uncertain(&settler->settle);
        wait_and_retry(settler, &result->err);
    }
}

/* A row that is there stays an event: what belongs to it in other tables may not have been written before the
 * workers ended. */
static void give_up(struct settler *settler, bool has_row)
{
    if (!has_row) {
        reject_late(settler, "crash", "workers ended again and again while they had this record");
        return;
    }
    settler->context->stage->decider->keep(settler->giving_up, settler->batch);
    write_companions(settler);
}

static void on_present_offsets(void *owner, const struct clickhouse_result *result)
{
    struct settler *settler = owner;
    struct err err = result->err;
    uint64_t *present;
    size_t present_count;

    settler->call = NULL;
    if (result->outcome != CLICKHOUSE_DONE ||
        !stage_table_read_offsets(result->body, &present, &present_count, &err)) {
        wait_and_retry(settler, &err);
        return;
    }
    note_success(settler);
    if (settler->giving_up != NULL)
        give_up(settler, present_count > 0);
    buf_clear(&settler->absent_rows);
    settle_on_asked(&settler->settle,
                    batch_absent_rows(settler->batch, present, present_count, &settler->absent_rows));
    free(present);
    next_step(settler);
}

static void insert(struct settler *settler)
{
    const struct batch_context *context = settler->context;
    const struct plan_route route = {context->table.name, context->stage->source_topic, settler->partition,
                                     settler->epoch};
    char token[PLAN_TOKEN_BYTES];
    char query_id[PLAN_TOKEN_BYTES];
    bool is_whole = settler->settle.is_first_try;

    plan_token(&route, settler->plan, settler->settle.round, token);
    (void)snprintf(query_id, sizeof(query_id), "millrace-%s-%s-%d", context->table.name,
                   context->stage->source_topic, (int)settler->partition);
    settler->insert_began_ms = loop_now_ms(context->loop);
    settler->call = stage_table_insert(&context->table,
                                       buf_slice(is_whole ? &settler->batch->rows : &settler->absent_rows),
                                       token, query_id, on_insert_result, settler);
}

static void ask(struct settler *settler)
{
    const struct stage_range range = {settler->epoch, settler->partition, settler->plan->first,
                                      settler->plan->last};

    settler->call = stage_table_ask_offsets(&settler->context->table, &range, settler->plan->count,
                                            on_present_offsets, settler);
}

void settler_run(struct settler *settler)
{
    BUG_ON(settler->state != SETTLER_NEEDS_SLOT);
    settler->state = SETTLER_CALLING;
    if (settle_next(&settler->settle) == SETTLE_INSERT)
        insert(settler);
    else
        ask(settler);
}

bool settler_has_problem(const struct settler *settler, struct err *out_err)
{
    if (settler->has_problem) {
        *out_err = settler->problem;
        return true;
    }
    for (size_t i = 0; i < BATCH_COMPANIONS_MAX; i++) {
        if (settler->companions[i].has_problem) {
            *out_err = settler->companions[i].problem;
            return true;
        }
    }
    if (settler->letters_pending == 0 ||
        loop_now_ms(settler->context->loop) - settler->letters_since_ms < SETTLER_LETTERS_PATIENCE_MS)
        return false;
    err_set(out_err, ERR_RETRY, "%u records that can't be stored wait to be written to %s%s",
            settler->letters_pending, settler->context->stage->source_topic, TOPIC_DEAD_LETTER_SUFFIX);
    return true;
}

/* ---- the end ---- */

void settler_end(struct settler *settler)
{
    BUG_ON(settler->call != NULL);
    for (size_t i = 0; i < BATCH_COMPANIONS_MAX; i++)
        companion_cancel(&settler->companions[i]);
    if (settler->letters_pending > 0)
        dead_letters_forget(settler->context->dead_letters, settler);
    settler->letters_pending = 0;
    settler->giving_up = NULL;
    settler->batch = NULL;
    settler->plan = NULL;
    settler->state = SETTLER_IDLE;
}

void settler_cancel(struct settler *settler)
{
    if (settler->call != NULL)
        clickhouse_cancel(settler->call);
    settler->call = NULL;
    loop_timer_stop(&settler->timer);
    if (settler->state != SETTLER_IDLE)
        settler_end(settler);
}

void settler_done(struct settler *settler)
{
    settler_cancel(settler);
    buf_done(&settler->absent_rows);
}
