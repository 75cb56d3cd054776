#include "query/trace.h"

#include "common/codec/json_write.h"
#include "common/codec/rfc3339.h"
#include "common/codec/rowbinary.h"
#include "common/event/event.h"

#include <inttypes.h>

/* ---- the request ---- */

enum { ID, EXTERNAL_CUSTOMER_ID, PARAMETER_COUNT };

static const struct parameter table[PARAMETER_COUNT] = {
    [ID] = {"id", EVENT_ID_MAX_BYTES, PARAMETER_TEXT},
    [EXTERNAL_CUSTOMER_ID] = {"external_customer_id", EVENT_CUSTOMER_MAX_BYTES, PARAMETER_TEXT},
};

bool trace_request_read(struct slice query, struct arena *arena, struct trace_request *out_request,
                        struct parameter_problem *out_problem)
{
    struct parameters parameters = {
        .table = table, .count = PARAMETER_COUNT, .arena = arena, .problem = out_problem};

    if (!parameters_from_query(&parameters, query))
        return false;
    if (!parameters_has(&parameters, ID))
        return parameters_refuse(&parameters, ID, "must be given: the event's id");
    out_request->id = parameters.values[ID].text;
    out_request->external_customer_id = parameters.values[EXTERNAL_CUSTOMER_ID].text;
    return true;
}

/* ---- the questions ---- */

static void ask_for(const struct trace_request *request, struct question *question)
{
    question_add(question, " AND id = {id:String}");
    question_text(question, "id", request->id.data);
    if (!slice_is_empty(request->external_customer_id)) {
        question_add(question, " AND external_customer_id = {customer:String}");
        question_text(question, "customer", request->external_customer_id.data);
    }
    question_add(question, " ORDER BY external_customer_id, source_epoch, kafka_partition, kafka_offset"
                           " LIMIT {limit:UInt64}");
    question_u64(question, "limit", TRACE_ROWS_MAX + 1);
    question_finish(question);
}

void trace_ask_events(const struct question_scope *scope, const struct trace_request *request,
                      struct question *question)
{
    question_add(question, "SELECT external_customer_id, event_name, toUnixTimestamp64Micro(timestamp),"
                           " toUnixTimestamp64Micro(ingested_at), toUnixTimestamp64Milli(stored_at) * 1000,"
                           " source_epoch, kafka_partition, kafka_offset");
    question_from(question, "events", scope);
    ask_for(request, question);
}

void trace_ask_outcomes(const struct question_scope *scope, const struct trace_request *request,
                        struct question *question)
{
    question_add(question, "SELECT external_customer_id, stage, outcome, reason, source_topic,"
                           " toUnixTimestamp64Milli(decided_at) * 1000, source_epoch, kafka_partition,"
                           " kafka_offset, first_epoch, first_partition, first_offset");
    question_from(question, "event_outcomes", scope);
    ask_for(request, question);
}

/* ---- the rows ---- */

static bool read_place(struct slice *rest, struct trace_place *place)
{
    return rowbinary_read_u32(rest, &place->epoch) && rowbinary_read_u32(rest, &place->partition) &&
           rowbinary_read_u64(rest, &place->offset);
}

/* Within what can be shown. */
static bool read_time(struct slice *rest, int64_t *us)
{
    return rowbinary_read_i64(rest, us) && *us >= 0 && *us <= RFC3339_MAX_US;
}

static bool read_event(struct slice *rest, struct trace_event *event)
{
    return rowbinary_read_string(rest, &event->external_customer_id) &&
           rowbinary_read_string(rest, &event->event_name) && read_time(rest, &event->timestamp_us) &&
           read_time(rest, &event->ingested_us) && read_time(rest, &event->stored_us) &&
           read_place(rest, &event->place);
}

static bool read_outcome(struct slice *rest, struct trace_outcome *outcome)
{
    return rowbinary_read_string(rest, &outcome->external_customer_id) &&
           rowbinary_read_string(rest, &outcome->stage) && rowbinary_read_string(rest, &outcome->outcome) &&
           rowbinary_read_string(rest, &outcome->reason) && rowbinary_read_string(rest, &outcome->topic) &&
           read_time(rest, &outcome->decided_us) && read_place(rest, &outcome->place) &&
           read_place(rest, &outcome->first);
}

bool trace_read_events(struct slice rows, struct arena *arena, struct trace *trace)
{
    trace->events = arena_take(arena, TRACE_ROWS_MAX * sizeof(*trace->events));
    while (!slice_is_empty(rows) && trace->event_count < TRACE_ROWS_MAX)
        if (!read_event(&rows, &trace->events[trace->event_count++]))
            return false;
    trace->has_more |= !slice_is_empty(rows);
    return true;
}

bool trace_read_outcomes(struct slice rows, struct arena *arena, struct trace *trace)
{
    trace->outcomes = arena_take(arena, TRACE_ROWS_MAX * sizeof(*trace->outcomes));
    while (!slice_is_empty(rows) && trace->outcome_count < TRACE_ROWS_MAX)
        if (!read_outcome(&rows, &trace->outcomes[trace->outcome_count++]))
            return false;
    trace->has_more |= !slice_is_empty(rows);
    return true;
}

/* ---- the answer ---- */

static void write_place(struct buf *out, const struct trace_place *place)
{
    json_write_i64_member(out, "epoch", place->epoch);
    json_write_i64_member(out, "partition", place->partition);
    json_write_i64_member(out, "offset", (int64_t)place->offset);
}

static void begin_step(struct buf *out, const char *step, struct slice done)
{
    buf_append_text(out, "{");
    json_write_member(out, "step", slice_from(step));
    json_write_raw_member(out, "done", done);
}

static void write_forwarding(struct buf *out, const struct trace_topics *topics,
                             enum trace_forwarded forwarded, const char *reason)
{
    static const struct slice words[] = {{"false", 5}, {"true", 4}, {"null", 4}};

    begin_step(out, "forwarded", words[forwarded]);
    json_write_member(out, "topic", slice_from(topics->post_processing));
    if (forwarded != TRACE_FORWARDED)
        json_write_member(out, "reason", slice_from(reason));
    buf_append_byte(out, '}');
}

static void write_stored(struct buf *out, const struct trace_event *event, const struct trace_topics *topics)
{
    const char *reason = "";
    enum trace_forwarded forwarded = topics->was_forwarded(topics->owner, &event->place, &reason);

    json_write_member(out, "status", slice_from(forwarded == TRACE_FORWARDED ? "forwarded" : "stored"));
    json_write_member(out, "event_name", event->event_name);
    json_write_time_member(out, "timestamp", event->timestamp_us);
    buf_append_text(out, ",\"steps\":[");
    begin_step(out, "received", SLICE("true"));
    json_write_time_member(out, "at", event->ingested_us);
    buf_append_text(out, "},");
    begin_step(out, "in_kafka", SLICE("true"));
    json_write_member(out, "topic", slice_from(topics->events));
    write_place(out, &event->place);
    buf_append_text(out, "},");
    begin_step(out, "stored", SLICE("true"));
    if (event->stored_us > 0)
        json_write_time_member(out, "at", event->stored_us);
    buf_append_text(out, "},");
    write_forwarding(out, topics, forwarded, reason);
    buf_append_byte(out, ']');
}

/* Only records are known that are no rows: the last of them says how far it came. */
static void write_unstored(struct buf *out, const struct trace_outcome *outcome)
{
    json_write_member(out, "status", outcome->outcome);
    buf_append_text(out, ",\"steps\":[");
    begin_step(out, "in_kafka", SLICE("true"));
    json_write_member(out, "topic", outcome->topic);
    write_place(out, &outcome->place);
    buf_append_text(out, "},");
    begin_step(out, "stored", SLICE("false"));
    json_write_member(out, "reason", outcome->reason);
    buf_append_text(out, "}]");
}

static void write_outcome(struct buf *out, const struct trace_outcome *outcome)
{
    buf_append_byte(out, '{');
    json_write_member(out, "outcome", outcome->outcome);
    json_write_member(out, "reason", outcome->reason);
    json_write_member(out, "stage", outcome->stage);
    json_write_time_member(out, "at", outcome->decided_us);
    json_write_member(out, "topic", outcome->topic);
    write_place(out, &outcome->place);
    if (!slice_equals_text(outcome->outcome, "dead_letter")) {
        buf_append_text(out, ",\"first\":{");
        write_place(out, &outcome->first);
        buf_append_byte(out, '}');
    }
    buf_append_byte(out, '}');
}

static int compare(struct slice a, struct slice b)
{
    size_t common = a.length < b.length ? a.length : b.length;
    int order = common > 0 ? memcmp(a.data, b.data, common) : 0;

    return order != 0 ? order : (a.length > b.length) - (a.length < b.length);
}

/* The two lists, walked side by side. */
struct walk {
    const struct trace *trace;
    size_t event, outcome;
};

/* The next customer; false at the end. */
static bool next_customer(const struct walk *walk, struct slice *out_customer)
{
    const struct trace *trace = walk->trace;
    bool has_event = walk->event < trace->event_count;
    bool has_outcome = walk->outcome < trace->outcome_count;

    if (has_event)
        *out_customer = trace->events[walk->event].external_customer_id;
    if (has_outcome &&
        (!has_event || compare(trace->outcomes[walk->outcome].external_customer_id, *out_customer) < 0))
        *out_customer = trace->outcomes[walk->outcome].external_customer_id;
    return has_event || has_outcome;
}

static void write_outcomes(struct buf *out, struct walk *walk, struct slice customer)
{
    const struct trace *trace = walk->trace;
    const char *separator = "";

    buf_append_text(out, ",\"outcomes\":[");
    while (walk->outcome < trace->outcome_count &&
           slice_equals(trace->outcomes[walk->outcome].external_customer_id, customer)) {
        buf_append_text(out, separator);
        write_outcome(out, &trace->outcomes[walk->outcome++]);
        separator = ",";
    }
    buf_append_byte(out, ']');
}

static void write_customer(struct buf *out, struct walk *walk, struct slice customer,
                           const struct trace_topics *topics)
{
    const struct trace *trace = walk->trace;

    buf_append_byte(out, '{');
    json_write_member(out, "external_customer_id", customer);
    if (walk->event < trace->event_count &&
        slice_equals(trace->events[walk->event].external_customer_id, customer))
        write_stored(out, &trace->events[walk->event], topics);
    else
        write_unstored(out, &trace->outcomes[walk->outcome]);
    /* More than one row: copies under other times, from before the ids were checked. The first is the event.
     */
    while (walk->event < trace->event_count &&
           slice_equals(trace->events[walk->event].external_customer_id, customer))
        walk->event++;
    write_outcomes(out, walk, customer);
    buf_append_byte(out, '}');
}

void trace_write(struct buf *out, const struct trace_request *request, const struct trace *trace,
                 const struct trace_topics *topics)
{
    struct walk walk = {.trace = trace};
    struct slice customer;
    const char *separator = "";

    buf_append_byte(out, '{');
    json_write_member(out, "id", request->id);
    buf_append_text(out, ",\"events\":[");
    while (next_customer(&walk, &customer)) {
        buf_append_text(out, separator);
        write_customer(out, &walk, customer, topics);
        separator = ",";
    }
    buf_append_byte(out, ']');
    if (trace->has_more)
        json_write_raw_member(out, "has_more", SLICE("true"));
    buf_append_byte(out, '}');
}
