/* Which topics there should be, and what is said of those that are. */
#include "common/event/topics.h"
#include "ctl/topic_plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct config make_config(void)
{
    return (struct config){
        .kafka = {.partitions = 6, .retention_ms = 604800000, .dead_letter_retention_ms = 2592000000},
        .topics = {.events = "my.events",
                   .post_processing = "post",
                   .post_processing_backfill = "post_backfill",
                   .feature_backfill = "feature_backfill",
                   .system_events = "system"},
    };
}

static const struct topic_spec *find(const struct topic_spec *specs, int count, const char *name)
{
    for (int i = 0; i < count; i++)
        if (strcmp(specs[i].name, name) == 0)
            return &specs[i];
    fail_msg("no topic %s", name);
    return NULL;
}

static void every_topic_has_its_configured_name_and_dead_letters_kept_longer(void **state)
{
    struct config config = make_config();
    struct topic_spec specs[TOPIC_PLAN_MAX];

    (void)state;
    int count = topic_plan_specs(&config, 1, 0, specs);
    assert_int_equal(count, 10);
    assert_int_equal(find(specs, count, "my.events")->partitions, 6);
    assert_int_equal(find(specs, count, "my.events")->retention_ms, 604800000);
    assert_int_equal(find(specs, count, "my.events.dlq")->partitions, 6);
    assert_int_equal(find(specs, count, "my.events.dlq")->retention_ms, 2592000000);
    (void)find(specs, count, "system.dlq");
}

static void a_declared_event_type_has_its_topic_and_dead_letters(void **state)
{
    struct event_topic_config types[] = {{.topic = (char[]){"casino.bet.placed.v1"}}};
    struct config config = make_config();
    struct topic_spec specs[TOPIC_PLAN_MAX];

    (void)state;
    config.event_topics = (struct event_topics_config){types, 1};
    int count = topic_plan_specs(&config, 1, 12, specs);
    assert_int_equal(count, 12);
    assert_int_equal(find(specs, count, "casino.bet.placed.v1")->partitions, 6);
    assert_int_equal(find(specs, count, "casino.bet.placed.v1")->partitions_needed, 1);
    assert_int_equal(find(specs, count, "casino.bet.placed.v1.dlq")->retention_ms, 2592000000);
}

static void replication_follows_the_brokers_up_to_three_and_two_copies_are_waited_for(void **state)
{
    static const struct {
        uint64_t configured;
        int broker_count, replication, min_insync_replicas;
    } rows[] = {{0, 1, 1, 1}, {0, 2, 2, 1}, {0, 3, 3, 2}, {0, 9, 3, 2},
                {1, 9, 1, 1}, {5, 9, 5, 2}, {3, 1, 3, 2}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct config config = make_config();
        struct topic_spec specs[TOPIC_PLAN_MAX];
        config.kafka.replication = rows[i].configured;
        int count = topic_plan_specs(&config, rows[i].broker_count, 0, specs);
        for (int k = 0; k < count; k++) {
            assert_int_equal(specs[k].replication, rows[i].replication);
            assert_int_equal(specs[k].min_insync_replicas, rows[i].min_insync_replicas);
        }
    }
}

static void a_topic_that_follows_events_gets_and_needs_as_many_partitions(void **state)
{
    struct config config = make_config();
    struct topic_spec specs[TOPIC_PLAN_MAX];

    (void)state;
    int count = topic_plan_specs(&config, 1, 12, specs); /* events was grown beyond the configured 6 */
    assert_int_equal(find(specs, count, "post")->partitions, 12);
    assert_int_equal(find(specs, count, "post")->partitions_needed, 12);
    assert_int_equal(find(specs, count, "feature_backfill")->partitions, 12);
    assert_int_equal(find(specs, count, "system")->partitions, 6);
    assert_int_equal(find(specs, count, "post.dlq")->partitions_needed, 1);

    count = topic_plan_specs(&config, 1, 3, specs); /* more than needed is no harm */
    assert_int_equal(find(specs, count, "post")->partitions, 6);
    assert_int_equal(find(specs, count, "post")->partitions_needed, 3);
}

static void a_topic_is_judged_by_what_the_pipeline_relies_on(void **state)
{
    static const struct topic_spec spec = {"events", 6, 6, 3, 2, 1000};
    static const struct {
        struct topic_fact fact;
        enum topic_state state;
        const char *note; /* "": none at all */
    } rows[] = {
        {{false, 0, 0, "", "", "", ""}, TOPIC_STATE_MISSING, ""},
        {{true, 6, 3, "1000", "2", "LogAppendTime", "delete"}, TOPIC_STATE_GOOD, ""},
        {{true, 6, 3, "", "", "", ""}, TOPIC_STATE_GOOD, ""},
        {{true, 7, 3, "1000", "2", "LogAppendTime", "delete"}, TOPIC_STATE_DIFFERS, "7 partitions"},
        {{true, 5, 3, "1000", "2", "LogAppendTime", "delete"}, TOPIC_STATE_WRONG, "5 partitions, but"},
        {{true, 6, 1, "1000", "1", "LogAppendTime", "delete"}, TOPIC_STATE_DIFFERS, "1 replicas"},
        {{true, 6, 1, "1000", "2", "LogAppendTime", "delete"}, TOPIC_STATE_WRONG, "nothing can be written"},
        {{true, 6, 3, "1000", "1", "LogAppendTime", "delete"}, TOPIC_STATE_WRONG, "min.insync.replicas=1"},
        {{true, 6, 3, "1000", "2", "CreateTime", "delete"}, TOPIC_STATE_WRONG, "LogAppendTime"},
        {{true, 6, 3, "1000", "2", "LogAppendTime", "compact"}, TOPIC_STATE_WRONG, "compact"},
        {{true, 6, 3, "1000", "2", "LogAppendTime", "compact,delete"}, TOPIC_STATE_WRONG, "compact"},
        {{true, 6, 3, "999", "2", "LogAppendTime", "delete"}, TOPIC_STATE_DIFFERS, "retention.ms=999"},
        {{true, 6, 3, "-1", "2", "LogAppendTime", "delete"}, TOPIC_STATE_DIFFERS, "retention.ms=-1"},
        {{true, 5, 3, "999", "2", "CreateTime", "delete"}, TOPIC_STATE_WRONG, "; retention.ms=999"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        AUTO_BUF notes = {0};
        enum topic_state found = topic_plan_judge(&spec, &rows[i].fact, &notes);
        const char *text = buf_text(&notes);
        bool note_fits = rows[i].note[0] == '\0' ? text[0] == '\0' : strstr(text, rows[i].note) != NULL;
        if (found != rows[i].state || !note_fits)
            fail_msg("row %zu: %s \"%s\"", i, topic_state_name(found), text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_topic_has_its_configured_name_and_dead_letters_kept_longer),
        cmocka_unit_test(a_declared_event_type_has_its_topic_and_dead_letters),
        cmocka_unit_test(replication_follows_the_brokers_up_to_three_and_two_copies_are_waited_for),
        cmocka_unit_test(a_topic_that_follows_events_gets_and_needs_as_many_partitions),
        cmocka_unit_test(a_topic_is_judged_by_what_the_pipeline_relies_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
