/*
 * list_page_test.c - from ClickHouse's rows to the answer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/codec/rowbinary.h"
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
}

/* Rows "ab2" have the id "b" at 2 us; one letter before for the customer. */
static void add_rows(struct buf *rows, const char *text)
{
    for (; *text != '\0'; text += 3) {
        const char customer[] = {text[0], '\0'};
        const char id[] = {text[1], '\0'};
        add_row(rows, id, customer, text[2] - '0');
    }
}

static void events_that_share_a_key_stay_together(void **state)
{
    static const struct {
        const char *rows;
        uint32_t page_size;
        bool has_offset;
        size_t page_count;
        bool has_more;
    } rows[] = {
        {"", 2, false, 0, false},
        {"ab9ac8", 2, false, 2, false},
        {"ab9ac8ad7", 2, false, 2, true},
        {"ab9ac8cc8", 2, false, 1, true}, /* the pair would be torn apart: it goes to the next page */
        {"ab9cb9", 2, false, 2, false},   /* all there is */
        {"ab9cb9db9", 2, false, 3, true}, /* more than a page of one key: all of them */
        {"ab9cb9ac8ac7", 3, false, 3, true},
        {"ab9ac9", 1, false, 1, true},   /* the same time, but other ids */
        {"ab9ac8cc8", 2, true, 2, true}, /* an offset counts rows */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct list_request request = {.page_size = rows[i].page_size,
                                             .has_offset = rows[i].has_offset};
        struct arena arena = {0};
        AUTO_BUF body = {0};
        struct list_page page;
        add_rows(&body, rows[i].rows);
        assert_true(list_page_read(buf_slice(&body), &request, &arena, &page));
        assert_int_equal(page.page_count, rows[i].page_count);
        assert_int_equal(page.has_more, rows[i].has_more);
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
        "xc3xb2xa1", &by_time, "cb",
        "\"has_more\":true,\"iter_first_key\":\"3000::c\",\"iter_last_key\":\"2000::b\",\"offset\":12}");
    check_order("xc3xb2xa1", &by_name, "cb", "\"has_more\":true,\"offset\":2}");
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
        cmocka_unit_test(events_that_share_a_key_stay_together),
        cmocka_unit_test(half_a_row_is_none),
        cmocka_unit_test(an_event_is_written_whole),
        cmocka_unit_test(an_empty_page_has_no_keys),
        cmocka_unit_test(the_answer_has_its_own_order_and_keys_tell_new_from_old),
        cmocka_unit_test(an_offset_goes_on_behind_the_page),
        cmocka_unit_test(a_count_is_one_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
