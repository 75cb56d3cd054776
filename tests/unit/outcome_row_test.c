#include "consumer-primary/outcome_row.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct batch_record record = {
    .epoch = 2, .partition = 5, .offset = 7, .appended_ms = 0x0000018bcfe56800};

#define NUMBERS_OF_RECORD                                                                                    \
    "\6events"                                                                                               \
    "\2\0\0\0"                                                                                               \
    "\5\0\0\0"                                                                                               \
    "\7\0\0\0\0\0\0\0"                                                                                       \
    "\0\x68\xe5\xcf\x8b\1\0\0"

static void assert_row(const struct outcome_row *row, struct slice expected)
{
    AUTO_BUF rows = {0};

    outcome_row_write(&rows, row, &record);
    assert_int_equal(rows.length, expected.length);
    assert_memory_equal(rows.data, expected.data, expected.length);
}

static void writes_every_column_of_a_resend_byte_for_byte(void **state)
{
    struct event event = {.tenant_id = SLICE("acme"),
                          .environment_id = SLICE("live"),
                          .external_customer_id = SLICE("c-1"),
                          .id = SLICE("a")};

    (void)state;
    memcpy(event.content_hash, "0123456789abcdef", sizeof(event.content_hash));
    assert_row(&(struct outcome_row){.event = &event,
                                     .outcome = "duplicate",
                                     .reason = "again",
                                     .topic = "events",
                                     .first = {1, 3, 9}},
               SLICE("\4acme\4live\3c-1\1a\20consumer-primary\11duplicate\5again"
                     "0123456789abcdef" NUMBERS_OF_RECORD "\1\0\0\0"
                     "\3\0\0\0"
                     "\11\0\0\0\0\0\0\0"));
}

/* Nobody knows whose it was: only where it stands. */
static void writes_empty_texts_of_a_record_that_could_not_be_read(void **state)
{
    (void)state;
    assert_row(&(struct outcome_row){.outcome = "dead_letter", .reason = "no", .topic = "events"},
               SLICE("\0\0\0\0\20consumer-primary\13dead_letter\2no"
                     "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" NUMBERS_OF_RECORD
                     "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"));
}

static void names_as_many_columns_as_it_writes(void **state)
{
    (void)state;
    assert_string_equal(
        outcome_row_columns,
        "tenant_id, environment_id, external_customer_id, id, stage, outcome, reason, "
        "content_hash, source_topic, source_epoch, kafka_partition, kafka_offset, appended_at, "
        "first_epoch, first_partition, first_offset");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_every_column_of_a_resend_byte_for_byte),
        cmocka_unit_test(writes_empty_texts_of_a_record_that_could_not_be_read),
        cmocka_unit_test(names_as_many_columns_as_it_writes),
    };

    return cmocka_run_group_tests_name("outcome_row", tests, NULL, NULL);
}
