/*
 * list_page_test.c - from ClickHouse's rows to the answer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "common/base/alloc.h"
#include "common/codec/rowbinary.h"
#include "common/event/event.h"
#include "query/list_page.h"

static void add_row(struct buf *rows, const char *id, const char *customer, int64_t us)
{
    rowbinary_write_string(rows, slice_from(id));
    rowbinary_write_string(rows, slice_from(customer));
    rowbinary_write_string(rows, SLICE(""));
    rowbinary_write_string(rows, SLICE("n"));
    rowbinary_write_i64(rows, us);
    rowbinary_write_string(rows, SLICE("{\"x\": 0.10 }"));
    rowbinary_write_string(rows, SLICE(""));
    rowbinary_write_u64(rows, (uint64_t)customer[0]);
}

/* Rows "ab2" have the id "b" at 2 us; one letter before for the customer, whose code is the tie. */
static void add_rows(struct buf *rows, const char *text)
{
    for (; *text != '\0'; text += 3) {
        const char customer[] = {text[0], '\0'};
        const char id[] = {text[1], '\0'};
        add_row(rows, id, customer, text[2] - '0');
    }
}

static void a_page_knows_its_neighbours(void **state)
{
    static const struct {
        const char *rows;
        uint32_t page_size, offset;
        enum list_sort sort;
        size_t row_count;
        bool has_before, has_behind;
    } rows[] = {
        {"", 2, 0, LIST_BY_TIMESTAMP, 0, false, false},
        {"ab9ac8", 2, 0, LIST_BY_TIMESTAMP, 2, false, false},
        {"ab9ac8ad7", 2, 0, LIST_BY_TIMESTAMP, 2, false, true},
        {"ab9cb9db9", 2, 0, LIST_BY_TIMESTAMP, 2, false, true}, /* a tie is no reason for a longer page */
        {"ab9ac8ad7ae6", 2, 4, LIST_BY_TIMESTAMP, 2, true, true},
        {"ab9ac8", 2, 4, LIST_BY_TIMESTAMP, 1, true, false},
        {"ab9", 2, 4, LIST_BY_TIMESTAMP, 0, true, false}, /* the list ends before the offset */
        {"", 2, 4, LIST_BY_TIMESTAMP, 0, false, false},
        {"ab9ac8ad7", 2, 4, LIST_BY_EVENT_NAME, 2, false, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct list_request request = {.page_size = rows[i].page_size,
                                             .has_offset = rows[i].offset > 0,
                                             .offset = rows[i].offset,
                                             .sort = rows[i].sort};
        struct arena arena = {0};
        AUTO_BUF body = {0};
        struct list_page page;
        add_rows(&body, rows[i].rows);
        assert_true(list_page_read(buf_slice(&body), &request, &arena, &page));
        assert_int_equal(page.row_count, rows[i].row_count);
        assert_int_equal(page.before != NULL, rows[i].has_before);
        assert_int_equal(page.behind != NULL, rows[i].has_behind);
        arena_done(&arena);
    }
}

static void add_large_row(struct buf *rows, size_t bytes)
{
    char *properties = xmalloc(bytes);

    memset(properties, ' ', bytes);
    for (int i = 0; i < 4; i++)
        rowbinary_write_string(rows, SLICE("x"));
    rowbinary_write_i64(rows, 1);
    rowbinary_write_string(rows, slice_of(properties, bytes));
    rowbinary_write_string(rows, SLICE(""));
    rowbinary_write_u64(rows, 0);
    free(properties);
}

static void a_page_of_large_events_ends_early(void **state)
{
    static const struct {
        size_t count; /* of 2 MiB each */
        uint32_t offset;
        size_t row_count;
        bool has_behind;
    } rows[] = {{13, 0, 13, false}, {14, 0, 14, false}, {15, 0, 14, true}, {15, 1, 13, true}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct list_request request = {
            .page_size = 1000, .has_offset = rows[i].offset > 0, .offset = rows[i].offset};
        struct arena arena = {0};
        AUTO_BUF body = {0};
        struct list_page page;
        for (size_t row = 0; row < rows[i].count; row++)
            add_large_row(&body, (size_t)2 << 20);
        assert_true(list_page_read(buf_slice(&body), &request, &arena, &page));
        assert_int_equal(page.row_count, rows[i].row_count);
        assert_int_equal(page.behind != NULL, rows[i].has_behind);
        arena_done(&arena);
    }
}

static void half_a_row_is_none(void **state)
{
    const struct list_request request = {.page_size = 50};
    struct arena arena = {0};
    AUTO_BUF body = {0};
    struct list_page page;

    (void)state;
    add_rows(&body, "ab9");
    for (size_t length = 1; length < body.length; length++)
        assert_false(list_page_read(slice_of(body.data, length), &request, &arena, &page));
    arena_done(&arena);
}

static void a_time_that_no_event_has_is_no_row(void **state)
{
    static const int64_t times_us[] = {-1, EVENT_TIME_MAX_US + 1, INT64_MIN, INT64_MAX};
    const struct list_request request = {.page_size = 50};
    struct arena arena = {0};
    struct list_page page;

    (void)state;
    for (size_t i = 0; i < sizeof(times_us) / sizeof(times_us[0]); i++) {
        AUTO_BUF body = {0};
        add_row(&body, "b", "a", times_us[i]);
        assert_false(list_page_read(buf_slice(&body), &request, &arena, &page));
    }
    arena_done(&arena);
}

static void write_page(struct buf *json, const char *rows, const struct list_request *request,
                       const uint64_t *total)
{
    struct arena arena = {0};
    AUTO_BUF body = {0};
    struct list_page page;

    add_rows(&body, rows);
    assert_true(list_page_read(buf_slice(&body), request, &arena, &page));
    list_page_write(json, &page, request, "env", total);
    arena_done(&arena);
}

static void an_event_is_written_whole(void **state)
{
    const struct list_request request = {.page_size = 50};
    const uint64_t total = 1;
    AUTO_BUF json = {0};

    (void)state;
    write_page(&json, "ab9", &request, &total);
    assert_string_equal(buf_text(&json),
                        "{\"events\":[{\"id\":\"b\",\"external_customer_id\":\"a\",\"customer_id\":\"\","
                        "\"event_name\":\"n\",\"timestamp\":\"1970-01-01T00:00:00.000009Z\","
                        "\"properties\":{\"x\": 0.10 },\"source\":\"\",\"environment_id\":\"env\"}],"
                        "\"has_more\":false,\"iter_first_key\":\"9000::b\",\"iter_last_key\":\"9000::b\","
                        "\"total_count\":1}");
}

static void an_empty_page_has_no_keys(void **state)
{
    const struct list_request request = {.page_size = 50};
    AUTO_BUF json = {0};

    (void)state;
    write_page(&json, "", &request, NULL);
    assert_string_equal(buf_text(&json), "{\"events\":[],\"has_more\":false}");
}

/* The ids in the order of the answer, and what stands behind the events. */
static void check_order(const char *rows, const struct list_request *request, const char *ids,
                        const char *tail)
{
    AUTO_BUF json = {0};
    AUTO_BUF seen = {0};
    const char *at;

    write_page(&json, rows, request, NULL);
    at = buf_text(&json);
    while ((at = strstr(at, "{\"id\":\"")) != NULL)
        buf_append_byte(&seen, (at += 7)[0]);
    assert_string_equal(buf_text(&seen), ids);
    assert_string_equal(strstr(buf_text(&json), "],\"has_more\"") + 2, tail);
}

static void the_answer_has_its_own_order_and_keys_tell_new_from_old(void **state)
{
    static const char tail[] =
        "\"has_more\":false,\"iter_first_key\":\"3000::c\",\"iter_last_key\":\"1000::a\"}";
    const struct list_request down = {.page_size = 50};
    const struct list_request up = {.page_size = 50, .is_ascending = true};
    const struct list_request newer = {.page_size = 50, .has_newer = true};
    const struct list_request older_up = {.page_size = 50, .has_older = true, .is_ascending = true};

    (void)state;
    check_order("xc3xb2xa1", &down, "cba", tail);
    check_order("xa1xb2xc3", &up, "abc", tail);
    check_order("xa1xb2xc3", &newer, "cba", tail);
    check_order("xc3xb2xa1", &older_up, "abc", tail);
}

static void an_offset_goes_on_behind_the_page(void **state)
{
    const struct list_request by_time = {.page_size = 2, .has_offset = true, .offset = 10};
    const struct list_request by_name = {.page_size = 2, .has_offset = true, .sort = LIST_BY_EVENT_NAME};

    (void)state;
    check_order(
        "xd4xc3xb2xa1", &by_time, "cb",
        "\"has_more\":true,\"iter_first_key\":\"3000::c\",\"iter_last_key\":\"2000::b\",\"offset\":12}");
    check_order("xc3xb2xa1", &by_name, "cb", "\"has_more\":true,\"offset\":2}");
}

/* The page "b" at 5 us of these customers, and which keys it has. */
static void check_keys(const char *rows, const struct list_request *request, const char *first,
                       const char *last)
{
    AUTO_BUF json = {0};
    AUTO_STRING keys = xasprintf("\"iter_first_key\":\"%s\",\"iter_last_key\":\"%s\"", first, last);

    write_page(&json, rows, request, NULL);
    assert_non_null(strstr(buf_text(&json), keys));
}

static void a_key_tells_the_event_where_a_tie_is_torn(void **state)
{
    const struct cursor within = {5, SLICE("b"), true, 'q'};
    const struct cursor without = {5, SLICE("b"), false, 0};
    const struct list_request down = {.page_size = 2};
    const struct list_request up = {.page_size = 2, .is_ascending = true};
    const struct list_request older = {.page_size = 2, .has_older = true, .older = within};
    const struct list_request older_plain = {.page_size = 2, .has_older = true, .older = without};
    const struct list_request newer = {.page_size = 2, .has_newer = true, .newer = within};
    const struct list_request offset = {.page_size = 2, .has_offset = true, .offset = 1};

    (void)state;
    check_keys("bb5ab5", &down, "5000::b", "5000::b"); /* whole */
    check_keys("bb5ab5aa5", &down, "5000::b", "5000::b");
    check_keys("bb6bb5ab5", &down, "6000::b", "5000:0000000000000062:b");
    check_keys("ab5bb5cb5", &up, "5000:0000000000000062:b", "5000::b");
    check_keys("bb5ab5", &older, "5000:0000000000000062:b", "5000::b");
    check_keys("bb5ab4", &older_plain, "5000::b", "4000::b");
    check_keys("bb4ab3", &older, "4000::b", "3000::b"); /* nothing was left of the tie */
    check_keys("xb5yb5zb5", &newer, "5000:0000000000000079:b", "5000:0000000000000078:b");
    check_keys("cb5bb5ab4", &offset, "5000:0000000000000062:b", "4000::b");
    check_keys("cb6bb5ab4", &offset, "5000::b", "4000::b");
}

static void a_count_is_one_number(void **state)
{
    AUTO_BUF body = {0};
    uint64_t count = 7;

    (void)state;
    assert_false(list_count_read(buf_slice(&body), &count));
    rowbinary_write_u64(&body, 42);
    assert_true(list_count_read(buf_slice(&body), &count));
    assert_int_equal(count, 42);
    buf_append_byte(&body, '\0');
    assert_false(list_count_read(buf_slice(&body), &count));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_knows_its_neighbours),
        cmocka_unit_test(a_page_of_large_events_ends_early),
        cmocka_unit_test(half_a_row_is_none),
        cmocka_unit_test(a_time_that_no_event_has_is_no_row),
        cmocka_unit_test(an_event_is_written_whole),
        cmocka_unit_test(an_empty_page_has_no_keys),
        cmocka_unit_test(the_answer_has_its_own_order_and_keys_tell_new_from_old),
        cmocka_unit_test(an_offset_goes_on_behind_the_page),
        cmocka_unit_test(a_key_tells_the_event_where_a_tie_is_torn),
        cmocka_unit_test(a_count_is_one_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
