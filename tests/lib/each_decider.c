#include "tests/lib/each_decider.h"

#include "common/base/alloc.h"

#include <stdlib.h>

struct decider {
    struct each_decider *each;
    struct decider_place place;
};

void decide_each(struct batch *batch, uint32_t epoch, decide_record *decide, void *owner)
{
    struct err err;

    batch_begin_rows(batch);
    for (uint32_t i = 0; i < batch->count; i++) {
        struct batch_record record = batch_record_of(batch->messages[i], epoch);
        size_t begin = batch->rows.length;
        if (decide(owner, &record, &batch->rows, &err))
            batch_add_row(batch, i, begin);
        else
            batch_reject(batch, i, "decode", err.text);
    }
}

static struct decider *open_decider(void *stage, const struct decider_place *place)
{
    struct decider *decider = xcalloc(1, sizeof(*decider));

    *decider = (struct decider){stage, *place};
    decider->each->open_count++;
    decider->each->opened_count++;
    return decider;
}

static bool prepare(struct decider *decider, struct batch *batch)
{
    (void)batch;
    decider->each->prepared_count++;
    return !decider->each->is_waiting;
}

static void decide_all(struct decider *decider, struct batch *batch)
{
    decide_each(batch, decider->place.epoch, decider->each->decide, decider->each->owner);
}

static void keep(struct decider *decider, struct batch *batch)
{
    (void)decider;
    buf_printf(&batch->companions[0], "kept:%lld;", (long long)batch->messages[0]->offset);
}

static void forget(struct decider *decider)
{
    decider->each->forgotten_count++;
}

static bool has_problem(const struct decider *decider, struct err *out_err)
{
    if (decider->each->problem == NULL)
        return false;
    err_set(out_err, ERR_RETRY, "%s", decider->each->problem);
    return true;
}

static void close_decider(struct decider **decider)
{
    (*decider)->each->open_count--;
    free(*decider);
    *decider = NULL;
}

const struct decider_class each_decider_class = {
    .open = open_decider,
    .prepare = prepare,
    .decide = decide_all,
    .keep = keep,
    .forget = forget,
    .has_problem = has_problem,
    .close = close_decider,
};
