/*
 * raw_http.h - a real HTTP server and clients that send raw bytes to it over real sockets, all on one loop.
 *
 * It serves POST /v1/events (JSON only; 202 with the body back), POST /raw (the same for
 * application/octet-stream), POST /topics/{topic}/events (says the topic and the index of the media type),
 * GET /topics/{topic}, GET /hello, GET and POST /hold (answered by the test; application/octet-stream), GET
 * /big (a mebibyte), DELETE /nothing (204). A body with the header x-stranger is declined by its head, with
 * 401, and by the route of POST /v1/events one with the header x-debtor, with 429.
 */
#ifndef MILLRACE_TESTS_RAW_HTTP_H
#define MILLRACE_TESTS_RAW_HTTP_H

#include "common/base/buf.h"
#include "common/io/http_server.h"
#include "common/io/loop.h"

enum { RAW_HELD_MAX = 64, RAW_BIG_BYTES = 1 << 20 };

struct raw_world {
    struct loop *loop;
    struct http_server *server;
    struct loop_timer tick;
    struct loop_turn turn;
    int turns_left;
    bool (*is_met)(void *argument);
    void *argument;
    uint32_t ticks_left;
    uint32_t handled_count;                  /* requests that reached a handler */
    uint32_t answered_count;                 /* answers that the server told of */
    uint32_t refused_count;                  /* among them its own refusals */
    int refused_status;                      /* of the last one */
    struct http_request *held[RAW_HELD_MAX]; /* of /hold */
    uint32_t held_count;
};

struct raw_client {
    struct raw_world *world;
    struct loop_io io;
    int fd;
    struct buf received;
    bool is_closed; /* the server has closed its side */
    size_t wanted;
};

void raw_start(struct raw_world *world, const char *listen_on, const struct http_limits *limits);
void raw_stop(struct raw_world *world);

/* The same with other settings than routes and whom to call back; and in two steps, for a server that may
 * not start. */
void raw_start_with(struct raw_world *world, const struct http_server_settings *settings);
void raw_prepare(struct raw_world *world);
bool raw_try(struct raw_world *world, const struct http_server_settings *settings, struct err *err);

/* Runs the loop until the condition is met; fails the test when it takes too long. */
void raw_await(struct raw_world *world, bool (*is_met)(void *argument), void *argument);

/* Lets the loop handle what is ready, `count` times. */
void raw_run_turns(struct raw_world *world, int count);

/* Conditions about a struct raw_world. */
bool raw_has_handled(void *world);
bool raw_holds(void *world);
bool raw_has_no_connections(void *world);

/* A connection to the server's port; attach takes one that the test has made itself. */
int raw_connect(struct raw_world *world);
void raw_attach(struct raw_client *client, struct raw_world *world, int fd);
void raw_open(struct raw_client *client, struct raw_world *world);
void raw_close(struct raw_client *client);

/* Blocks while the socket takes no more. */
void raw_send(struct raw_client *client, struct slice bytes);
void raw_say(struct raw_client *client, const char *text);

/* Until so many whole answers have come since raw_forget; until the server has closed. */
void raw_await_answers(struct raw_client *client, size_t wanted);
void raw_await_close(struct raw_client *client);
void raw_forget(struct raw_client *client);

/* Of the first answer; 0 without. */
int raw_status(struct raw_client *client);
size_t raw_count(struct raw_client *client, const char *text);
void raw_assert_contains(struct raw_client *client, const char *text);

void raw_repeat(struct buf *out, const char *text, size_t count);

#endif
