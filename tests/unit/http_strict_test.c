/*
 * http_strict_test.c - what the server takes for HTTP, and what it refuses before a handler sees it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/lib/raw_http.h"

#include <stdlib.h>

/* ---- what is refused ---- */

enum after { GOES_ON, CLOSES };

struct row {
    const char *name;
    struct slice bytes;
    int status;
    enum after after;
    const char *message; /* in the answer; NULL: any */
};

#define POST "POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"
#define OK_BODY "Content-Length: 2\r\n\r\n{}"

#define TOPIC "POST /topics/"
#define JSON " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
#define BYTES_83 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define BYTES_249 BYTES_83 BYTES_83 BYTES_83

static const struct row refused[] = {
    {"control byte in the target", SLICE("GET /he\x01llo HTTP/1.1\r\nHost: x\r\n\r\n"), 400, CLOSES, NULL},
    {"byte above 0x7f in the target", SLICE("GET /h\xc3\xa4 HTTP/1.1\r\nHost: x\r\n\r\n"), 400, CLOSES, NULL},
    {"fragment in the target", SLICE("GET /hello#a HTTP/1.1\r\nHost: x\r\n\r\n"), 400, CLOSES, "#"},
    {"absolute target of another host", SLICE("GET http://y/hello HTTP/1.1\r\nHost: x\r\n\r\n"), 400, CLOSES,
     "differ"},
    {"absolute target of another scheme", SLICE("GET ftp://x/hello HTTP/1.1\r\nHost: x\r\n\r\n"), 400, CLOSES,
     NULL},
    {"double slash", SLICE("GET //hello HTTP/1.1\r\nHost: x\r\n\r\n"), 404, GOES_ON, NULL},
    {"dots", SLICE("GET /v1/../hello HTTP/1.1\r\nHost: x\r\n\r\n"), 404, GOES_ON, NULL},
    {"encoded dots", SLICE("GET /v1/%2e%2e/hello HTTP/1.1\r\nHost: x\r\n\r\n"), 404, GOES_ON, NULL},
    {"encoded letter", SLICE("GET /%68ello HTTP/1.1\r\nHost: x\r\n\r\n"), 404, GOES_ON, NULL},
    {"lower-case method", SLICE("get /hello HTTP/1.1\r\nHost: x\r\n\r\n"), 501, CLOSES, "method"},
    {"unknown method", SLICE("FROB /hello HTTP/1.1\r\nHost: x\r\n\r\n"), 501, CLOSES, "method"},
    {"method that goes on", SLICE("GETT /hello HTTP/1.1\r\nHost: x\r\n\r\n"), 501, CLOSES, "method"},
    {"TRACE", SLICE("TRACE /hello HTTP/1.1\r\nHost: x\r\n\r\n"), 501, CLOSES, "method"},
    {"CONNECT", SLICE("CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n"), 501, CLOSES, "method"},
    {"a TLS client", SLICE("\x16\x03\x01\x02"), 400, CLOSES, "not HTTP"},
    {"GET on a POST route", SLICE("GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n"), 405, GOES_ON,
     "Allow: POST\r"},
    {"PUT on a route of two", SLICE("PUT /hold HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx"), 405,
     GOES_ON, "Allow: GET, HEAD, POST\r"},
    {"unknown path", SLICE("GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n"), 404, GOES_ON, NULL},
    {"unknown path with a body", SLICE("POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabcde"),
     404, GOES_ON, NULL},
    {"HTTP/0.9 without headers", SLICE("GET /hello\r\n"), 400, CLOSES, "HTTP version"},
    {"HTTP/0.9 with a bare LF", SLICE("GET /hello\n"), 400, CLOSES, NULL},
    {"HTTP/0.9 by name", SLICE("GET /hello HTTP/0.9\r\nHost: x\r\n\r\n"), 400, CLOSES, "0.9"},
    {"HTTP/1.9", SLICE("GET /hello HTTP/1.9\r\nHost: x\r\n\r\n"), 505, CLOSES, NULL},
    {"HTTP/2.0", SLICE("GET /hello HTTP/2.0\r\nHost: x\r\n\r\n"), 505, CLOSES, NULL},
    {"HTTP/2 preface", SLICE("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505, CLOSES, NULL},
    {"another protocol", SLICE("GET /hello ICE/1.0\r\nHost: x\r\n\r\n"), 400, CLOSES, NULL},
    {"two spaces before the target", SLICE("GET  /hello HTTP/1.1\r\nHost: x\r\n\r\n"), 400, CLOSES, "space"},
    {"two spaces after the target", SLICE("GET /hello  HTTP/1.1\r\nHost: x\r\n\r\n"), 400, CLOSES, NULL},
    {"no Host", SLICE("GET /hello HTTP/1.1\r\n\r\n"), 400, CLOSES, "Host"},
    {"two Hosts", SLICE("GET /hello HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n"), 400, CLOSES, "Host"},
    {"a Host that is none", SLICE("GET /hello HTTP/1.1\r\nHost: x/y\r\n\r\n"), 400, CLOSES, "Host"},
    {"bare LF everywhere", SLICE("GET /hello HTTP/1.1\nHost: x\n\n"), 400, CLOSES, NULL},
    {"bare LF after a header", SLICE("GET /hello HTTP/1.1\r\nHost: x\n\r\n"), 400, CLOSES, NULL},
    {"bare LF at the end", SLICE("GET /hello HTTP/1.1\r\nHost: x\r\n\n"), 400, CLOSES, NULL},
    {"bare CR in a header", SLICE("GET /hello HTTP/1.1\r\nHost: x\rA: b\r\n\r\n"), 400, CLOSES, NULL},
    {"NUL in a value", SLICE("GET /hello HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n"), 400, CLOSES, NULL},
    {"NUL in a name", SLICE("GET /hello HTTP/1.1\r\nHost: x\r\nA\0: b\r\n\r\n"), 400, CLOSES, NULL},
    {"folded header", SLICE("GET /hello HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n"), 400, CLOSES, NULL},
    {"space before the first header", SLICE("GET /hello HTTP/1.1\r\n Host: x\r\n\r\n"), 400, CLOSES, NULL},
    {"space before the colon", SLICE("GET /hello HTTP/1.1\r\nHost : x\r\n\r\n"), 400, CLOSES, NULL},
    {"empty header name", SLICE("GET /hello HTTP/1.1\r\nHost: x\r\n: b\r\n\r\n"), 400, CLOSES, NULL},
    {"header name that is no token", SLICE("GET /hello HTTP/1.1\r\nHost: x\r\nA(b: c\r\n\r\n"), 400, CLOSES,
     NULL},
    {"length, then chunked", SLICE(POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
     400, CLOSES, NULL},
    {"chunked, then length", SLICE(POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"),
     400, CLOSES, NULL},
    {"two equal lengths", SLICE(POST "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}"), 400, CLOSES, NULL},
    {"two lengths", SLICE(POST "Content-Length: 2\r\nContent-Length: 40\r\n\r\n{}"), 400, CLOSES, NULL},
    {"length +2", SLICE(POST "Content-Length: +2\r\n\r\n{}"), 400, CLOSES, NULL},
    {"length -1", SLICE(POST "Content-Length: -1\r\n\r\n{}"), 400, CLOSES, NULL},
    {"length list", SLICE(POST "Content-Length: 2, 2\r\n\r\n{}"), 400, CLOSES, NULL},
    {"length in hex", SLICE(POST "Content-Length: 0x2\r\n\r\n{}"), 400, CLOSES, NULL},
    {"length 2^64", SLICE(POST "Content-Length: 18446744073709551616\r\n\r\n{}"), 400, CLOSES, NULL},
    {"empty length", SLICE(POST "Content-Length:\r\n\r\n{}"), 400, CLOSES, NULL},
    {"no length", SLICE(POST "\r\n"), 411, GOES_ON, "Content-Length"},
    {"chunked in 1.0", SLICE("POST /raw HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
     400, CLOSES, NULL},
    {"gzip, chunked", SLICE(POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"), 501, CLOSES,
     "chunked"},
    {"chunked, gzip", SLICE(POST "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"), 501, CLOSES,
     "chunked"},
    {"chunked, chunked", SLICE(POST "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"), 501, CLOSES,
     NULL},
    {"xchunked", SLICE(POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"), 501, CLOSES, "chunked"},
    {"two encodings", SLICE(POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
     501, CLOSES, NULL},
    {"chunk size with 0x", SLICE(CHUNKED "0x2\r\n{}\r\n0\r\n\r\n"), 400, CLOSES, NULL},
    {"chunk size with a sign", SLICE(CHUNKED "+2\r\n{}\r\n0\r\n\r\n"), 400, CLOSES, NULL},
    {"chunk size with a space", SLICE(CHUNKED "2 \r\n{}\r\n0\r\n\r\n"), 400, CLOSES, NULL},
    {"chunk size of 65 bits", SLICE(CHUNKED "10000000000000002\r\n{}\r\n0\r\n\r\n"), 400, CLOSES, NULL},
    {"chunk size ended by LF", SLICE(CHUNKED "2\n{}\r\n0\r\n\r\n"), 400, CLOSES, NULL},
    {"empty chunk size", SLICE(CHUNKED "\r\n{}\r\n0\r\n\r\n"), 400, CLOSES, NULL},
    {"data after a chunk", SLICE(CHUNKED "2\r\n{}x\r\n0\r\n\r\n"), 400, CLOSES, NULL},
    {"chunk ended by LF", SLICE(CHUNKED "2\r\n{}\n0\r\n\r\n"), 400, CLOSES, NULL},
    {"control byte in a chunk extension", SLICE(CHUNKED "2;a=\x01\r\n{}\r\n0\r\n\r\n"), 400, CLOSES, NULL},
    {"DEL in a chunk extension", SLICE(CHUNKED "2;a=\"\x7f\"\r\n{}\r\n0\r\n\r\n"), 400, CLOSES, NULL},
    {"body over the limit by length", SLICE(POST "Content-Length: 5242881\r\n\r\n"), 413, CLOSES, "5242880"},
    {"the same with Expect", SLICE(POST "Expect: 100-continue\r\nContent-Length: 5242881\r\n\r\n"), 413,
     CLOSES, NULL},
    {"another expectation", SLICE(POST "Expect: 200-ok\r\nContent-Length: 2\r\n\r\n{}"), 417, CLOSES, NULL},
    {"no content type", SLICE("POST /v1/events HTTP/1.1\r\nHost: x\r\n" OK_BODY), 415, GOES_ON,
     "Content-Type"},
    {"text/plain", SLICE("POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n" OK_BODY), 415,
     GOES_ON, NULL},
    {"two content types", SLICE(POST "Content-Type: application/json\r\n" OK_BODY), 415, GOES_ON, NULL},
    {"utf-16",
     SLICE(
         "POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json; charset=utf-16\r\n" OK_BODY),
     415, GOES_ON, "utf-8"},
    {"a type that is not among several",
     SLICE(TOPIC "orders/events HTTP/1.1\r\nHost: x\r\nContent-Type: text/json\r\n" OK_BODY), 415, GOES_ON,
     "application/json or application/cloudevents+json"},
    {"a segment with an odd byte", SLICE(TOPIC "a~b/events" JSON OK_BODY), 404, GOES_ON, NULL},
    {"an encoded segment", SLICE(TOPIC "a%2eb/events" JSON OK_BODY), 404, GOES_ON, NULL},
    {"an empty segment", SLICE(TOPIC "/events" JSON OK_BODY), 404, GOES_ON, NULL},
    {"a missing segment", SLICE(TOPIC "events" JSON OK_BODY), 405, GOES_ON, "GET"},
    {"two segments", SLICE(TOPIC "a/b/events" JSON OK_BODY), 404, GOES_ON, NULL},
    {"a segment of one dot", SLICE(TOPIC "./events" JSON OK_BODY), 404, GOES_ON, NULL},
    {"a segment of two dots", SLICE(TOPIC "../events" JSON OK_BODY), 404, GOES_ON, NULL},
    {"a segment of 250 bytes", SLICE(TOPIC BYTES_249 "x/events" JSON OK_BODY), 404, GOES_ON, NULL},
    {"more behind the path", SLICE(TOPIC "a/events/" JSON OK_BODY), 404, GOES_ON, NULL},
    {"another method on a path with a segment", SLICE("GET /topics/a/events" JSON "\r\n"), 405, GOES_ON,
     "Allow: POST\r"},
    {"content encoding", SLICE(POST "Content-Encoding: br\r\n" OK_BODY), 415, GOES_ON, "Content-Encoding"},
};

static void send_by(struct raw_client *client, struct slice bytes, size_t step)
{
    while (bytes.length > 0) {
        size_t count = step < bytes.length ? step : bytes.length;
        raw_send(client, slice_of(bytes.data, count));
        bytes = slice_from_index(bytes, count);
        if (step != SIZE_MAX)
            raw_run_turns(client->world, 2);
    }
}

/* One answer with the status in our error shape, and nothing of what stands behind it served. */
static void check_refused(struct raw_world *world, const struct row *row, size_t step)
{
    struct raw_client client;
    uint32_t handled_before = world->handled_count;
    uint32_t answered_before = world->answered_count;
    uint32_t refused_before = world->refused_count;

    print_message("  %s\n", row->name);
    raw_open(&client, world);
    send_by(&client, row->bytes, step);
    raw_await_answers(&client, 1);
    assert_int_equal(raw_status(&client), row->status);
    raw_assert_contains(&client, "x-request-id: ");
    raw_assert_contains(&client, "{\"code\":\"");
    if (row->message != NULL)
        raw_assert_contains(&client, row->message);
    /* A smuggled or following request: served only where the connection goes on. */
    raw_forget(&client);
    raw_say(&client, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    if (row->after == CLOSES) {
        raw_await_close(&client);
        assert_int_equal(client.received.length, 0);
    } else {
        raw_await_answers(&client, 1);
        assert_int_equal(raw_status(&client), 200);
    }
    assert_int_equal(world->handled_count, handled_before + (row->after == GOES_ON ? 1 : 0));
    assert_int_equal(world->answered_count, answered_before + (row->after == GOES_ON ? 2 : 1));
    assert_int_equal(world->refused_count, refused_before + 1);
    assert_int_equal(world->refused_status, row->status);
    raw_close(&client);
}

static void refuses_what_is_not_strictly_http(void **state)
{
    struct raw_world world;

    (void)state;
    raw_start(&world, "127.0.0.1:0", &http_limits_default);
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        check_refused(&world, &refused[i], SIZE_MAX);
    raw_stop(&world);
}

static void refuses_the_same_when_bytes_come_one_by_one(void **state)
{
    struct raw_world world;

    (void)state;
    raw_start(&world, "127.0.0.1:0", &http_limits_default);
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        check_refused(&world, &refused[i], 1);
    raw_stop(&world);
}

/* ---- what is served ---- */

struct served {
    const char *name;
    const char *bytes;
    int status;
    enum after after;
    const char *contains; /* in the answer */
    const char *lacks;    /* NULL: nothing */
};

static const struct served served[] = {
    {"a length", POST OK_BODY, 202, GOES_ON, "\r\n\r\n{}", NULL},
    {"chunks, extensions and trailers",
     CHUNKED "3;a=b;c=\"d e\"\r\nabc\r\n00004\r\ndefg\r\n0;x\r\nA: b\r\nC: d\r\n\r\n", 202, GOES_ON,
     "\r\n\r\nabcdefg", NULL},
    {"a long chunk extension", CHUNKED "2;" BYTES_249 "\r\n{}\r\n0\r\n\r\n", 202, GOES_ON, "\r\n\r\n{}",
     NULL},
    {"a trailer that asks to close", CHUNKED "2\r\n{}\r\n0\r\nConnection: close\r\n\r\n", 202, GOES_ON,
     "\r\n\r\n{}", "Connection"},
    {"trailers that ask to upgrade",
     CHUNKED "2\r\n{}\r\n0\r\nConnection: keep-alive, upgrade\r\nUpgrade: h2c\r\n\r\n", 202, GOES_ON,
     "\r\n\r\n{}", "Connection"},
    {"a length among the trailers", CHUNKED "2\r\n{}\r\n0\r\nContent-Length: 5\r\n\r\n", 202, GOES_ON,
     "\r\n\r\n{}", "Connection"},
    {"a bad length among the trailers", CHUNKED "2\r\n{}\r\n0\r\nContent-Length: x\r\n\r\n", 202, GOES_ON,
     "\r\n\r\n{}", "Connection"},
    {"an encoding among the trailers", CHUNKED "2\r\n{}\r\n0\r\nTransfer-Encoding: gzip\r\n\r\n", 202,
     GOES_ON, "\r\n\r\n{}", "Connection"},
    {"chunked among the trailers", CHUNKED "2\r\n{}\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n", 202, GOES_ON,
     "\r\n\r\n{}", "Connection"},
    {"hosts among the trailers", CHUNKED "2\r\n{}\r\n0\r\nHost: y\r\nHost: z\r\nExpect: x\r\n\r\n", 202,
     GOES_ON, "\r\n\r\n{}", "Connection"},
    {"an empty trailer", CHUNKED "2\r\n{}\r\n0\r\nt:\r\n\r\n", 202, GOES_ON, "\r\n\r\n{}", "Connection"},
    {"an empty chunked body", CHUNKED "0\r\n\r\n", 202, GOES_ON, "Content-Length: 0\r", NULL},
    {"Chunked in capitals", POST "Transfer-Encoding: Chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 202, GOES_ON,
     "\r\n\r\n{}", NULL},
    {"charset",
     "POST /v1/events HTTP/1.1\r\nhOsT: x\r\ncontent-type: Application/JSON ; charset=\"UTF-8\"\r\n" OK_BODY,
     202, GOES_ON, "\r\n\r\n{}", NULL},
    {"a segment", TOPIC "Or-d_e.r5/events" JSON OK_BODY, 202, GOES_ON, "topic Or-d_e.r5 type 0", NULL},
    {"a segment of 249 bytes", TOPIC BYTES_249 "/events" JSON OK_BODY, 202, GOES_ON, BYTES_249 " type 0",
     NULL},
    {"a segment of three dots", TOPIC ".../events" JSON OK_BODY, 202, GOES_ON, "topic ... type 0", NULL},
    {"a segment at the end", "GET /topics/a?b HTTP/1.1\r\nHost: x\r\n\r\n", 200, GOES_ON, "hello b", NULL},
    {"another type that the route takes",
     TOPIC
     "a/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/CloudEvents+JSON; charset=utf-8\r\n" OK_BODY,
     202, GOES_ON, "topic a type 1", NULL},
    {"a body that the route does not take",
     "GET /hello HTTP/1.1\r\nHost: x\r\nContent-Encoding: br\r\n" OK_BODY, 200, GOES_ON, "hello", NULL},
    {"a wish to upgrade", POST "Connection: upgrade, http2-settings\r\nUpgrade: h2c\r\n" OK_BODY, 202,
     GOES_ON, "\r\n\r\n{}", NULL},
    {"a wish to upgrade without body",
     "GET /hello HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n", 200, GOES_ON, "hello",
     NULL},
    {"empty lines first", "\r\n\r\nGET /hello HTTP/1.1\r\nHost: x\r\n\r\n", 200, GOES_ON, "hello", NULL},
    {"a query", "GET /hello?a=%20b HTTP/1.1\r\nHost: x\r\n\r\n", 200, GOES_ON, "hello a=%20b from 127.0.0.1",
     NULL},
    {"an absolute target", "GET http://X:80/hello?a HTTP/1.1\r\nHost: x:80\r\n\r\n", 200, GOES_ON, "hello a",
     NULL},
    {"HEAD", "HEAD /hello HTTP/1.1\r\nHost: x\r\n\r\n", 200, GOES_ON, "Content-Length: 21\r", "hello"},
    {"no content", "DELETE /nothing HTTP/1.1\r\nHost: x\r\n\r\n", 204, GOES_ON, "X-Kind: empty\r",
     "Content-Length"},
    {"HTTP/1.0", "GET /hello HTTP/1.0\r\n\r\n", 200, CLOSES, "Connection: close\r", NULL},
    {"HTTP/1.0 that stays", "GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200, GOES_ON,
     "Connection: keep-alive\r", NULL},
    {"close",
     "GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\nGET /hello HTTP/1.1\r\nHost: x\r\n\r\n", 200,
     CLOSES, "Connection: close\r", NULL},
    {"a sane request id", "GET /hello HTTP/1.1\r\nHost: x\r\nX-Request-Id:  Ab.c_d-9 \r\n\r\n", 200, GOES_ON,
     "x-request-id: Ab.c_d-9\r", NULL},
    {"a request id that is not", "GET /hello HTTP/1.1\r\nHost: x\r\nX-Request-Id: a b\r\n\r\n", 200, GOES_ON,
     "x-request-id: ", "a b"},
    {"two request ids", "GET /hello HTTP/1.1\r\nHost: x\r\nX-Request-Id: one\r\nX-Request-Id: two\r\n\r\n",
     200, GOES_ON, "x-request-id: ", "one"},
};

static void check_served(struct raw_world *world, const struct served *row, size_t step)
{
    struct raw_client client;
    const char *head_end;

    print_message("  %s\n", row->name);
    raw_open(&client, world);
    send_by(&client, slice_from(row->bytes), step);
    if (row->after == CLOSES) {
        raw_await_close(&client);
    } else {
        raw_say(&client, "GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n");
        client.wanted = 1;
        raw_await_answers(&client, strncmp(row->bytes, "HEAD", 4) == 0 ? 1 : 2);
    }
    assert_int_equal(raw_status(&client), row->status);
    raw_assert_contains(&client, row->contains);
    head_end = strstr(buf_text(&client.received), "HTTP/1.1 404");
    if (row->lacks != NULL) {
        const char *found = strstr(buf_text(&client.received), row->lacks);
        assert_true(found == NULL || (head_end != NULL && found > head_end));
    }
    assert_int_equal(raw_count(&client, "HTTP/1.1 2"), 1);
    raw_close(&client);
}

static void serves_what_clients_send(void **state)
{
    struct raw_world world;

    (void)state;
    raw_start(&world, "127.0.0.1:0", &http_limits_default);
    for (size_t i = 0; i < sizeof(served) / sizeof(served[0]); i++) {
        check_served(&world, &served[i], SIZE_MAX);
        check_served(&world, &served[i], 1);
    }
    raw_stop(&world);
}

/* ---- limits ---- */

/* A GET whose request line, headers and trailers have these sizes. */
struct sizes {
    const char *name;
    size_t line_bytes;   /* 0: as it comes */
    size_t header_count; /* Host included */
    size_t value_bytes;  /* of one more header, of name "a" */
    size_t pad_count;    /* spaces in front of a value */
    size_t trailer_count;
    size_t extension_bytes;
    int status;
};

static const struct sizes sizes[] = {
    {"a request line at the limit", 8192, 1, 0, 0, 0, 0, 200},
    {"a request line over it", 8193, 1, 0, 0, 0, 0, 414},
    {"a request line far over it", 300000, 1, 0, 0, 0, 0, 414},
    {"headers at the limit", 0, 64, 0, 0, 0, 0, 200},
    {"a header too many", 0, 65, 0, 0, 0, 0, 431},
    {"one header at the limit", 0, 1, 8191, 0, 0, 0, 200},
    {"one header over it", 0, 1, 8192, 0, 0, 0, 431},
    {"one header far over it", 0, 1, 300000, 0, 0, 0, 431},
    {"a block of white space at the limit", 0, 1, 1, 16366, 0, 0, 200},
    {"a block of white space over it", 0, 1, 1, 16367, 0, 0, 431},
    {"16 trailers", 0, 1, 0, 0, 16, 0, 200},
    {"17 trailers", 0, 1, 0, 0, 17, 0, 431},
    {"a chunk extension at the limit", 0, 1, 0, 0, 1, 255, 200},
    {"a chunk extension over it", 0, 1, 0, 0, 1, 256, 400},
};

static void write_sized(struct buf *out, const struct sizes *row)
{
    static const char line[] = "GET /hello? HTTP/1.1";

    buf_append_text(out, "GET /hello?");
    raw_repeat(out, "q", row->line_bytes == 0 ? 0 : row->line_bytes - (sizeof(line) - 1));
    buf_append_text(out, " HTTP/1.1\r\nHost: x\r\n");
    raw_repeat(out, "b: c\r\n", row->header_count - 1);
    if (row->value_bytes > 0) {
        buf_append_text(out, "a:");
        raw_repeat(out, " ", row->pad_count);
        raw_repeat(out, "v", row->value_bytes);
        buf_append_text(out, "\r\n");
    }
    if (row->trailer_count == 0) {
        buf_append_text(out, "\r\n");
        return;
    }
    buf_append_text(out, "Transfer-Encoding: chunked\r\n\r\n2;");
    raw_repeat(out, "e", row->extension_bytes > 0 ? row->extension_bytes : 1);
    buf_append_text(out, "\r\n{}\r\n0\r\n");
    raw_repeat(out, "t: u\r\n", row->trailer_count);
    buf_append_text(out, "\r\n");
}

static void check_sized(struct raw_world *world, const struct sizes *row, size_t step)
{
    struct raw_client client;
    AUTO_BUF request = {0};

    print_message("  %s\n", row->name);
    write_sized(&request, row);
    raw_open(&client, world);
    send_by(&client, buf_slice(&request), step);
    raw_await_answers(&client, 1);
    assert_int_equal(raw_status(&client), row->status);
    if (row->status != 200)
        raw_await_close(&client);
    raw_close(&client);
}

static void bounds_every_size(void **state)
{
    struct raw_world world;

    (void)state;
    raw_start(&world, "127.0.0.1:0", &http_limits_default);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        check_sized(&world, &sizes[i], SIZE_MAX);
        check_sized(&world, &sizes[i], 8191);
    }
    raw_stop(&world);
}

static void bounds_a_chunked_body(void **state)
{
    struct raw_world world;
    struct raw_client client;
    struct http_limits limits = http_limits_default;

    (void)state;
    limits.body_bytes = 10;
    raw_start(&world, "127.0.0.1:0", &limits);
    raw_open(&client, &world);
    raw_say(&client, CHUNKED "5\r\nabcde\r\n5\r\nabcde\r\n0\r\n\r\n");
    raw_await_answers(&client, 1);
    assert_int_equal(raw_status(&client), 202);
    raw_forget(&client);
    raw_say(&client, CHUNKED "5\r\nabcde\r\n5\r\nabcde\r\n1\r\nx\r\n0\r\n\r\n");
    raw_await_close(&client);
    assert_int_equal(raw_status(&client), 413);
    assert_int_equal(world.handled_count, 1);
    raw_close(&client);
    raw_stop(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_not_strictly_http),
        cmocka_unit_test(refuses_the_same_when_bytes_come_one_by_one),
        cmocka_unit_test(serves_what_clients_send),
        cmocka_unit_test(bounds_every_size),
        cmocka_unit_test(bounds_a_chunked_body),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
