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
        assert_true(strlen(topic->readers[0].program) > 0);
    }
}

/* Two programs in one group would each get half of the records; one in two groups would do all twice. */
static void gives_each_program_a_group_of_its_own(void **state)
{
    const struct topic_reader *seen[16];
    size_t seen_count = 0;

    (void)state;
    for (const struct topic *topic = topics; topic->name != NULL; topic++)
        for (size_t i = 0; i < TOPIC_READERS_MAX && topic->readers[i].program != NULL; i++)
            seen[seen_count++] = &topic->readers[i];
    for (size_t i = 0; i < seen_count; i++)
        for (size_t j = 0; j < i; j++)
            assert_int_equal(strcmp(seen[i]->program, seen[j]->program) == 0,
                             strcmp(seen[i]->group, seen[j]->group) == 0);
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
        cmocka_unit_test(gives_each_program_a_group_of_its_own),
        cmocka_unit_test(gives_forwarded_topics_the_partitions_of_their_source),
    };

    return cmocka_run_group_tests_name("topics", tests, NULL, NULL);
}
