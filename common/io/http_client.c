#include "common/io/http_client.h"

#include "common/base/alloc.h"
#include "common/base/bug.h"
#include "common/io/loop.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <sys/queue.h>

enum {
    UPLOAD_BUFFER_BYTES = 262144,
    /* Below what servers keep an idle connection (ClickHouse 30 s, ours 60 s): on one that is just being
     * closed nobody would know whether the request was done. */
    IDLE_REUSE_MAX_S = 15,
};

LIST_HEAD(http_call_list, http_call);

struct http_client {
    struct loop *loop;
    CURLM *multi;
    struct loop_timer timer; /* libcurl's own */
    struct http_client_settings settings;
    struct http_call_list calls;
};

/* A socket that libcurl asked to watch. */
struct client_socket {
    struct http_client *client;
    struct loop_io io;
    curl_socket_t fd;
};

struct http_call {
    struct http_client *client;
    LIST_ENTRY(http_call) all;
    CURL *easy;
    struct curl_slist *headers;
    struct loop_timer timeout; /* libcurl's would not count the time in line */
    struct buf answer;
    uint32_t answer_max_bytes;
    uint32_t timeout_ms;
    uint64_t started_ms;
    bool is_too_long;
    bool has_whole_head; /* the empty line after the headers has come */
    http_on_piece *on_piece;
    http_on_answer *on_answer;
    void *owner;
    char reason[CURL_ERROR_SIZE];
};

/* A refused option is an error of ours: the values are checked, or of the type that the option wants. */
#define SET(easy, option, value)                                                                             \
    do {                                                                                                     \
        CURLcode set_code = curl_easy_setopt((easy), (option), (value));                                     \
        if (set_code != CURLE_OK)                                                                            \
            BUG("libcurl: " #option ": %s", curl_easy_strerror(set_code));                                   \
    } while (0)

#define SET_MULTI(multi, option, value) BUG_ON(curl_multi_setopt((multi), (option), (value)) != CURLM_OK)

/* ---- the end of a call ---- */

static void free_call(struct http_call *call)
{
    BUG_ON(curl_multi_remove_handle(call->client->multi, call->easy) != CURLM_OK);
    loop_timer_stop(&call->timeout);
    LIST_REMOVE(call, all);
    curl_easy_cleanup(call->easy);
    curl_slist_free_all(call->headers);
    buf_done(&call->answer);
    free(call);
}

static void report(struct http_call *call, struct http_answer *answer)
{
    answer->duration_ms = (uint32_t)(loop_now_ms(call->client->loop) - call->started_ms);
    call->on_answer(call->owner, answer);
    free_call(call);
}

static void set_failure(const struct http_call *call, struct err *err, const char *reason)
{
    const char *url = NULL;
    AUTO_STRING host = NULL;
    AUTO_STRING port = NULL;
    CURLU *parts = curl_url();

    BUG_ON(curl_easy_getinfo(call->easy, CURLINFO_EFFECTIVE_URL, &url) != CURLE_OK || parts == NULL);
    /* Only host and port: the rest of the URL may be long, and not for a log. */
    if (curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK) {
        (void)curl_url_get(parts, CURLUPART_HOST, &host, 0);
        (void)curl_url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT);
    }
    curl_url_cleanup(parts);
    err_set(err, ERR_RETRY, "%s:%s: %s", host != NULL ? host : "(no host)", port != NULL ? port : "", reason);
}

static void fail(struct http_call *call, const char *reason)
{
    struct http_answer answer = {.has_answer = false};

    set_failure(call, &answer.err, reason);
    report(call, &answer);
}

static struct slice header_of(CURL *easy, const char *name)
{
    struct curl_header *header = NULL;

    if (curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
        return slice_of(NULL, 0);
    return slice_from(header->value);
}

static int status_of(const struct http_call *call)
{
    long status = 0;

    BUG_ON(curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status) != CURLE_OK);
    return (int)status;
}

static void succeed(struct http_call *call)
{
    struct http_answer answer = {.has_answer = true, .body = buf_slice(&call->answer)};

    answer.status = status_of(call);
    answer.exception_code = header_of(call->easy, "X-ClickHouse-Exception-Code");
    answer.content_type = header_of(call->easy, "Content-Type");
    answer.retry_after = header_of(call->easy, "Retry-After");
    report(call, &answer);
}

/* libcurl takes a connection that closes for the end of the answer, even in the middle of the headers. */
static bool is_whole(const struct http_call *call)
{
    int status = status_of(call);

    return call->has_whole_head &&
           (status == 204 || status == 304 || header_of(call->easy, "Content-Length").data != NULL ||
            header_of(call->easy, "Transfer-Encoding").data != NULL);
}

static void on_done(struct http_call *call, CURLcode code)
{
    char text[64];

    if (code == CURLE_OK && is_whole(call)) {
        succeed(call);
    } else if (code == CURLE_OK) {
        fail(call, "the connection was closed before the end of the answer");
    } else if (call->is_too_long) {
        (void)snprintf(text, sizeof(text), "the answer is over %u bytes", call->answer_max_bytes);
        fail(call, text);
    } else {
        fail(call, call->reason[0] != '\0' ? call->reason : curl_easy_strerror(code));
    }
}

static void on_timeout(void *owner)
{
    struct http_call *call = owner;
    char text[64];

    (void)snprintf(text, sizeof(text), "timed out after %u ms", call->timeout_ms);
    fail(call, text);
}

static void finish_done(struct http_client *client)
{
    const CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(client->multi, &left)) != NULL) {
        struct http_call *call = NULL;
        /* The message dies with the call: take the code first. */
        CURLcode code = message->data.result;
        BUG_ON(curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &call) != CURLE_OK);
        on_done(call, code);
    }
}

/* ---- libcurl on the loop ---- */

static void act(struct http_client *client, curl_socket_t fd, int events)
{
    int running;
    CURLMcode code = curl_multi_socket_action(client->multi, fd, events, &running);

    if (code != CURLM_OK)
        BUG("libcurl: %s", curl_multi_strerror(code));
    finish_done(client);
}

static void on_socket_ready(void *owner, int events)
{
    const struct client_socket *watched = owner;
    int action = ((events & LOOP_READABLE) != 0 ? CURL_CSELECT_IN : 0) |
                 ((events & LOOP_WRITABLE) != 0 ? CURL_CSELECT_OUT : 0);

    act(watched->client, watched->fd, action);
}

static int on_watch(CURL *easy, curl_socket_t fd, int what, void *owner, void *socket_data)
{
    struct http_client *client = owner;
    struct client_socket *watched = socket_data;

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (watched != NULL)
            loop_io_stop(&watched->io);
        free(watched);
        return 0;
    }
    if (watched == NULL) {
        watched = xcalloc(1, sizeof(*watched));
        watched->client = client;
        watched->fd = fd;
        loop_io_init(&watched->io, client->loop, on_socket_ready, watched);
        BUG_ON(curl_multi_assign(client->multi, fd, watched) != CURLM_OK);
    }
    loop_io_set(&watched->io, fd,
                ((what & CURL_POLL_IN) != 0 ? LOOP_READABLE : 0) |
                    ((what & CURL_POLL_OUT) != 0 ? LOOP_WRITABLE : 0));
    return 0;
}

static int on_timer_change(CURLM *multi, long delay_ms, void *owner)
{
    struct http_client *client = owner;

    (void)multi;
    if (delay_ms < 0)
        loop_timer_stop(&client->timer);
    else
        loop_timer_start(&client->timer, (uint64_t)delay_ms);
    return 0;
}

static void on_timer(void *owner)
{
    act(owner, CURL_SOCKET_TIMEOUT, 0);
}

/* ---- the client ---- */

struct http_client *http_client_new(struct loop *loop, const struct http_client_settings *settings)
{
    struct http_client *client = xcalloc(1, sizeof(*client));

    client->loop = loop;
    client->settings = *settings;
    LIST_INIT(&client->calls);
    loop_timer_init(&client->timer, loop, on_timer, client);
    BUG_ON(curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK);
    client->multi = curl_multi_init();
    BUG_ON(client->multi == NULL);
    SET_MULTI(client->multi, CURLMOPT_SOCKETFUNCTION, on_watch);
    SET_MULTI(client->multi, CURLMOPT_SOCKETDATA, client);
    SET_MULTI(client->multi, CURLMOPT_TIMERFUNCTION, on_timer_change);
    SET_MULTI(client->multi, CURLMOPT_TIMERDATA, client);
    SET_MULTI(client->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)settings->connections);
    SET_MULTI(client->multi, CURLMOPT_MAXCONNECTS, (long)settings->connections);
    return client;
}

void http_client_free(struct http_client **client)
{
    if (*client == NULL)
        return;
    while (!LIST_EMPTY(&(*client)->calls))
        free_call(LIST_FIRST(&(*client)->calls));
    BUG_ON(curl_multi_cleanup((*client)->multi) != CURLM_OK);
    loop_timer_stop(&(*client)->timer);
    curl_global_cleanup();
    free(*client);
    *client = NULL;
}

/* ---- a call ---- */

static size_t on_bytes(char *data, size_t size, size_t count, void *owner)
{
    struct http_call *call = owner;
    size_t length = size * count;

    if (call->on_piece != NULL && status_of(call) == 200) {
        call->on_piece(call->owner, slice_of(data, length));
        return length;
    }
    if (call->answer.length + length > call->answer_max_bytes) {
        call->is_too_long = true;
        return CURL_WRITEFUNC_ERROR;
    }
    buf_append(&call->answer, data, length);
    return length;
}

static size_t on_header(char *line, size_t size, size_t count, void *owner)
{
    struct http_call *call = owner;
    size_t length = size * count;

    /* 100 Continue has an empty line too; the last head is the one that counts. */
    call->has_whole_head = length == 2 && line[0] == '\r';
    return length;
}

static void add_header(struct http_call *call, const char *line)
{
    struct curl_slist *longer = curl_slist_append(call->headers, line);

    BUG_ON(longer == NULL);
    call->headers = longer;
}

static void set_request(struct http_call *call, const struct http_call_settings *settings)
{
    CURL *easy = call->easy;

    SET(easy, CURLOPT_URL, settings->url);
    if (strcmp(settings->method, "POST") == 0) {
        SET(easy, CURLOPT_POST, 1L);
        SET(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)settings->body.length);
        SET(easy, CURLOPT_POSTFIELDS, settings->body.length > 0 ? settings->body.data : "");
        SET(easy, CURLOPT_UPLOAD_BUFFERSIZE, (long)UPLOAD_BUFFER_BYTES);
        /* Waiting for 100 Continue would cost a round trip, or a second. */
        add_header(call, "Expect:");
        if (settings->headers == NULL)
            add_header(call, "Content-Type: application/octet-stream");
    } else {
        BUG_ON(strcmp(settings->method, "GET") != 0 || settings->body.length > 0);
        SET(easy, CURLOPT_HTTPGET, 1L);
    }
    for (const char *const *line = settings->headers; line != NULL && *line != NULL; line++) {
        BUG_ON(strpbrk(*line, "\r\n") != NULL);
        add_header(call, *line);
    }
    SET(easy, CURLOPT_HTTPHEADER, call->headers);
    if (settings->user != NULL) {
        SET(easy, CURLOPT_USERNAME, settings->user);
        SET(easy, CURLOPT_PASSWORD, settings->password != NULL ? settings->password : "");
    }
}

static void set_transport(struct http_call *call)
{
    CURL *easy = call->easy;
    const char *ca_file = call->client->settings.ca_file;

    SET(easy, CURLOPT_PRIVATE, call);
    SET(easy, CURLOPT_WRITEFUNCTION, on_bytes);
    SET(easy, CURLOPT_WRITEDATA, call);
    SET(easy, CURLOPT_HEADERFUNCTION, on_header);
    SET(easy, CURLOPT_HEADERDATA, call);
    SET(easy, CURLOPT_ERRORBUFFER, call->reason);
    SET(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)call->client->settings.connect_timeout_ms);
    SET(easy, CURLOPT_NOSIGNAL, 1L);
    SET(easy, CURLOPT_TCP_NODELAY, 1L);
    SET(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    SET(easy, CURLOPT_MAXAGE_CONN, (long)IDLE_REUSE_MAX_S);
    SET(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    SET(easy, CURLOPT_FOLLOWLOCATION, 0L);
    /* That the certificate is good, and for this host, is libcurl's default. */
    SET(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (ca_file != NULL && ca_file[0] != '\0')
        SET(easy, CURLOPT_CAINFO, ca_file);
    SET(easy, CURLOPT_PROXY, ""); /* none, whatever the environment says */
}

struct http_call *http_client_call(struct http_client *client, const struct http_call_settings *settings)
{
    struct http_call *call = xcalloc(1, sizeof(*call));

    call->client = client;
    call->answer_max_bytes = settings->answer_max_bytes;
    call->timeout_ms = settings->timeout_ms;
    call->on_piece = settings->on_piece;
    call->on_answer = settings->on_answer;
    call->owner = settings->owner;
    call->started_ms = loop_now_ms(client->loop);
    call->easy = curl_easy_init();
    BUG_ON(call->easy == NULL);
    LIST_INSERT_HEAD(&client->calls, call, all);
    set_transport(call);
    set_request(call, settings);
    loop_timer_init(&call->timeout, client->loop, on_timeout, call);
    loop_timer_start(&call->timeout, call->timeout_ms);
    /* libcurl begins by its timer, so nothing is called back from here. */
    BUG_ON(curl_multi_add_handle(client->multi, call->easy) != CURLM_OK);
    return call;
}

void http_call_cancel(struct http_call *call)
{
    free_call(call);
}
