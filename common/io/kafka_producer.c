#include "common/io/kafka_producer.h"

#include "common/base/alloc.h"
#include "common/base/bug.h"
#include "common/io/kafka_conf.h"
#include "common/io/loop.h"

#include <stdlib.h>

enum { KAFKA_PURGE_WAIT_MS = 1000 };

struct kafka_producer {
    rd_kafka_t *rk;
    rd_kafka_queue_t *reports;
    struct loop_wakeup wakeup;
    uint32_t outstanding;
    rd_kafka_resp_err_t fatal;
    char refusal[256];
    void (*on_room)(void *owner);
    void *on_room_owner;
};

static void on_message_report(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    struct kafka_producer *producer = opaque;
    struct kafka_delivery *delivery = message->_private;
    rd_kafka_msg_status_t status = rd_kafka_message_status(message);
    int64_t latency_us = rd_kafka_message_latency(message);

    (void)rk;
    BUG_ON(producer->outstanding == 0);
    producer->outstanding--;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
        producer->refusal[0] = '\0';
    delivery->on_report(delivery,
                        &(struct kafka_report){
                            .is_written = message->err == 0 && status == RD_KAFKA_MSG_STATUS_PERSISTED,
                            .may_be_written = status != RD_KAFKA_MSG_STATUS_NOT_PERSISTED,
                            .code = message->err,
                            .partition = message->partition,
                            .offset = message->offset,
                            .round_trip_us = latency_us > 0 ? (uint32_t)latency_us : 0,
                        });
}

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
    struct kafka_producer *producer = opaque;

    (void)rk;
    /* librdkafka logs it. */
    if (code == RD_KAFKA_RESP_ERR__SSL || code == RD_KAFKA_RESP_ERR__AUTHENTICATION)
        (void)snprintf(producer->refusal, sizeof(producer->refusal), "%s", reason);
    if (code == RD_KAFKA_RESP_ERR__TRANSPORT)
        producer->refusal[0] = '\0';
    if (code == RD_KAFKA_RESP_ERR__FATAL)
        producer->fatal = rd_kafka_fatal_error(producer->rk, NULL, 0);
}

static void on_reports_ready(void *owner)
{
    struct kafka_producer *producer = owner;

    (void)rd_kafka_poll(producer->rk, 0);
    if (producer->on_room != NULL)
        producer->on_room(producer->on_room_owner);
}

bool kafka_producer_start(struct loop *loop, rd_kafka_conf_t *conf, struct kafka_producer **out_producer,
                          struct err *err)
{
    char text[256];
    struct kafka_producer *producer = xcalloc(1, sizeof(*producer));

    rd_kafka_conf_set_opaque(conf, producer);
    rd_kafka_conf_set_dr_msg_cb(conf, on_message_report);
    rd_kafka_conf_set_error_cb(conf, on_error);
    producer->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
    if (producer->rk == NULL) {
        err_set(err, ERR_FATAL, "Kafka producer: %s", text);
        rd_kafka_conf_destroy(conf);
        free(producer);
        return false;
    }
    producer->reports = rd_kafka_queue_get_main(producer->rk);
    loop_wakeup_init(&producer->wakeup, loop, on_reports_ready, producer);
    rd_kafka_queue_io_event_enable(producer->reports, producer->wakeup.fd, &loop_wakeup_payload,
                                   sizeof(loop_wakeup_payload));
    *out_producer = producer;
    return true;
}

static rd_kafka_resp_err_t produce(struct kafka_producer *producer, const struct kafka_record *record,
                                   rd_kafka_headers_t *headers, struct kafka_delivery *delivery)
{
    rd_kafka_vu_t arguments[6];
    size_t count = 0;

    arguments[count++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = record->topic};
    arguments[count++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = record->partition};
    arguments[count++] = (rd_kafka_vu_t){
        .vtype = RD_KAFKA_VTYPE_VALUE,
        .u.mem = {.ptr = (void *)(uintptr_t)record->value.data, .size = record->value.length}};
    arguments[count++] =
        (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_KEY,
                        .u.mem = {.ptr = (void *)(uintptr_t)record->key.data, .size = record->key.length}};
    arguments[count++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = delivery};
    if (headers != NULL)
        arguments[count++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers};
    rd_kafka_error_t *error = rd_kafka_produceva(producer->rk, arguments, count);
    rd_kafka_resp_err_t code = error == NULL ? RD_KAFKA_RESP_ERR_NO_ERROR : rd_kafka_error_code(error);
    rd_kafka_error_destroy(error);
    return code;
}

/* As a list, which stays ours when the record is refused: librdkafka 2.0.2 frees headers that it is handed
 * one by one (RD_KAFKA_VTYPE_HEADER) twice when the topic or the partition is not there. */
static rd_kafka_headers_t *headers_new(const struct kafka_record *record)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(record->header_count);

    for (size_t i = 0; i < record->header_count; i++) {
        const struct kafka_header *header = &record->headers[i];
        BUG_ON(rd_kafka_header_add(headers, header->name, -1, header->value.data,
                                   (ssize_t)header->value.length) != RD_KAFKA_RESP_ERR_NO_ERROR);
    }
    return headers;
}

enum kafka_sending kafka_producer_send(struct kafka_producer *producer, const struct kafka_record *record,
                                       struct kafka_delivery *delivery, struct err *err)
{
    rd_kafka_headers_t *own = NULL;

    BUG_ON(record->header_count > KAFKA_HEADERS_MAX ||
           (record->header_count > 0 && record->all_headers != NULL));
    if (record->header_count > 0)
        own = headers_new(record);
    rd_kafka_resp_err_t code = produce(producer, record, own != NULL ? own : record->all_headers, delivery);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        producer->outstanding++;
        return KAFKA_SENT;
    }
    if (own != NULL)
        rd_kafka_headers_destroy(own);
    if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL)
        return KAFKA_QUEUE_FULL;
    kafka_err_set(err, code, record->topic);
    return KAFKA_REFUSED;
}

uint32_t kafka_producer_outstanding(const struct kafka_producer *producer)
{
    return producer->outstanding;
}

void kafka_producer_on_room(struct kafka_producer *producer, void (*on_room)(void *owner), void *owner)
{
    producer->on_room = on_room;
    producer->on_room_owner = owner;
}

rd_kafka_resp_err_t kafka_producer_fatal(const struct kafka_producer *producer)
{
    return producer->fatal;
}

const char *kafka_producer_refusal(const struct kafka_producer *producer)
{
    return producer->refusal;
}

rd_kafka_t *kafka_producer_handle(struct kafka_producer *producer)
{
    return producer->rk;
}

void kafka_producer_stop(struct kafka_producer **producer_p)
{
    struct kafka_producer *producer = *producer_p;

    if (producer == NULL)
        return;
    producer->on_room = NULL;
    (void)rd_kafka_purge(producer->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    (void)rd_kafka_flush(producer->rk, KAFKA_PURGE_WAIT_MS);
    rd_kafka_queue_io_event_enable(producer->reports, -1, NULL, 0);
    rd_kafka_queue_destroy(producer->reports);
    rd_kafka_destroy(producer->rk);
    loop_wakeup_done(&producer->wakeup);
    free(producer);
    *producer_p = NULL;
}
