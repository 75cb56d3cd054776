#include "ctl/kafka_admin.h"

#include "common/base/alloc.h"
#include "common/base/bug.h"
#include "common/io/kafka_conf.h"
#include "common/service/kafka_setup.h"

#include <inttypes.h>
#include <stdio.h>

struct kafka_admin {
    rd_kafka_t *client;
    rd_kafka_queue_t *queue;
    char reason[256]; /* librdkafka's last word on why no broker answers; "": none */
};

static void event_destroy(rd_kafka_event_t **event)
{
    if (*event != NULL)
        rd_kafka_event_destroy(*event);
}

static void metadata_destroy(const struct rd_kafka_metadata **metadata)
{
    if (*metadata != NULL)
        rd_kafka_metadata_destroy(*metadata);
}

static void topic_destroy(rd_kafka_NewTopic_t **topic)
{
    if (*topic != NULL)
        rd_kafka_NewTopic_destroy(*topic);
}

static void resource_destroy(rd_kafka_ConfigResource_t **resource)
{
    if (*resource != NULL)
        rd_kafka_ConfigResource_destroy(*resource);
}

static void options_destroy(rd_kafka_AdminOptions_t **options)
{
    rd_kafka_AdminOptions_destroy(*options);
}

#define AUTO_WITH(function) __attribute__((cleanup(function)))

/* ---- the client ---- */

static void on_error(rd_kafka_t *client, int code, const char *reason, void *opaque)
{
    struct kafka_admin *admin = opaque;

    (void)client;
    /* "All brokers are down" says less than what was said of one of them before. */
    if (code != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || admin->reason[0] == '\0')
        (void)snprintf(admin->reason, sizeof(admin->reason), "%s", reason);
}

bool kafka_admin_new(const struct kafka_config *config, struct kafka_admin **out_admin, struct err *err)
{
    struct kafka_admin *admin = xcalloc(1, sizeof(*admin));
    const struct kafka_client client = {config, "ctl", "1"};
    rd_kafka_conf_t *conf = kafka_setup_admin(&client, err);
    char reason[256] = "";

    if (conf == NULL) {
        err->kind = ERR_FATAL; /* of the configuration, not of the arguments */
        free(admin);
        return false;
    }
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_opaque(conf, admin);
    admin->client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof(reason));
    if (admin->client == NULL) {
        err_set(err, ERR_FATAL, "librdkafka: %s", reason);
        rd_kafka_conf_destroy(conf);
        free(admin);
        return false;
    }
    admin->queue = rd_kafka_queue_new(admin->client);
    *out_admin = admin;
    return true;
}

void kafka_admin_free(struct kafka_admin **admin)
{
    if (*admin == NULL)
        return;
    rd_kafka_queue_destroy((*admin)->queue);
    rd_kafka_destroy((*admin)->client);
    free(*admin);
    *admin = NULL;
}

/* ---- errors ---- */

/* A command has no message to refuse: what can't succeed by waiting is ERR_FATAL. */
static bool may_pass(rd_kafka_resp_err_t code)
{
    switch (code) {
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR:
    case RD_KAFKA_RESP_ERR_INVALID_PARTITIONS:
    case RD_KAFKA_RESP_ERR_INVALID_CONFIG:
    case RD_KAFKA_RESP_ERR_INVALID_REQUEST:
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION:
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
        return false;
    default:
        return kafka_err_kind(code) == ERR_RETRY;
    }
}

/* text: the broker's own, when it gave one. */
static bool fail(struct kafka_admin *admin, rd_kafka_resp_err_t code, const char *text, struct err *err)
{
    (void)rd_kafka_poll(admin->client, 0); /* for on_error */
    err_set(err, may_pass(code) ? ERR_RETRY : ERR_FATAL, "Kafka: %s%s%s",
            text != NULL ? text : rd_kafka_err2str(code), admin->reason[0] != '\0' ? "; " : "",
            admin->reason);
    return false;
}

/* ---- metadata ---- */

/* name NULL: the brokers only. Gives metadata or NULL. */
static const struct rd_kafka_metadata *ask_metadata(struct kafka_admin *admin, const char *name,
                                                    int timeout_ms, struct err *err)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_topic_t *topic = name != NULL ? rd_kafka_topic_new(admin->client, name, NULL) : NULL;
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__INVALID_ARG;

    if (name == NULL || topic != NULL)
        code = rd_kafka_metadata(admin->client, 0, topic, &metadata, timeout_ms);
    if (topic != NULL)
        rd_kafka_topic_destroy(topic);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return metadata;
    (void)fail(admin, code, NULL, err);
    return NULL;
}

bool kafka_admin_count_brokers(struct kafka_admin *admin, int timeout_ms, int *out_count, struct err *err)
{
    AUTO_WITH(metadata_destroy)
    const struct rd_kafka_metadata *metadata = ask_metadata(admin, NULL, timeout_ms, err);

    if (metadata == NULL)
        return false;
    if (metadata->broker_cnt == 0) {
        err_set(err, ERR_RETRY, "Kafka names no brokers yet");
        return false;
    }
    *out_count = metadata->broker_cnt;
    admin->reason[0] = '\0';
    return true;
}

static int fewest_replicas(const struct rd_kafka_metadata_topic *topic)
{
    int fewest = topic->partition_cnt > 0 ? topic->partitions[0].replica_cnt : 0;

    for (int i = 1; i < topic->partition_cnt; i++)
        if (topic->partitions[i].replica_cnt < fewest)
            fewest = topic->partitions[i].replica_cnt;
    return fewest;
}

bool kafka_admin_find(struct kafka_admin *admin, const char *name, int timeout_ms,
                      struct topic_fact *out_fact, struct err *err)
{
    AUTO_WITH(metadata_destroy)
    const struct rd_kafka_metadata *metadata = ask_metadata(admin, name, timeout_ms, err);

    if (metadata == NULL)
        return false;
    if (metadata->topic_cnt != 1) {
        err_set(err, ERR_RETRY, "Kafka: asked about topic %s, answered about %d topics", name,
                metadata->topic_cnt);
        return false;
    }
    const struct rd_kafka_metadata_topic *topic = &metadata->topics[0];
    if (topic->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
        *out_fact = (struct topic_fact){0};
        return true;
    }
    if (topic->err != RD_KAFKA_RESP_ERR_NO_ERROR && topic->err != RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE) {
        (void)fail(admin, topic->err, NULL, err);
        err_prefix(err, "topic %s", name);
        return false;
    }
    *out_fact = (struct topic_fact){
        .exists = true, .partitions = topic->partition_cnt, .replication = fewest_replicas(topic)};
    return true;
}

/* ---- requests with an answer on the queue ---- */

static rd_kafka_AdminOptions_t *make_options(struct kafka_admin *admin, rd_kafka_admin_op_t operation,
                                             int timeout_ms)
{
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(admin->client, operation);
    char reason[128] = "";

    BUG_ON(options == NULL);
    if (rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, reason, sizeof(reason)) !=
        RD_KAFKA_RESP_ERR_NO_ERROR)
        BUG("request timeout of %d ms: %s", timeout_ms, reason);
    return options;
}

/* Gives the event of the answer, which always comes: librdkafka makes one of its own at the timeout. */
static rd_kafka_event_t *wait_for_answer(struct kafka_admin *admin, struct err *err)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(admin->queue, -1);

    BUG_ON(event == NULL);
    if (rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR_NO_ERROR)
        return event;
    (void)fail(admin, rd_kafka_event_error(event), rd_kafka_event_error_string(event), err);
    rd_kafka_event_destroy(event);
    return NULL;
}

static void take_setting(const rd_kafka_ConfigEntry_t *entry, struct topic_fact *fact)
{
    const struct {
        const char *name;
        char *target;
        size_t size;
    } known[] = {
        {"retention.ms", fact->retention_ms, sizeof(fact->retention_ms)},
        {"min.insync.replicas", fact->min_insync_replicas, sizeof(fact->min_insync_replicas)},
        {"message.timestamp.type", fact->timestamp_type, sizeof(fact->timestamp_type)},
        {"cleanup.policy", fact->cleanup_policy, sizeof(fact->cleanup_policy)},
    };
    const char *value = rd_kafka_ConfigEntry_value(entry);

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (value != NULL && strcmp(rd_kafka_ConfigEntry_name(entry), known[i].name) == 0)
            (void)snprintf(known[i].target, known[i].size, "%s", value);
}

bool kafka_admin_describe(struct kafka_admin *admin, const char *name, int timeout_ms,
                          struct topic_fact *fact, struct err *err)
{
    AUTO_WITH(options_destroy)
    rd_kafka_AdminOptions_t *options = make_options(admin, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, timeout_ms);
    AUTO_WITH(resource_destroy)
    rd_kafka_ConfigResource_t *resource = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, name);
    size_t count = 0;

    BUG_ON(resource == NULL);
    rd_kafka_DescribeConfigs(admin->client, &resource, 1, options, admin->queue);
    AUTO_WITH(event_destroy) rd_kafka_event_t *event = wait_for_answer(admin, err);
    if (event == NULL)
        return false;
    const rd_kafka_ConfigResource_t **answers =
        rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event), &count);
    BUG_ON(count != 1);
    if (rd_kafka_ConfigResource_error(answers[0]) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        (void)fail(admin, rd_kafka_ConfigResource_error(answers[0]),
                   rd_kafka_ConfigResource_error_string(answers[0]), err);
        err_prefix(err, "settings of topic %s", name);
        return false;
    }
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(answers[0], &count);
    for (size_t i = 0; i < count; i++)
        take_setting(entries[i], fact);
    return true;
}

static void set_topic_config(rd_kafka_NewTopic_t *topic, const char *name, const char *value)
{
    BUG_ON(rd_kafka_NewTopic_set_config(topic, name, value) != RD_KAFKA_RESP_ERR_NO_ERROR);
}

static rd_kafka_NewTopic_t *make_new_topic(const struct topic_spec *spec, struct err *err)
{
    char text[256] = "";
    rd_kafka_NewTopic_t *topic =
        rd_kafka_NewTopic_new(spec->name, spec->partitions, spec->replication, text, sizeof(text));

    if (topic == NULL) {
        err_set(err, ERR_FATAL, "topic %s: %s", spec->name, text);
        return NULL;
    }
    (void)snprintf(text, sizeof(text), "%" PRIu64, spec->retention_ms);
    set_topic_config(topic, "retention.ms", text);
    (void)snprintf(text, sizeof(text), "%d", spec->min_insync_replicas);
    set_topic_config(topic, "min.insync.replicas", text);
    set_topic_config(topic, "cleanup.policy", "delete");
    /* By the client's time a replayed or late record would be deleted before it is read. */
    set_topic_config(topic, "message.timestamp.type", "LogAppendTime");
    return topic;
}

bool kafka_admin_create(struct kafka_admin *admin, const struct topic_spec *spec, int timeout_ms,
                        struct err *err)
{
    AUTO_WITH(topic_destroy) rd_kafka_NewTopic_t *topic = make_new_topic(spec, err);
    char reason[128] = "";
    size_t count = 0;

    if (topic == NULL)
        return false;
    AUTO_WITH(options_destroy)
    rd_kafka_AdminOptions_t *options = make_options(admin, RD_KAFKA_ADMIN_OP_CREATETOPICS, timeout_ms);
    /* So that the broker answers when it has made the topic known, and not before. */
    if (rd_kafka_AdminOptions_set_operation_timeout(options, timeout_ms, reason, sizeof(reason)) !=
        RD_KAFKA_RESP_ERR_NO_ERROR)
        BUG("operation timeout of %d ms: %s", timeout_ms, reason);
    rd_kafka_CreateTopics(admin->client, &topic, 1, options, admin->queue);
    AUTO_WITH(event_destroy) rd_kafka_event_t *event = wait_for_answer(admin, err);
    if (event == NULL)
        return false;
    const rd_kafka_topic_result_t **results =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
    BUG_ON(count != 1);
    rd_kafka_resp_err_t code = rd_kafka_topic_result_error(results[0]);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
        return true;
    (void)fail(admin, code, rd_kafka_topic_result_error_string(results[0]), err);
    err_prefix(err, "make topic %s", spec->name);
    return false;
}
