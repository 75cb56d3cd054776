#include "common/service/event_topics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

static bool parse(struct event_topics_config *topics, const char *topic, const char *tenants, struct err *err)
{
    struct settings_property members[2];
    struct settings_item item = {members, 0};

    if (topic != NULL)
        members[item.count++] = (struct settings_property){"topic", (char *)(uintptr_t)topic};
    if (tenants != NULL)
        members[item.count++] = (struct settings_property){"tenants", (char *)(uintptr_t)tenants};
    return event_topics_parse(topics, &item, err);
}

static void only_tenants_that_are_named_may_write(void **state)
{
    struct event_topics_config topics = {0};
    struct err err;

    (void)state;
    assert_true(parse(&topics, "casino.player.registered.v1", NULL, &err));
    assert_true(parse(&topics, "casino.bet.placed.v1", "t1, t2", &err));
    const struct event_topic_config *all = event_topics_find(&topics, SLICE("casino.player.registered.v1"));
    const struct event_topic_config *some = event_topics_find(&topics, SLICE("casino.bet.placed.v1"));
    assert_true(event_topic_allows(all, SLICE("anybody")));
    assert_true(event_topic_allows(some, SLICE("t1")));
    assert_true(event_topic_allows(some, SLICE("t2")));
    assert_false(event_topic_allows(some, SLICE("t")));
    assert_false(event_topic_allows(some, SLICE("t1, t2")));
    assert_false(event_topic_allows(some, SLICE("")));
    assert_null(event_topics_find(&topics, SLICE("events")));
    assert_null(event_topics_find(&topics, SLICE("casino.bet.placed.v")));
    event_topics_clear(&topics);
}

static void what_can_be_no_event_topic_is_refused(void **state)
{
    static const struct {
        const char *topic, *tenants;
        const char *text;
    } rows[] = {
        {NULL, "t1", "topic: no name for a topic"},
        {"", NULL, "topic: no name for a topic"},
        {"a/b", NULL, "topic: no name for a topic"},
        {"a.v1.dlq", NULL, "is the name of a dead-letter topic"},
        {"taken.v1", NULL, "is declared already"},
        {"a.v1", "t1,,t2", "tenants: \"\" is no tenant id"},
        {"a.v1", "t 1", "tenants: \"t 1\" is no tenant id"},
    };
    struct event_topics_config topics = {0};
    struct err err;

    (void)state;
    assert_true(parse(&topics, "taken.v1", NULL, &err));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_false(parse(&topics, rows[i].topic, rows[i].tenants, &err));
        if (strstr(err.text, rows[i].text) == NULL)
            fail_msg("%s", err.text);
    }
    assert_int_equal(topics.count, 1);
    event_topics_clear(&topics);
}

static void there_is_a_most_of_them(void **state)
{
    struct event_topics_config topics = {0};
    struct err err;

    (void)state;
    for (int i = 0; i <= EVENT_TOPICS_MAX; i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "t%d", i);
        assert_int_equal(parse(&topics, name, NULL, &err), i < EVENT_TOPICS_MAX);
    }
    event_topics_clear(&topics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_tenants_that_are_named_may_write),
        cmocka_unit_test(what_can_be_no_event_topic_is_refused),
        cmocka_unit_test(there_is_a_most_of_them),
    };

    return cmocka_run_group_tests_name("event_topics", tests, NULL, NULL);
}
