/*
 * http_gzip_test.c - bodies with Content-Encoding: gzip, over a real socket.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/lib/gzip.h"
#include "tests/lib/raw_http.h"

#define GZIP "Content-Encoding: gzip\r\n"

/* What a client may get wrong about the body `plain`. */
enum flaw {
    FLAW_NONE,
    FLAW_CUT,     /* the last byte is missing */
    FLAW_DAMAGED, /* a bit of the checksum is wrong */
    FLAW_MORE,    /* a byte behind the end */
    FLAW_PLAIN,   /* not encoded at all */
    FLAW_EMPTY,   /* no bytes */
};

struct row {
    const char *name;
    const char *encoding; /* header lines */
    const char *plain;
    uint32_t repeat; /* of plain */
    enum flaw flaw;
    int status;
    const char *contains; /* in the answer */
};

static const struct row rows[] = {
    {"gzip", GZIP, "{\"a\":1}", 1, FLAW_NONE, 202, "\r\n\r\n{\"a\":1}"},
    {"gzip in capitals", "Content-Encoding: GZIP\r\n", "{}", 1, FLAW_NONE, 202, "\r\n\r\n{}"},
    {"identity", "Content-Encoding: identity\r\n", "{}", 1, FLAW_PLAIN, 202, "\r\n\r\n{}"},
    {"at the limit", GZIP, "0123456789abcdef", 64, FLAW_NONE, 202, "Content-Length: 1024\r"},
    {"a byte over the limit", GZIP, "0123456789abcde", 69, FLAW_NONE, 413, "1024 bytes when decoded"},
    {"cut off", GZIP, "{}", 1, FLAW_CUT, 400, "cut off"},
    {"nothing at all", GZIP, "{}", 1, FLAW_EMPTY, 400, "cut off"},
    {"damaged", GZIP, "{}", 1, FLAW_DAMAGED, 400, "damaged"},
    {"more behind the end", GZIP, "{}", 1, FLAW_MORE, 400, "behind its end"},
    {"said but not done", GZIP, "{}", 1, FLAW_PLAIN, 400, "not gzip"},
    {"br", "Content-Encoding: br\r\n", "{}", 1, FLAW_NONE, 415, "gzip, once"},
    {"deflate", "Content-Encoding: deflate\r\n", "{}", 1, FLAW_NONE, 415, "gzip, once"},
    {"an empty encoding", "Content-Encoding:\r\n", "{}", 1, FLAW_NONE, 415, NULL},
    {"gzip, gzip", "Content-Encoding: gzip, gzip\r\n", "{}", 1, FLAW_NONE, 415, NULL},
    {"two headers", GZIP GZIP, "{}", 1, FLAW_NONE, 415, NULL},
};

static void write_body(struct buf *out, const struct row *row)
{
    AUTO_BUF plain = {0};

    raw_repeat(&plain, row->plain, row->repeat);
    if (row->flaw == FLAW_PLAIN)
        buf_append_slice(out, buf_slice(&plain));
    if (row->flaw == FLAW_PLAIN || row->flaw == FLAW_EMPTY)
        return;
    gzip_write(out, buf_slice(&plain));
    if (row->flaw == FLAW_CUT)
        out->length--;
    if (row->flaw == FLAW_DAMAGED)
        out->data[out->length - 8] ^= 1;
    if (row->flaw == FLAW_MORE)
        buf_append_byte(out, ' ');
}

/* Each row with a length, chunked, and with one byte at a time; the connection always goes on. */
static void check(struct raw_world *world, const struct row *row, bool is_chunked, size_t step)
{
    struct raw_client client;
    AUTO_BUF body = {0};
    AUTO_BUF request = {0};

    print_message("  %s%s\n", row->name, is_chunked ? ", chunked" : "");
    write_body(&body, row);
    buf_printf(&request, "POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n%s",
               row->encoding);
    if (is_chunked)
        buf_append_text(&request, "Transfer-Encoding: chunked\r\n\r\n");
    else
        buf_printf(&request, "Content-Length: %zu\r\n\r\n", body.length);
    if (is_chunked && body.length > 0)
        buf_printf(&request, "%zx\r\n", body.length);
    buf_append_slice(&request, buf_slice(&body));
    if (is_chunked)
        buf_append_text(&request, body.length > 0 ? "\r\n0\r\n\r\n" : "0\r\n\r\n");
    raw_open(&client, world);
    for (size_t at = 0; at < request.length; at += step) {
        size_t left = request.length - at;
        raw_send(&client, slice_of(request.data + at, left < step ? left : step));
        if (step == 1)
            raw_run_turns(world, 2);
    }
    raw_say(&client, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    raw_await_answers(&client, 2);
    assert_int_equal(raw_status(&client), row->status);
    if (row->contains != NULL)
        raw_assert_contains(&client, row->contains);
    raw_assert_contains(&client, "hello");
    raw_close(&client);
}

static void takes_sound_gzip_only(void **state)
{
    struct http_limits limits = http_limits_default;
    struct raw_world world;

    (void)state;
    limits.body_bytes = 1024;
    raw_start(&world, "127.0.0.1:0", &limits);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        check(&world, &rows[i], false, SIZE_MAX / 2);
        check(&world, &rows[i], true, SIZE_MAX / 2);
        check(&world, &rows[i], true, 1);
    }
    raw_stop(&world);
}

/* The server is asked before the route, and the first word stays. */
static void what_is_declined_by_its_head_is_not_unpacked(void **state)
{
    static const struct row declined[] = {
        {"a debtor", GZIP "X-Debtor: 1\r\n", "{}", 1, FLAW_PLAIN, 429, "\"details\":{\"debt\":\"is yours\"}"},
        {"a stranger", GZIP "X-Stranger: 1\r\n", "{}", 1, FLAW_PLAIN, 401, "nobody knows you"},
        {"both", GZIP "X-Debtor: 1\r\nX-Stranger: 1\r\n", "{}", 1, FLAW_PLAIN, 401,
         "nobody knows you\",\"http_status_code\":401}"},
    };
    struct raw_world world;

    (void)state;
    raw_start(&world, "127.0.0.1:0", &http_limits_default);
    for (size_t i = 0; i < sizeof(declined) / sizeof(declined[0]); i++) {
        check(&world, &declined[i], false, SIZE_MAX / 2);
        check(&world, &declined[i], true, 1);
    }
    raw_stop(&world);
}

static void a_bomb_is_not_unpacked(void **state)
{
    struct raw_world world;
    const struct row row = {"a bomb of 5 MB", GZIP, " ", 5000000, FLAW_NONE, 413, "100 times"};

    (void)state;
    raw_start(&world, "127.0.0.1:0", &http_limits_default);
    check(&world, &row, false, SIZE_MAX / 2);
    check(&world, &row, true, SIZE_MAX / 2);
    assert_int_equal(world.handled_count, 2); /* GET /hello */
    raw_stop(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_sound_gzip_only),
        cmocka_unit_test(what_is_declined_by_its_head_is_not_unpacked),
        cmocka_unit_test(a_bomb_is_not_unpacked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
