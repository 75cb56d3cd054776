#include "query/lookup.h"

#include "common/base/alloc.h"
#include "common/io/http_server.h"
#include "common/service/batch/plan.h"
#include "query/lags.h"
#include "query/reads.h"
#include "query/trace.h"

#include <inttypes.h>

enum { LOOKUP_ANSWER_MAX_BYTES = 1024 * 1024 };

struct lookup {
    struct reading reading; /* first */
    struct trace_request wanted;
    struct trace trace;
    struct buf events, outcomes; /* what ClickHouse answered */
    struct lags_waiter waiter;
    bool has_events, has_outcomes, has_lags;
};

/* ---- forwarding ---- */

/* The commit of the partition says up to which record it has forwarded. */
static enum trace_forwarded was_forwarded(void *owner, const struct trace_place *place,
                                          const char **out_reason)
{
    const struct lags *lags = owner;
    const struct position *position = lags_position(lags, LAGS_CONSUMPTION, place->partition);
    struct plan_state state;
    struct err err;

    *out_reason = lags_of(lags, LAGS_CONSUMPTION)->why;
    if (position == NULL)
        return TRACE_UNKNOWN;
    *out_reason = "the group's position does not say what was forwarded";
    if (plan_metadata_read(slice_from(position->metadata), position->committed, &state, &err) != PLAN_READ)
        return TRACE_UNKNOWN;
    *out_reason = "the topic was made anew since";
    if (state.epoch != place->epoch)
        return TRACE_UNKNOWN;
    if (state.forwarded >= 0 && place->offset <= (uint64_t)state.forwarded)
        return TRACE_FORWARDED;
    *out_reason = lags_position(lags, LAGS_POST_PROCESSING, place->partition) == NULL
                      ? lags_of(lags, LAGS_POST_PROCESSING)->why
                      : "it waits for its turn";
    return TRACE_NOT_FORWARDED;
}

/* ---- the answer ---- */

static void refuse_unknown(struct lookup *lookup)
{
    const struct lag *lag = lags_of(lookup->reading.owner, LAGS_CONSUMPTION);
    AUTO_STRING way = lag->is_known ? xasprintf("%" PRIu64 " records wait to be stored", lag->records)
                                    : xasprintf("how many records wait to be stored is not known");
    AUTO_STRING message =
        xasprintf("nothing is known of an event with this id: it was never accepted, or is still on its way"
                  " (%s), or is older than what is kept",
                  way);

    reads_refuse(&lookup->reading, &(struct http_error){.code = HTTP_ERROR_NOT_FOUND,
                                                        .message = message,
                                                        .detail_field = "id",
                                                        .detail_text = "is not known"});
}

static void answer_if_complete(struct lookup *lookup)
{
    struct lags *lags = lookup->reading.owner;
    const struct trace_topics topics = {
        .events = lags_topic(lags, LAGS_CONSUMPTION),
        .post_processing = lags_topic(lags, LAGS_POST_PROCESSING),
        .was_forwarded = was_forwarded,
        .owner = lags,
    };
    AUTO_BUF json = {0};

    if (!lookup->has_events || !lookup->has_outcomes || !lookup->has_lags)
        return;
    if (lookup->trace.event_count == 0 && lookup->trace.outcome_count == 0) {
        refuse_unknown(lookup);
        return;
    }
    trace_write(&json, &lookup->wanted, &lookup->trace, &topics);
    reads_answer(&lookup->reading, buf_slice(&json));
}

static void on_events(struct reading *reading, struct slice rows)
{
    struct lookup *lookup = (struct lookup *)reading;

    buf_append_slice(&lookup->events, rows);
    if (!trace_read_events(buf_slice(&lookup->events), &reading->arena, &lookup->trace)) {
        reads_refuse_unreadable(reading);
        return;
    }
    lookup->has_events = true;
    answer_if_complete(lookup);
}

static void on_outcomes(struct reading *reading, struct slice rows)
{
    struct lookup *lookup = (struct lookup *)reading;

    buf_append_slice(&lookup->outcomes, rows);
    if (!trace_read_outcomes(buf_slice(&lookup->outcomes), &reading->arena, &lookup->trace)) {
        reads_refuse_unreadable(reading);
        return;
    }
    lookup->has_outcomes = true;
    answer_if_complete(lookup);
}

static void on_lags(void *owner)
{
    struct lookup *lookup = owner;

    lookup->has_lags = true;
    answer_if_complete(lookup);
}

static void ask(struct reading *reading)
{
    struct lookup *lookup = (struct lookup *)reading;
    struct question events = {.arena = &reading->arena};
    struct question outcomes = {.arena = &reading->arena};

    trace_ask_events(&reading->scope, &lookup->wanted, &events);
    reads_ask(reading, &events, LOOKUP_ANSWER_MAX_BYTES, on_events);
    trace_ask_outcomes(&reading->scope, &lookup->wanted, &outcomes);
    reads_ask(reading, &outcomes, LOOKUP_ANSWER_MAX_BYTES, on_outcomes);
    lookup->waiter = (struct lags_waiter){.on_lags = on_lags, .owner = lookup};
    lags_ask(reading->owner, &lookup->waiter);
}

static bool read_request(struct reading *reading, struct parameter_problem *out_problem)
{
    return trace_request_read(http_request_query(reading->request), &reading->arena,
                              &((struct lookup *)reading)->wanted, out_problem);
}

static void done(struct reading *reading)
{
    struct lookup *lookup = (struct lookup *)reading;

    lags_cancel(&lookup->waiter);
    buf_done(&lookup->events);
    buf_done(&lookup->outcomes);
}

static const struct read_kind lookup_kind = {
    .size_bytes = sizeof(struct lookup),
    .read = read_request,
    .ask = ask,
    .done = done,
};

void lookup_answer(struct reads *reads, struct lags *lags, struct http_request *request)
{
    reads_begin(reads, &lookup_kind, request, lags);
}
