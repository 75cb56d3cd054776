#include "common/io/kafka_conf.h"

#include "common/base/bug.h"
#include "common/base/log.h"

bool kafka_conf_set(rd_kafka_conf_t *conf, const char *name, const char *value, struct err *err)
{
    char text[256];

    if (rd_kafka_conf_set(conf, name, value, text, sizeof(text)) == RD_KAFKA_CONF_OK)
        return true;
    err_set(err, ERR_FATAL, "librdkafka property %s: %s", name, text);
    return false;
}

void kafka_conf_must_set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    struct err err;

    if (!kafka_conf_set(conf, name, value, &err))
        BUG("%s", err.text);
}

static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    enum log_level ours = level < LOG_LEVEL_NOTICE ? LOG_LEVEL_NOTICE : (enum log_level)level;

    (void)rk;
    log_with(ours, NULL, "librdkafka %s: %s", facility, text);
}

void kafka_conf_set_log(rd_kafka_conf_t *conf)
{
    rd_kafka_conf_set_log_cb(conf, on_log);
}

enum err_kind kafka_err_kind(rd_kafka_resp_err_t code)
{
    switch (code) {
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_MSG:
    case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
        return ERR_REJECT;
    case RD_KAFKA_RESP_ERR__FATAL:
    case RD_KAFKA_RESP_ERR__FENCED:
    case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
        return ERR_FATAL;
    default:
        return ERR_RETRY;
    }
}

void kafka_err_set(struct err *err, rd_kafka_resp_err_t code, const char *what)
{
    err_set(err, kafka_err_kind(code), "%s: %s (%s)", what, rd_kafka_err2str(code), rd_kafka_err2name(code));
}

int32_t kafka_partition_of_key(struct slice key, int32_t partitions)
{
    return rd_kafka_msg_partitioner_murmur2(NULL, key.data, key.length, partitions, NULL, NULL);
}
