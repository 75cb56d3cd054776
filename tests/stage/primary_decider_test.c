/*
 * primary_decider_test.c - what becomes of real records, read from a mock Kafka, with the questions answered
 * by a scripted ClickHouse.
 */
#include "consumer-primary/primary_decider.h"

#include "common/codec/rowbinary.h"
#include "common/event/event_json.h"
#include "common/io/kafka_conf.h"
#include "common/service/topic_watch.h"
#include "consumer-primary/event_row.h"
#include "consumer-primary/id_row.h"
#include "consumer-primary/outcome_row.h"
#include "tests/lib/batch_world.h"
#include "tests/lib/loop_until.h"
#include "tests/lib/scripted_clickhouse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT "SELECT count() FROM event_ids"
#define ALL "SELECT identity FROM event_ids"
#define HINT "SELECT identity, timestamp FROM event_ids"
#define PROOF "FROM events"

enum { EPOCH = 2, EVENTS_MAX = 8, KEY_BYTES = 64 };

/* What ingest has written into the topic; with `bad` something else. */
struct sent {
    const char *id;
    char content; /* its hash is that letter, again and again */
    bool id_was_made;
    bool is_astray; /* in a partition to which its key does not lead */
    const char *bad;
};

struct world {
    struct batch_world base;
    struct scripted_clickhouse script;
    struct primary primary;
    struct decider *decider;
    int32_t partition;
    struct sent sent[EVENTS_MAX];
    uint32_t sent_count;
    struct mock_records records;
    struct batch batch;
    bool is_prepared;
    struct buf count, all, hints, proofs; /* answers */
    struct buf rows, ids, outcomes;       /* expected */
};

/* ---- events ---- */

static struct event event_of(const struct sent *sent)
{
    struct event event = {.tenant_id = SLICE("acme"),
                          .environment_id = SLICE("live"),
                          .event_name = SLICE("call"),
                          .external_customer_id = SLICE("c-1"),
                          .id = slice_from(sent->id),
                          .properties = SLICE("{\"n\":1}"),
                          .timestamp_us = INT64_C(1795262400123456),
                          .ingested_at_us = INT64_C(1795262401000000),
                          .id_was_made = sent->id_was_made};

    memset(event.content_hash, sent->content, sizeof(event.content_hash));
    return event;
}

/* The customer's own, or one that leads to another partition. */
static struct slice key_of(const struct world *world, const struct sent *sent, char out[KEY_BYTES])
{
    int length = snprintf(out, KEY_BYTES, "acme:live:c-1");

    for (int i = 0; sent->is_astray && kafka_partition_of_key(slice_of(out, (size_t)length),
                                                              WORLD_PARTITIONS) == world->partition;
         i++)
        length = snprintf(out, KEY_BYTES, "acme:live:c-1-%d", i);
    return slice_of(out, (size_t)length);
}

static void produce(struct world *world, const struct sent *sent)
{
    struct event event = event_of(sent);
    char key[KEY_BYTES];
    AUTO_BUF value = {0};

    assert_true(world->sent_count < EVENTS_MAX);
    world->sent[world->sent_count++] = *sent;
    if (sent->bad != NULL)
        buf_append_text(&value, sent->bad);
    else
        event_record_write(&value, &event);
    mock_kafka_write(&world->base.mock, "events", world->partition, key_of(world, sent, key),
                     buf_slice(&value), NULL);
}

static uint64_t identity_of(const char *id)
{
    const struct event event = event_of(&(struct sent){.id = id});

    return event_identity(&event);
}

/* ---- what the tables have ---- */

/* event_ids has its identity; that alone makes the filter say "perhaps". */
static void seem_known(struct world *world, const char *id)
{
    rowbinary_write_u64(&world->all, identity_of(id));
}

/* So has `events` a row of it, from that place. */
static void store(struct world *world, const char *id, char content, const struct event_place *place)
{
    const struct event event = event_of(&(struct sent){.id = id, .content = content});

    seem_known(world, id);
    rowbinary_write_u64(&world->hints, identity_of(id));
    rowbinary_write_i64(&world->hints, event.timestamp_us);
    rowbinary_write_string(&world->proofs, event.tenant_id);
    rowbinary_write_string(&world->proofs, event.environment_id);
    rowbinary_write_string(&world->proofs, event.external_customer_id);
    rowbinary_write_string(&world->proofs, event.id);
    rowbinary_write_fixed(&world->proofs, slice_of(event.content_hash, sizeof(event.content_hash)));
    rowbinary_write_u32(&world->proofs, place->epoch);
    rowbinary_write_u32(&world->proofs, place->partition);
    rowbinary_write_u64(&world->proofs, place->offset);
}

static void answer(struct world *world, const char *sql, const struct buf *body)
{
    scripted_clickhouse_add(&world->script, &(struct script_rule){.sql = sql, .body = buf_slice(body)});
}

static void answer_all(struct world *world)
{
    rowbinary_write_u64(&world->count, world->all.length / sizeof(uint64_t));
    answer(world, COUNT, &world->count);
    answer(world, ALL, &world->all);
    answer(world, HINT, &world->hints);
    answer(world, PROOF, &world->proofs);
}

/* ---- the decider ---- */

static void on_turn(void *owner)
{
    struct world *world = owner;

    if (world->decider != NULL && world->batch.count > 0)
        world->is_prepared = primary_decider.prepare(world->decider, &world->batch);
}

static void ask_turn(void *owner)
{
    loop_turn_ask(&((struct world *)owner)->base.turn);
}

static int set_up(void **state)
{
    struct world *world = test_calloc(1, sizeof(*world));
    struct batch_context *context = &world->base.context;
    static const struct topic_need need = {"events", "nothing is read", HEALTH_DOWN};

    batch_world_prepare(&world->base);
    world->base.on_turn = on_turn;
    world->base.on_turn_owner = world;
    batch_world_start(&world->base);
    scripted_clickhouse_start(&world->script, world->base.loop);
    context->source_topic = topic_watch_add(world->base.watch, &need, ask_turn, world);
    context->table = scripted_clickhouse_table(&world->script, "events", event_row_columns);
    context->companions[PRIMARY_IDS] = scripted_clickhouse_table(&world->script, "event_ids", id_row_columns);
    context->companions[PRIMARY_OUTCOMES] =
        scripted_clickhouse_table(&world->script, "event_outcomes", outcome_row_columns);
    primary_init(&world->primary, "events", world->base.metrics);
    world->partition = kafka_partition_of_key(SLICE("acme:live:c-1"), WORLD_PARTITIONS);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    struct buf *const bufs[] = {&world->count, &world->all, &world->hints,   &world->proofs,
                                &world->rows,  &world->ids, &world->outcomes};

    if (world->decider != NULL)
        primary_decider.close(&world->decider);
    batch_done(&world->batch);
    mock_records_done(&world->records);
    scripted_clickhouse_stop(&world->script);
    batch_world_stop(&world->base);
    batch_world_done(&world->base);
    primary_done(&world->primary);
    for (size_t i = 0; i < sizeof(bufs) / sizeof(bufs[0]); i++)
        buf_done(bufs[i]);
    test_free(world);
    return 0;
}

/* Reads what was sent, as one batch. */
static void read_batch(struct world *world)
{
    const struct decider_place place = {&world->base.context, world->partition, EPOCH};

    world->records = mock_kafka_read(&world->base.mock, "events", world->partition);
    for (size_t i = 0; i < world->records.count; i++) {
        batch_add(&world->batch, world->records.messages[i]);
        world->records.messages[i] = NULL;
    }
    world->decider = primary_decider.open(&world->primary, &place);
    ask_turn(world);
}

static void prepare(struct world *world)
{
    world->is_prepared = false;
    ask_turn(world);
    loop_until_true(world->base.loop, &world->is_prepared, "that it can decide");
}

static void decide(struct world *world)
{
    answer_all(world);
    read_batch(world);
    prepare(world);
    primary_decider.decide(world->decider, &world->batch);
}

/* ---- what is expected ---- */

static void expect_event(struct world *world, uint32_t index)
{
    const struct sent *sent = &world->sent[index];
    struct event event = event_of(sent);
    const struct batch_record record = batch_record_of(world->batch.messages[index], EPOCH);
    const struct id_row row = {event_identity(&event), event.timestamp_us, event.ingested_at_us,
                               sent->is_astray ? 0 : WORLD_PARTITIONS};

    event_row_write(&world->rows, &event, &record);
    id_row_write(&world->ids, &row, &record);
}

static void expect_resend(struct world *world, uint32_t index, const char *outcome,
                          const struct event_place *first)
{
    struct event event = event_of(&world->sent[index]);
    const struct batch_record record = batch_record_of(world->batch.messages[index], EPOCH);
    bool is_duplicate = strcmp(outcome, "duplicate") == 0;

    outcome_row_write(
        &world->outcomes,
        &(struct outcome_row){
            .event = &event,
            .outcome = outcome,
            .reason = is_duplicate ? "sent again with the same content"
                                   : "another event with other content has this id; the first one counts",
            .topic = "events",
            .first = *first,
        },
        &record);
}

static struct event_place place_of(const struct world *world, uint32_t index)
{
    return (struct event_place){EPOCH, (uint32_t)world->partition,
                                (uint64_t)world->batch.messages[index]->offset};
}

static void assert_decided(const struct world *world)
{
    const struct batch *batch = &world->batch;

    assert_true(slice_equals(buf_slice(&batch->rows), buf_slice(&world->rows)));
    assert_true(slice_equals(buf_slice(&batch->companions[PRIMARY_IDS]), buf_slice(&world->ids)));
    assert_true(slice_equals(buf_slice(&batch->companions[PRIMARY_OUTCOMES]), buf_slice(&world->outcomes)));
    assert_int_equal(batch->row_count, world->ids.length / ID_ROW_BYTES);
}

static void assert_metric(const struct world *world, const char *line)
{
    AUTO_BUF page = {0};

    metrics_write(world->base.metrics, &page);
    if (strstr(buf_text(&page), line) == NULL)
        fail_msg("no %s in %s", line, buf_text(&page));
}

/* ---- the tests ---- */

static void stores_what_is_new_and_asks_nothing(void **state)
{
    struct world *world = *state;

    produce(world, &(struct sent){.id = "a", .content = '1'});
    produce(world, &(struct sent){.id = "b", .content = '1'});
    decide(world);
    expect_event(world, 0);
    expect_event(world, 1);
    assert_decided(world);
    assert_int_equal(scripted_clickhouse_count(&world->script, HINT), 0);
    assert_metric(world, "millrace_ids_asked_total 0");
    assert_metric(world, "millrace_ids_filter_bytes 131104");
}

static void finds_what_is_sent_again_within_the_batch(void **state)
{
    struct world *world = *state;

    produce(world, &(struct sent){.id = "a", .content = '1'});
    produce(world, &(struct sent){.id = "b", .content = '1'});
    produce(world, &(struct sent){.id = "a", .content = '1'});
    produce(world, &(struct sent){.id = "b", .content = '2'});
    produce(world, &(struct sent){.id = "c", .content = '1'});
    decide(world);
    expect_event(world, 0);
    expect_event(world, 1);
    expect_event(world, 4);
    struct event_place a = place_of(world, 0);
    struct event_place b = place_of(world, 1);
    expect_resend(world, 2, "duplicate", &a);
    expect_resend(world, 3, "conflict", &b);
    assert_decided(world);
    assert_metric(world, "millrace_resends_total{outcome=\"duplicate\"} 1");
    assert_metric(world, "millrace_resends_total{outcome=\"conflict\"} 1");
}

static void finds_what_was_stored_before(void **state)
{
    static const struct event_place late = {1, 3, 9};
    static const struct event_place early = {1, 3, 7};
    static const struct event_place other = {1, 0, 1};
    struct world *world = *state;

    store(world, "a", '2', &late);
    store(world, "a", '1', &early); /* the earliest is the event */
    store(world, "c", '1', &other);
    seem_known(world, "b"); /* the filter errs, or its row is gone */
    produce(world, &(struct sent){.id = "a", .content = '1'});
    produce(world, &(struct sent){.id = "b", .content = '1'});
    produce(world, &(struct sent){.id = "c", .content = '2'});
    produce(world, &(struct sent){.id = "c", .content = '1'});
    decide(world);
    expect_event(world, 1);
    expect_resend(world, 0, "duplicate", &early);
    expect_resend(world, 2, "conflict", &other);
    expect_resend(world, 3, "duplicate", &other);
    assert_decided(world);
    assert_metric(world, "millrace_ids_asked_total 3");
    scripted_clickhouse_assert(&world->script.requests[world->script.request_count - 1], "param_epoch", "2");
    scripted_clickhouse_assert(&world->script.requests[world->script.request_count - 1], "param_offset", "0");
}

static void rejects_what_can_not_be_read(void **state)
{
    struct world *world = *state;

    produce(world, &(struct sent){.bad = "{}"});
    produce(world, &(struct sent){.id = "a", .content = '1'});
    produce(world, &(struct sent){.bad = "no event"});
    produce(world, &(struct sent){.id = "a", .content = '1'});
    produce(world, &(struct sent){.id = "b", .content = '1'});
    decide(world);
    expect_event(world, 1);
    expect_event(world, 4);
    struct event_place a = place_of(world, 1);
    expect_resend(world, 3, "duplicate", &a);
    assert_decided(world);
    assert_int_equal(world->batch.reject_count, 2);
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(world->batch.rejects[i].index, 2 * i);
        assert_string_equal(world->batch.rejects[i].kind, "decode");
    }
}

/* Nobody else can have made it, but a client can send it back later: then the filter must know it. */
static void asks_about_no_id_that_ingest_made(void **state)
{
    static const struct event_place place = {1, 0, 1};
    struct world *world = *state;

    store(world, "a", '1', &place);
    produce(world, &(struct sent){.id = "a", .content = '1', .id_was_made = true});
    decide(world);
    expect_event(world, 0);
    assert_decided(world);
    assert_metric(world, "millrace_ids_asked_total 0");
}

/* When the topic has grown: earlier copies are in partitions that this filter knows nothing of. */
static void always_asks_about_a_key_that_leads_elsewhere(void **state)
{
    static const struct event_place place = {1, 0, 1};
    struct world *world = *state;

    store(world, "a", '1', &place);
    buf_clear(&world->all);
    produce(world, &(struct sent){.id = "a", .content = '1', .is_astray = true});
    produce(world, &(struct sent){.id = "b", .content = '1', .is_astray = true});
    decide(world);
    expect_event(world, 1);
    expect_resend(world, 0, "duplicate", &place);
    assert_decided(world);
    assert_metric(world, "millrace_ids_asked_total 2");
}

/* The second time the filter knows all of them, and so do the tables: but the rows are those of this plan. */
static void decides_the_same_when_a_plan_is_done_again(void **state)
{
    static const struct event_place place = {1, 0, 1};
    struct world *world = *state;

    store(world, "a", '1', &place);
    produce(world, &(struct sent){.id = "a", .content = '2'});
    produce(world, &(struct sent){.id = "b", .content = '1'});
    produce(world, &(struct sent){.id = "b", .content = '1'});
    produce(world, &(struct sent){.bad = "{}"});
    decide(world);
    expect_event(world, 1);
    struct event_place b = place_of(world, 1);
    expect_resend(world, 0, "conflict", &place);
    expect_resend(world, 2, "duplicate", &b);
    assert_decided(world);
    primary_decider.forget(world->decider);
    prepare(world);
    primary_decider.decide(world->decider, &world->batch);
    assert_decided(world);
    assert_int_equal(world->batch.reject_count, 1);
    assert_metric(world, "millrace_ids_asked_total 3");
}

static bool has_problem(void *context)
{
    struct err problem;

    return primary_decider.has_problem(((struct world *)context)->decider, &problem);
}

static void waits_until_it_knows_what_is_new_and_says_why(void **state)
{
    struct world *world = *state;
    struct err problem;

    scripted_clickhouse_add(&world->script, &(struct script_rule){COUNT, SCRIPT_REFUSE, SLICE("why"), 60, 1});
    produce(world, &(struct sent){.id = "a", .content = '1'});
    answer_all(world);
    read_batch(world);
    loop_until(world->base.loop, has_problem, world, 20000, "the problem");
    assert_true(primary_decider.has_problem(world->decider, &problem));
    assert_non_null(strstr(problem.text, "learn the ids of partition"));
    assert_false(world->is_prepared);
    prepare(world);
    assert_false(has_problem(world));
}

static void goes_on_when_clickhouse_has_answered_after_all(void **state)
{
    static const struct event_place place = {1, 0, 1};
    struct world *world = *state;
    struct err problem;

    scripted_clickhouse_add(&world->script, &(struct script_rule){PROOF, SCRIPT_REFUSE, SLICE("why"), 60, 1});
    store(world, "a", '1', &place);
    produce(world, &(struct sent){.id = "a", .content = '1'});
    answer_all(world);
    read_batch(world);
    loop_until(world->base.loop, has_problem, world, 20000, "the problem");
    assert_true(primary_decider.has_problem(world->decider, &problem));
    assert_non_null(strstr(problem.text, "ask for earlier copies"));
    prepare(world);
    primary_decider.decide(world->decider, &world->batch);
    expect_resend(world, 0, "duplicate", &place);
    assert_decided(world);
}

static void can_be_closed_while_it_asks(void **state)
{
    static const char *const held[] = {COUNT, ALL, HINT, PROOF};
    static const struct event_place place = {1, 0, 1};
    struct world *world = *state;

    store(world, "a", '1', &place);
    produce(world, &(struct sent){.id = "a", .content = '1'});
    for (size_t i = 0; i < sizeof(held) / sizeof(held[0]); i++) {
        print_message("  %s\n", held[i]);
        scripted_clickhouse_begin_anew(&world->script);
        scripted_clickhouse_add(&world->script, &(struct script_rule){.sql = held[i], .manner = SCRIPT_HOLD});
        buf_clear(&world->count);
        answer_all(world);
        read_batch(world);
        loop_until_count(world->base.loop, &world->script.held_count, 1, "the question");
        primary_decider.close(&world->decider);
        batch_done(&world->batch);
        mock_records_done(&world->records);
    }
}

/* ---- a record that is decided no more, whose row is there ---- */

/* While the others are being learnt, of which it is none yet. */
static void knows_the_id_of_a_row_that_is_kept(void **state)
{
    struct world *world = *state;

    scripted_clickhouse_add(&world->script,
                            &(struct script_rule){COUNT, SCRIPT_HOLD, SLICE("\0\0\0\0\0\0\0\0"), 0, 1});
    answer_all(world);
    produce(world, &(struct sent){.id = "a", .content = '1'});
    read_batch(world);
    loop_until_count(world->base.loop, &world->script.held_count, 1, "the question");
    const struct event event = event_of(&world->sent[0]);
    const struct batch_record record = batch_record_of(world->batch.messages[0], EPOCH);
    const struct id_row row = {event_identity(&event), event.timestamp_us, event.ingested_at_us, 0};
    id_row_write(&world->ids, &row, &record);
    primary_decider.keep(world->decider, &world->batch);
    assert_true(slice_equals(buf_slice(&world->batch.companions[PRIMARY_IDS]), buf_slice(&world->ids)));
    primary_decider.forget(world->decider);
    scripted_clickhouse_let_go(&world->script);
    prepare(world);
    assert_int_equal(scripted_clickhouse_count(&world->script, HINT), 1);
}

/* ---- rejects ---- */

/* What can be read is said; a record that ends workers is not read again. */
static void writes_what_became_of_a_reject(void **state)
{
    static const struct {
        const char *kind;
        struct sent sent;
        bool is_readable;
    } rows[] = {
        {"decode", {.bad = "{}"}, false},
        {"insert", {.id = "a", .content = '1'}, true},
        {"crash", {.id = "a", .content = '1'}, false},
    };
    struct world *world = *state;
    const uint32_t count = sizeof(rows) / sizeof(rows[0]);

    for (uint32_t i = 0; i < count; i++)
        produce(world, &rows[i].sent);
    read_batch(world);
    for (uint32_t i = 0; i < count; i++) {
        struct event event = event_of(&rows[i].sent);
        char reason[] = "so it is";
        const struct batch_reject reject = {i, rows[i].kind, reason};
        const struct batch_record record = batch_record_of(world->batch.messages[i], EPOCH);
        primary_on_reject(&world->primary, &record, &reject, &world->batch);
        outcome_row_write(&world->outcomes,
                          &(struct outcome_row){.event = rows[i].is_readable ? &event : NULL,
                                                .outcome = "dead_letter",
                                                .reason = reason,
                                                .topic = "events"},
                          &record);
    }
    assert_true(
        slice_equals(buf_slice(&world->batch.companions[PRIMARY_OUTCOMES]), buf_slice(&world->outcomes)));
}

static void identifies_a_record_by_its_id(void **state)
{
    struct world *world = *state;
    AUTO_BUF id = {0};

    produce(world, &(struct sent){.id = "a", .content = '1'});
    produce(world, &(struct sent){.bad = "{}"});
    read_batch(world);
    struct batch_record record = batch_record_of(world->batch.messages[0], EPOCH);
    assert_true(primary_identify(&world->primary, &record, &id));
    assert_string_equal(buf_text(&id), "a");
    record = batch_record_of(world->batch.messages[1], EPOCH);
    assert_false(primary_identify(&world->primary, &record, &id));
}

#define DECIDER_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        DECIDER_TEST(stores_what_is_new_and_asks_nothing),
        DECIDER_TEST(finds_what_is_sent_again_within_the_batch),
        DECIDER_TEST(finds_what_was_stored_before),
        DECIDER_TEST(rejects_what_can_not_be_read),
        DECIDER_TEST(asks_about_no_id_that_ingest_made),
        DECIDER_TEST(always_asks_about_a_key_that_leads_elsewhere),
        DECIDER_TEST(decides_the_same_when_a_plan_is_done_again),
        DECIDER_TEST(waits_until_it_knows_what_is_new_and_says_why),
        DECIDER_TEST(goes_on_when_clickhouse_has_answered_after_all),
        DECIDER_TEST(can_be_closed_while_it_asks),
        DECIDER_TEST(knows_the_id_of_a_row_that_is_kept),
        DECIDER_TEST(writes_what_became_of_a_reject),
        DECIDER_TEST(identifies_a_record_by_its_id),
    };

    return cmocka_run_group_tests_name("primary_decider", tests, NULL, NULL);
}
