#include "common/event/topics.h"

#include <stdbool.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct topic *find(const char *name)
{
    for (const struct topic *topic = topics; topic->name != NULL; topic++)
        if (strcmp(topic->name, name) == 0)
            return topic;
    fail_msg("no topic %s", name);
    return NULL;
}

/* Every worker makes and looks up topics from this table: a name twice would be made twice. */
static void names_each_topic_once_with_writer_and_reader(void **state)
{
    (void)state;
    for (const struct topic *topic = topics; topic->name != NULL; topic++) {
        assert_ptr_equal(find(topic->name), topic);
        assert_true(strlen(topic->written_by) > 0);
        assert_true(strlen(topic->read_by) > 0);
    }
}

/* A forwarded record goes to the partition of the same number, and a replayed one must meet its owner. */
static void gives_forwarded_topics_the_partitions_of_their_source(void **state)
{
    (void)state;
    assert_int_equal(find(TOPIC_EVENTS)->partitions, TOPIC_PARTITIONS_CONFIGURED);
    assert_int_equal(find(TOPIC_POST_PROCESSING)->partitions, TOPIC_PARTITIONS_SAME_AS_EVENTS);
    assert_int_equal(find(TOPIC_POST_PROCESSING_BACKFILL)->partitions, TOPIC_PARTITIONS_SAME_AS_EVENTS);
    assert_int_equal(find(TOPIC_FEATURE_BACKFILL)->partitions, TOPIC_PARTITIONS_SAME_AS_EVENTS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_each_topic_once_with_writer_and_reader),
        cmocka_unit_test(gives_forwarded_topics_the_partitions_of_their_source),
    };

    return cmocka_run_group_tests_name("topics", tests, NULL, NULL);
}
