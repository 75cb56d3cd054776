#include "common/service/dead_letters.h"

#include "common/base/alloc.h"
#include "common/base/bug.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/codec/rfc3339.h"
#include "common/event/topics.h"
#include "common/io/kafka_conf.h"
#include "common/io/loop.h"
#include "common/service/metrics.h"
#include "common/service/topic_watch.h"

#include <stdlib.h>
#include <utlist.h>

enum {
    DEAD_LETTER_RETRY_MS = 1000,
    DEAD_LETTER_REASON_MAX_BYTES = 512,
    DEAD_LETTER_CUT_BYTES = 64 * 1024, /* of a value that is too large for the topic */
};

struct letter {
    struct kafka_delivery delivery; /* first: the delivery is the letter */
    struct dead_letters *letters;
    struct letter *prev, *next; /* in `waiting`, or in `sent` until its report comes */
    struct slice key;
    struct slice value;
    rd_kafka_headers_t *headers;
    void (*on_written)(void *owner);
    void *owner;  /* NULL: nobody waits for it any more */
    char bytes[]; /* of key and value */
};

struct dead_letters {
    struct dead_letters_settings settings;
    char *topic;
    struct watched_topic *watched;
    struct letter *waiting;
    struct letter *sent;
    struct loop_timer retry_timer;
    struct metric *sent_total;
    struct log_gate gate;
};

/* Out of its list already. */
static void letter_free(struct letter *letter)
{
    rd_kafka_headers_destroy(letter->headers);
    free(letter);
}

static void add_header(rd_kafka_headers_t *headers, const char *name, const char *value)
{
    rd_kafka_resp_err_t code = rd_kafka_header_add(headers, name, -1, value, -1);

    BUG_ON(code != RD_KAFKA_RESP_ERR_NO_ERROR);
}

static void add_number_header(rd_kafka_headers_t *headers, const char *name, int64_t value)
{
    char text[24];

    (void)snprintf(text, sizeof(text), "%lld", (long long)value);
    add_header(headers, name, text);
}

/* A record that is larger unpacked than Kafka takes: its beginning, and a header with its whole length. The
 * record itself is still at dlq-offset. False when there is nothing left to cut. */
static bool cut(struct letter *letter)
{
    if (letter->value.length <= DEAD_LETTER_CUT_BYTES)
        return false;
    add_number_header(letter->headers, "dlq-truncated", (int64_t)letter->value.length);
    letter->value.length = DEAD_LETTER_CUT_BYTES;
    return true;
}

static void on_report(struct kafka_delivery *delivery, const struct kafka_report *report)
{
    struct letter *letter = (struct letter *)delivery;
    struct dead_letters *letters = letter->letters;
    uint32_t hidden;

    DL_DELETE(letters->sent, letter);
    if (report->is_written) {
        metric_add(letters->sent_total, 1);
        if (letter->owner != NULL)
            letter->on_written(letter->owner);
        letter_free(letter);
        return;
    }
    if (letter->owner == NULL) {
        letter_free(letter);
        return;
    }
    if (log_gate_passes(&letters->gate, loop_now_ms(letters->settings.loop), &hidden))
        log_warning("dead letter to %s not written: %s; it waits (%u such lines left out)", letters->topic,
                    rd_kafka_err2str(report->code), hidden);
    if (kafka_err_kind(report->code) != ERR_REJECT || !cut(letter))
        watched_topic_suspect(letters->watched);
    DL_APPEND(letters->waiting, letter);
    loop_timer_start(&letters->retry_timer, DEAD_LETTER_RETRY_MS);
}

static enum kafka_sending send_one(struct dead_letters *letters, struct letter *letter, struct err *err)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_copy(letter->headers);
    enum kafka_sending sending = kafka_producer_send(letters->settings.producer,
                                                     &(struct kafka_record){
                                                         .topic = letters->topic,
                                                         .partition = KAFKA_PARTITION_BY_KEY,
                                                         .key = letter->key,
                                                         .value = letter->value,
                                                         .all_headers = headers,
                                                     },
                                                     &letter->delivery, err);

    if (sending != KAFKA_SENT) {
        rd_kafka_headers_destroy(headers);
        return sending;
    }
    DL_DELETE(letters->waiting, letter);
    DL_APPEND(letters->sent, letter);
    return sending;
}

static void send_waiting(void *owner)
{
    struct dead_letters *letters = owner;
    struct letter *letter;
    struct letter *next;
    struct err err;
    uint32_t hidden;

    if (!watched_topic_has(letters->watched, 0))
        return; /* the watch calls back when it is there */
    DL_FOREACH_SAFE(letters->waiting, letter, next)
    {
        enum kafka_sending sending = send_one(letters, letter, &err);
        if (sending == KAFKA_REFUSED && err.kind == ERR_REJECT && cut(letter))
            sending = send_one(letters, letter, &err);
        if (sending == KAFKA_SENT)
            continue;
        loop_timer_start(&letters->retry_timer, DEAD_LETTER_RETRY_MS);
        if (sending == KAFKA_QUEUE_FULL)
            return;
        if (log_gate_passes(&letters->gate, loop_now_ms(letters->settings.loop), &hidden))
            log_error("dead letter: %s (%u such lines left out)", err.text, hidden);
    }
}

struct dead_letters *dead_letters_start(const struct dead_letters_settings *settings)
{
    struct dead_letters *letters = xcalloc(1, sizeof(*letters));
    AUTO_BUF labels = {0};

    letters->settings = *settings;
    letters->topic = xasprintf("%s%s", settings->source_topic, TOPIC_DEAD_LETTER_SUFFIX);
    buf_printf(&labels, "topic=\"%s\"", settings->source_topic);
    letters->sent_total = metrics_counter(settings->metrics, "kafka_dlq_sent_total", buf_text(&labels),
                                          "Records written to the topic's dead-letter topic.");
    loop_timer_init(&letters->retry_timer, settings->loop, send_waiting, letters);
    letters->watched = topic_watch_add(settings->watch,
                                       &(struct topic_need){
                                           .name = letters->topic,
                                           .consequence = "records that can't be processed wait for it",
                                           .when_missing = HEALTH_DEGRADED,
                                       },
                                       send_waiting, letters);
    return letters;
}

static void free_all(struct letter *list)
{
    struct letter *letter;
    struct letter *next;

    DL_FOREACH_SAFE(list, letter, next)
    letter_free(letter);
}

void dead_letters_stop(struct dead_letters **letters)
{
    if (*letters == NULL)
        return;
    free_all((*letters)->waiting);
    free_all((*letters)->sent);
    loop_timer_stop(&(*letters)->retry_timer);
    free((*letters)->topic);
    free(*letters);
    *letters = NULL;
}

/* The record's own headers and ours behind them. */
static rd_kafka_headers_t *headers_of(const struct dead_letters *letters, const struct dead_letter *letter)
{
    rd_kafka_headers_t *own;
    char now[RFC3339_MAX_BYTES];
    char reason[DEAD_LETTER_REASON_MAX_BYTES];
    bool has_own = rd_kafka_message_headers(letter->message, &own) == RD_KAFKA_RESP_ERR_NO_ERROR;
    rd_kafka_headers_t *headers = has_own ? rd_kafka_headers_copy(own) : rd_kafka_headers_new(10);

    (void)rfc3339_write(clock_wall_us(), now);
    add_header(headers, "dlq-topic", letters->settings.source_topic);
    add_number_header(headers, "dlq-epoch", letter->epoch);
    add_number_header(headers, "dlq-partition", letter->message->partition);
    add_number_header(headers, "dlq-offset", letter->message->offset);
    add_header(headers, "dlq-stage", letters->settings.stage);
    add_header(headers, "dlq-kind", letter->kind);
    add_header(headers, "dlq-error", log_escape(slice_from(letter->reason), reason, sizeof(reason)));
    add_header(headers, "dlq-first-failed", now);
    add_header(headers, "dlq-last-failed", now);
    return headers;
}

static struct slice copy_into(char **at, const void *data, size_t length)
{
    if (data == NULL)
        return slice_of(NULL, 0);
    char *copy = *at;
    memcpy(copy, data, length);
    *at += length;
    return slice_of(copy, length);
}

void dead_letters_send(struct dead_letters *letters, const struct dead_letter *letter,
                       void (*on_written)(void *owner), void *owner)
{
    struct letter *copy = xmalloc(sizeof(*copy) + letter->message->len + letter->message->key_len);
    char *at = copy->bytes;

    *copy = (struct letter){
        .delivery = {.on_report = on_report},
        .letters = letters,
        .headers = headers_of(letters, letter),
        .on_written = on_written,
        .owner = owner,
    };
    copy->key = copy_into(&at, letter->message->key, letter->message->key_len);
    copy->value = copy_into(&at, letter->message->payload, letter->message->len);
    DL_APPEND(letters->waiting, copy);
    send_waiting(letters);
}

void dead_letters_forget(struct dead_letters *letters, const void *owner)
{
    struct letter *letter;
    struct letter *next;

    DL_FOREACH(letters->sent, letter)
    {
        if (letter->owner == owner)
            letter->owner = NULL;
    }
    DL_FOREACH_SAFE(letters->waiting, letter, next)
    {
        if (letter->owner != owner)
            continue;
        DL_DELETE(letters->waiting, letter);
        letter_free(letter);
    }
}
