#include "common/service/kafka_setup.h"

#include "common/base/alloc.h"
#include "common/io/kafka_conf.h"

#include <systemd/sd-id128.h>
#include <unistd.h>

struct choice {
    const char *name;
    const char *value;
};

static void choose(rd_kafka_conf_t *conf, const struct choice *choices)
{
    for (; choices->name != NULL; choices++)
        kafka_conf_must_set(conf, choices->name, choices->value);
}

/* The defaults make a broker that is back look away for up to a minute. */
static const struct choice common_choices[] = {
    {"reconnect.backoff.ms", "100"},
    {"reconnect.backoff.max.ms", "1000"},
    {"socket.timeout.ms", "6000"},
    {"socket.nagle.disable", "true"},
    {"topic.metadata.refresh.interval.ms", "10000"},
    {"allow.auto.create.topics", "false"}, /* a missing topic is named, not made with the broker's defaults */
    {"log.connection.close", "false"},
    {NULL, NULL},
};

static const struct choice producer_choices[] = {
    {"enable.idempotence", "true"},
    {"acks", "all"},
    {"partitioner", "murmur2_random"}, /* the Java clients' */
    {"compression.codec", "lz4"},
    {"linger.ms", "1"},
    {"batch.size", "131072"},
    {"queue.buffering.max.messages", "1000000"},
    {"queue.buffering.max.kbytes", "65536"},
    {NULL, NULL},
};

static const struct choice consumer_choices[] = {
    {"enable.auto.commit", "false"},
    {"enable.auto.offset.store", "false"},
    {"auto.offset.reset", "error"}, /* a position that is not in the log is found anew, never guessed */
    {"partition.assignment.strategy", "range"},
    {"session.timeout.ms", "10000"},
    {"heartbeat.interval.ms", "2000"},
    {"check.crcs", "true"},
    {"queued.min.messages", "100000"},
    {"queued.max.messages.kbytes", "4096"}, /* of each partition: their queues are read one by one */
    {"fetch.error.backoff.ms", "50"},       /* librdkafka 2.0 also waits so long when its own queue is full */
    {NULL, NULL},
};

static const struct choice reader_choices[] = {
    {"auto.offset.reset", "error"},         {"enable.auto.commit", "false"},  {"check.crcs", "true"},
    {"queued.max.messages.kbytes", "4096"}, {"fetch.error.backoff.ms", "50"}, {NULL, NULL},
};

/* Properties that a promise rests on. */
static const struct choice protected[] = {
    {"acks", "a 202 means that all in-sync replicas have the event"},
    {"request.required.acks", "a 202 means that all in-sync replicas have the event"},
    {"enable.idempotence", "forwarding rests on the order of records"},
    {"partitioner", "a customer's events must meet in one partition"},
    {"transactional.id", "no stage uses transactions, and records outside of one would be refused"},
    {"retries", "idempotence rests on them"},
    {"message.send.max.retries", "idempotence rests on them"},
    {"message.timeout.ms", "it follows from ingest.message_timeout and the needs of each stage"},
    {"delivery.timeout.ms", "it follows from ingest.message_timeout and the needs of each stage"},
    {"allow.auto.create.topics", "topics are made by `millrace topics init`"},
    {"enable.auto.commit", "positions are committed with plans"},
    {"enable.auto.offset.store", "positions are committed with plans"},
    {"auto.offset.reset", "a position that is not in the log is found by asking the table"},
    {"partition.assignment.strategy", "the stages rest on range assignment"},
    {"group.id", "it is the stage's"},
    {"group.instance.id", "it follows from stage, machine and instance"},
    {"bootstrap.servers", "it is kafka.brokers"},
    {"metadata.broker.list", "it is kafka.brokers"},
    {NULL, NULL},
};

static bool is_allowed(const char *key, const char *name, struct err *err)
{
    for (const struct choice *row = protected; row->name != NULL; row++) {
        if (strcmp(row->name, name) != 0)
            continue;
        err_set(err, ERR_REJECT, "%s.%s can't be set: %s", key, name, row->value);
        return false;
    }
    return true;
}

static bool pass_through(rd_kafka_conf_t *conf, const char *key, const struct settings_properties *properties,
                         struct err *err)
{
    for (size_t i = 0; i < properties->count; i++) {
        const struct settings_property *property = &properties->items[i];
        if (!is_allowed(key, property->name, err))
            return false;
        if (!kafka_conf_set(conf, property->name, property->value, err)) {
            err->kind = ERR_REJECT;
            err_prefix(err, "%s", key);
            return false;
        }
    }
    return true;
}

static rd_kafka_conf_t *conf_new(const struct kafka_client *client)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    AUTO_STRING client_id = xasprintf("millrace-%s-%s", client->stage, client->instance);

    kafka_conf_set_log(conf);
    choose(conf, common_choices);
    kafka_conf_must_set(conf, "bootstrap.servers", client->config->brokers);
    kafka_conf_must_set(conf, "client.id", client_id);
    return conf;
}

/* The configuration's properties on top; destroys conf and gives NULL when one is refused. */
static rd_kafka_conf_t *with_config(rd_kafka_conf_t *conf, const struct kafka_client *client,
                                    const char *role_key, const struct settings_properties *role,
                                    struct err *err)
{
    if (pass_through(conf, "kafka.common", &client->config->common, err) &&
        pass_through(conf, role_key, role, err))
        return conf;
    rd_kafka_conf_destroy(conf);
    return NULL;
}

static const struct settings_properties no_properties = {.items = NULL, .count = 0};

rd_kafka_conf_t *kafka_setup_producer(const struct kafka_client *client, uint64_t message_timeout_ms,
                                      struct err *err)
{
    rd_kafka_conf_t *conf = conf_new(client);
    AUTO_STRING timeout = xasprintf("%llu", (unsigned long long)message_timeout_ms);

    choose(conf, producer_choices);
    kafka_conf_must_set(conf, "message.timeout.ms", timeout);
    return with_config(conf, client, "kafka.producer", &client->config->producer, err);
}

/* The machine's part of group.instance.id: the same after a restart, and another on every machine. */
static char *machine_name(void)
{
    sd_id128_t machine;
    char id[SD_ID128_STRING_MAX];
    char host[256] = "";

    if (sd_id128_get_machine(&machine) >= 0)
        return xstrdup(sd_id128_to_string(machine, id));
    if (gethostname(host, sizeof(host) - 1) != 0 || host[0] == '\0')
        return xstrdup("localhost");
    return xstrdup(host);
}

rd_kafka_conf_t *kafka_setup_consumer(const struct kafka_client *client, const char *group, struct err *err)
{
    rd_kafka_conf_t *conf = conf_new(client);
    AUTO_STRING machine = machine_name();
    AUTO_STRING member = xasprintf("%s-%s-%s", client->stage, machine, client->instance);

    choose(conf, consumer_choices);
    kafka_conf_must_set(conf, "group.id", group);
    kafka_conf_must_set(conf, "group.instance.id", member);
    return with_config(conf, client, "kafka.consumer", &client->config->consumer, err);
}

rd_kafka_conf_t *kafka_setup_admin(const struct kafka_client *client, struct err *err)
{
    return with_config(conf_new(client), client, "kafka.common", &no_properties, err);
}

rd_kafka_conf_t *kafka_setup_reader(const struct kafka_client *client, struct err *err)
{
    rd_kafka_conf_t *conf = conf_new(client);

    choose(conf, reader_choices);
    return with_config(conf, client, "kafka.common", &no_properties, err);
}
