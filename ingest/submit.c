#include "ingest/submit.h"

#include "common/base/alloc.h"
#include "common/base/bug.h"
#include "common/base/clock.h"
#include "common/base/slice_set.h"
#include "common/event/envelope.h"
#include "common/io/loop.h"
#include "common/service/api.h"
#include "common/service/metrics.h"
#include "ingest/answers.h"
#include "ingest/destinations.h"
#include "ingest/options.h"
#include "ingest/submission.h"

#include <stdlib.h>
#include <sys/random.h>

/* Bad events that an answer lists, when nothing is stored because of them. */
enum { ERRORS_LISTED_MAX = 100 };

struct submit {
    struct submit_settings settings;
    struct json_reader *json;
    struct arena arena;   /* of the event that is being read */
    struct slice_set ids; /* of the request that is being read */
    uint64_t seed;        /* of ids */
    struct buf answer;    /* of the request that is being answered */
    struct submission_pool pool;
    struct quota *quota;
    struct metric *in_flight;
    struct metric *over_quota[QUOTA_ANSWER_COUNT];
};

/* ---- the answer ---- */

static void give_back(struct submit *submit, struct submission *submission)
{
    quota_release(submit->quota, submission->sender, submission->held_bytes);
    submission_give_back(&submit->pool, submission);
}

static void answer_accepted(struct submit *submit, struct submission *submission)
{
    if (submission->is_lenient)
        http_answer_header(submission->request, "Preference-Applied", "handling=lenient");
    if (submission->names_ids)
        http_answer_header(submission->request, "Preference-Applied", "return=representation");
    buf_clear(&submit->answer);
    answer_write_accepted(&submit->answer, submission);
    http_respond(submission->request, 202, "application/json", buf_slice(&submit->answer));
    give_back(submit, submission);
}

/* refusal may borrow from the submission. */
static void refuse(struct submit *submit, struct submission *submission, const struct answer_refusal *refusal)
{
    http_respond_error(submission->request, &refusal->error);
    give_back(submit, submission);
}

static void settle_one(struct submission *submission)
{
    struct submit *submit = submission->owner;
    struct submission_fate *fate = &submission->fate;
    struct answer_refusal refusal;

    fate->waiting_count--;
    if (fate->waiting_count > 0)
        return;
    if (fate->failed_count == 0) {
        answer_accepted(submit, submission);
        return;
    }
    buf_clear(&submit->answer);
    answer_not_durable(submission, &submit->answer, &refusal);
    refuse(submit, submission, &refusal);
}

static void on_settled(struct publication *publication, const struct publish_result *result)
{
    struct submission *submission = ((struct submission_event *)publication)->submission;
    struct submission_fate *fate = &submission->fate;

    if (!result->is_durable) {
        if (fate->failed_count == 0)
            fate->failure = *result;
        fate->failed_count++;
        fate->unknown_count += result->may_be_durable;
    }
    settle_one(submission);
}

/* ---- to Kafka ---- */

static void publish_all(struct submission *submission)
{
    char envelope[ENVELOPE_MAX_BYTES];
    uint32_t trace_count;
    struct slice trace = http_request_header(submission->request, "traceparent", &trace_count);
    size_t envelope_length = envelope_ingest_write(http_request_id(submission->request),
                                                   trace_count == 1 ? trace : SLICE(""), envelope);
    uint32_t count = submission->event_count;

    /* One more than are sent, so that what settles at once does not end the request too early. */
    submission->fate = (struct submission_fate){.waiting_count = count + 1};
    for (uint32_t i = 0; i < count; i++) {
        struct submission_event *event = &submission->events[i];
        const struct publish_event record = {
            .key = submission_key(event),
            .value = submission_value(event),
            .envelope = slice_of(envelope, envelope_length),
        };
        event->publication.on_settled = on_settled;
        publish_send(submission->destination->topic, &record, &event->publication);
    }
    settle_one(submission);
}

/* ---- from request to records ---- */

/* Says when to try again, and gives the rest of the refusal. */
static void begin_over_quota(struct submit *submit, struct http_request *request, enum quota_answer answer,
                             uint32_t retry_s, struct answer_refusal *out_refusal)
{
    char seconds[16];

    metric_add(submit->over_quota[answer], 1);
    answer_over_quota(answer, &submit->settings.limits, retry_s, out_refusal);
    (void)snprintf(seconds, sizeof(seconds), "%u", retry_s);
    http_answer_header(request, "Retry-After", seconds);
}

static void refuse_over_quota(struct submit *submit, struct http_request *request, enum quota_answer answer,
                              uint32_t retry_s)
{
    struct answer_refusal refusal;

    begin_over_quota(submit, request, answer, retry_s, &refusal);
    http_respond_error(request, &refusal.error);
}

/* A key that owes must not cost us the decoding of what it goes on sending. */
void submit_admit(struct submit *submit, struct http_request *request)
{
    uint64_t now_ms = loop_now_ms(submit->settings.loop);
    struct key_identity identity;
    struct answer_refusal refusal;
    uint32_t retry_s = 1;

    if (!api_admit(submit->settings.api, request, "event:write", &identity))
        return;
    const struct quota_key *sender = quota_find(submit->quota, identity.hash, now_ms);
    enum quota_answer answer = quota_check_rates(submit->quota, sender, now_ms, &retry_s);
    if (answer == QUOTA_GOOD)
        return;
    begin_over_quota(submit, request, answer, retry_s, &refusal);
    http_request_decline(request, &refusal.error);
}

void submit_charge_wasted(struct submit *submit, const struct key_identity *identity, uint64_t bytes)
{
    uint64_t now_ms = loop_now_ms(submit->settings.loop);

    quota_charge(submit->quota, quota_find(submit->quota, identity->hash, now_ms), 0, bytes, now_ms);
}

/* Whether its key may send the request now; while the body came, others of it may have been charged. False:
 * it has been refused. */
static bool check_quota(struct submit *submit, struct http_request *request, struct quota_key *sender)
{
    uint64_t now_ms = loop_now_ms(submit->settings.loop);
    size_t body_bytes = http_request_body(request).length;
    uint32_t retry_s = 1;
    enum quota_answer answer = quota_check_rates(submit->quota, sender, now_ms, &retry_s);

    if (answer == QUOTA_GOOD)
        answer = quota_check_room(submit->quota, sender, body_bytes, now_ms);
    if (answer != QUOTA_GOOD) {
        refuse_over_quota(submit, request, answer, retry_s);
        return false;
    }
    quota_charge(submit->quota, sender, 0, body_bytes, now_ms);
    return true;
}

static void on_event(void *owner, uint32_t index, const struct event *event)
{
    submission_add_event(owner, index, event);
}

static void on_problem(void *owner, uint32_t index, const struct event_problem *problem)
{
    submission_add_error(owner, index, problem);
}

/* False: the request as a whole has been refused. */
static bool read_events(struct submit *submit, const struct key_identity *identity, struct slice id_stem,
                        struct submission *submission)
{
    const struct event_reader reader = {submit->json, &submit->arena};
    const struct event_origin origin = {
        .tenant_id = slice_from(identity->tenant_id),
        .environment_id = slice_from(identity->environment_id),
        .now_us = clock_wall_us(),
        .bounds = submit->settings.bounds,
        .id_stem = id_stem,
        .event_name = slice_from(submission->destination->name),
    };
    const struct event_sink sink = {on_event, on_problem, submission};
    struct event_problem problem;
    struct answer_refusal refusal;

    if (!event_request_read(&reader, http_request_body(submission->request), submission->form, &origin, &sink,
                            &problem)) {
        answer_problem(&problem, &refusal);
        refuse(submit, submission, &refusal);
        return false;
    }
    if (submission->event_count > 1)
        submission_check_ids(submission, &submit->ids, submit->seed);
    return true;
}

/* False: there is no room for them now, and the request has been refused. */
static bool hold(struct submit *submit, struct submission *submission, uint64_t now_ms)
{
    size_t bytes = http_request_body(submission->request).length + submission_bytes(submission);
    enum quota_answer answer = quota_check_room(submit->quota, submission->sender, bytes, now_ms);

    if (answer != QUOTA_GOOD) {
        refuse_over_quota(submit, submission->request, answer, 1);
        give_back(submit, submission);
        return false;
    }
    submission->held_bytes = bytes;
    quota_hold(submit->quota, submission->sender, bytes);
    return true;
}

static void take(struct submit *submit, struct submission *submission)
{
    uint64_t now_ms = loop_now_ms(submit->settings.loop);
    struct answer_refusal refusal;

    if (submission->errors.count > 0 && (!submission->is_lenient || submission->event_count == 0)) {
        buf_clear(&submit->answer);
        answer_bad_events(submission, &submit->answer, &refusal);
        refuse(submit, submission, &refusal);
        return;
    }
    quota_charge(submit->quota, submission->sender, submission->event_count, 0, now_ms);
    if (hold(submit, submission, now_ms))
        publish_all(submission);
}

static struct submission *begin(struct submit *submit, struct http_request *request,
                                const struct submit_kind *kind)
{
    struct submission *submission = submission_take(&submit->pool);
    struct slice prefer = http_request_header(request, "prefer", NULL);

    submission->owner = submit;
    submission->request = request;
    submission->form = kind->form;
    submission->destination = kind->destination;
    submission->is_lenient = event_form_is_bulk(kind->form) && options_prefer(prefer, "handling", "lenient");
    submission->names_ids =
        event_form_is_bulk(kind->form) && options_prefer(prefer, "return", "representation");
    submission->errors.listed_max = submission->is_lenient ? EVENT_BULK_MAX : ERRORS_LISTED_MAX;
    /* Records are mostly shorter than twice their events: the buffer then never moves. */
    (void)buf_reserve(&submission->records, 2 * http_request_body(request).length);
    return submission;
}

/* The stem of ids that are missing, empty without an Idempotency-Key. False: it has been refused. */
static bool take_idempotency_key(struct http_request *request, const struct key_identity *identity,
                                 char out_stem[EVENT_ID_STEM_BYTES])
{
    static const struct http_error error = {
        .code = HTTP_ERROR_VALIDATION,
        .message = "send the header Idempotency-Key once, with 1 to 255 printable ASCII characters"};
    uint32_t count;
    struct slice key = http_request_header(request, "idempotency-key", &count);

    out_stem[0] = '\0';
    if (count == 0)
        return true;
    if (count > 1 || !options_is_idempotency_key(key)) {
        http_respond_error(request, &error);
        return false;
    }
    event_id_stem(slice_from(identity->tenant_id), slice_from(identity->environment_id), key, out_stem);
    return true;
}

/* Whether the key may send events there. False: it has been refused. */
static bool check_destination(struct http_request *request, const struct key_identity *identity,
                              const struct destination *destination)
{
    struct answer_refusal refusal;

    if (destination == NULL)
        answer_no_type(http_request_segment(request), &refusal);
    else if (!destination_allows(destination, slice_from(identity->tenant_id)))
        answer_not_allowed(destination->name, &refusal);
    else
        return true;
    http_respond_error(request, &refusal.error);
    return false;
}

void submit_request(struct submit *submit, struct http_request *request, const struct submit_kind *kind)
{
    struct key_identity identity;
    char id_stem[EVENT_ID_STEM_BYTES];

    if (!api_identify(submit->settings.api, request, "event:write", &identity) ||
        !check_destination(request, &identity, kind->destination) ||
        !take_idempotency_key(request, &identity, id_stem))
        return;
    struct quota_key *sender = quota_find(submit->quota, identity.hash, loop_now_ms(submit->settings.loop));
    if (!check_quota(submit, request, sender))
        return;
    struct submission *submission = begin(submit, request, kind);
    submission->sender = sender;
    if (read_events(submit, &identity, slice_from(id_stem), submission))
        take(submit, submission);
}

/* ---- the whole ---- */

uint64_t submit_in_flight_bytes(const struct submit *submit)
{
    return quota_held_bytes(submit->quota);
}

static void on_scrape(void *owner)
{
    const struct submit *submit = owner;

    metric_set(submit->in_flight, (double)quota_held_bytes(submit->quota));
}

static void make_metrics(struct submit *submit)
{
    static const char *const labels[QUOTA_ANSWER_COUNT] = {
        [QUOTA_EVENTS] = "limit=\"events\"",
        [QUOTA_BYTES] = "limit=\"bytes\"",
        [QUOTA_SHARE] = "limit=\"share\"",
        [QUOTA_FULL] = "limit=\"in_flight\"",
    };
    struct metrics *metrics = submit->settings.metrics;

    submit->in_flight = metrics_gauge(metrics, "millrace_in_flight_bytes", "",
                                      "Bytes of events that wait for Kafka's acknowledgement.");
    for (int i = QUOTA_GOOD + 1; i < QUOTA_ANSWER_COUNT; i++)
        submit->over_quota[i] =
            metrics_counter(metrics, "millrace_over_quota_total", labels[i],
                            "Requests refused because of a limit of their key or of all.");
    metrics_on_scrape(metrics, on_scrape, submit);
}

struct submit *submit_new(const struct submit_settings *settings)
{
    struct submit *submit = xcalloc(1, sizeof(*submit));

    submit->settings = *settings;
    submit->json = json_reader_new(&json_limits_default);
    if (getrandom(&submit->seed, sizeof(submit->seed), 0) != (ssize_t)sizeof(submit->seed))
        BUG("getrandom");
    submit->quota = quota_new(&settings->limits);
    make_metrics(submit);
    return submit;
}

void submit_free(struct submit **submit)
{
    if (*submit == NULL)
        return;
    submission_pool_done(&(*submit)->pool);
    quota_free(&(*submit)->quota);
    json_reader_free(&(*submit)->json);
    slice_set_done(&(*submit)->ids);
    arena_done(&(*submit)->arena);
    buf_done(&(*submit)->answer);
    free(*submit);
    *submit = NULL;
}
