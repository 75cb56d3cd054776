#include "common/service/config_check.h"

#include "common/base/number.h"
#include "common/io/http_address.h"
#include "common/io/pg_error.h"
#include "common/service/kafka_setup.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <inttypes.h>

enum { TOPIC_NAME_MAX_BYTES = 245 /* 249, and room for ".dlq" */ };

/* ---- addresses ---- */

static bool is_address(struct slice text)
{
    char host[INET6_ADDRSTRLEN];
    unsigned char binary[sizeof(struct in6_addr)];
    bool is_ipv6 = text.length > 2 && text.data[0] == '[' && text.data[text.length - 1] == ']';

    if (is_ipv6)
        text = slice_of(text.data + 1, text.length - 2);
    if (text.length >= sizeof(host))
        return false;
    memcpy(host, text.data, text.length);
    host[text.length] = '\0';
    return inet_pton(is_ipv6 ? AF_INET6 : AF_INET, host, binary) == 1;
}

static bool is_listen(const char *text)
{
    const char *colon = strrchr(text, ':');
    uint64_t port;

    if (strncmp(text, "unix:", 5) == 0)
        return text[5] == '/' && strlen(text + 5) < 108; /* sizeof sun_path */
    return colon != NULL && is_address(slice_of(text, (size_t)(colon - text))) &&
           number_u64(slice_from(colon + 1), &port) && port <= UINT16_MAX;
}

bool config_check_listen(const char *text, struct err *err)
{
    if (is_listen(text))
        return true;
    err_set(err, ERR_FATAL, "\"%.100s\" is not an address: write 127.0.0.1:8080, [::1]:8080 or unix:/path",
            text);
    return false;
}

bool config_check_optional_listen(const char *text, struct err *err)
{
    return text[0] == '\0' || config_check_listen(text, err);
}

static bool is_port(struct slice text)
{
    uint64_t port;

    return number_u64(text, &port) && port >= 1 && port <= UINT16_MAX;
}

/* A name, an IPv4 address or an IPv6 address in brackets. */
static bool is_host(struct slice text)
{
    if (!slice_is_empty(text) && text.data[0] == '[')
        return is_address(text);
    for (size_t i = 0; i < text.length; i++)
        if (!isalnum((unsigned char)text.data[i]) && strchr("-._", text.data[i]) == NULL)
            return false;
    return !slice_is_empty(text);
}

/* host:port, or, where there is a default port, the host alone. */
static bool is_server(struct slice text, bool needs_port)
{
    const char *bracket = memchr(text.data, ']', text.length);
    size_t begin = bracket != NULL ? (size_t)(bracket - text.data) : 0;
    const char *colon = memchr(text.data + begin, ':', text.length - begin);

    if (colon == NULL)
        return !needs_port && is_host(text);
    size_t host_length = (size_t)(colon - text.data);
    return is_host(slice_of(text.data, host_length)) && is_port(slice_from_index(text, host_length + 1));
}

bool config_check_url(const char *text, struct err *err)
{
    bool is_http = strncmp(text, "http://", 7) == 0 || strncmp(text, "https://", 8) == 0;
    const char *host = is_http ? strstr(text, "://") + 3 : "";

    if (strchr(text, '@') != NULL) {
        err_set(err, ERR_FATAL, "a URL must not hold a user or password here: they have keys of their own");
        return false;
    }
    if (!is_server(slice_from(host), false)) {
        err_set(err, ERR_FATAL,
                "\"%.100s\" is not a server: write http://host:port or http://[address]:port, with a port "
                "from 1 to "
                "65535 and nothing behind it",
                text);
        return false;
    }
    return true;
}

bool config_check_brokers(const char *text, struct err *err)
{
    struct slice rest = slice_from(text);
    struct slice broker;
    bool has_more;

    do {
        has_more = slice_cut(&rest, ',', &broker);
        broker = slice_trim(broker);
        if (!is_server(broker, true)) {
            err_set(
                err, ERR_FATAL,
                "\"%.*s\" is not a broker: write host:port or [address]:port, with commas between several",
                broker.length < 100 ? (int)broker.length : 100, broker.data);
            return false;
        }
    } while (has_more);
    return true;
}

/* ---- listeners ---- */

/* The port, with its colon; the same text for the same port as addresses are checked. */
static struct slice port_of(const char *listen)
{
    const char *colon = strrchr(listen, ':');

    return colon != NULL ? slice_from(colon) : slice_of(NULL, 0);
}

static bool is_any_address(const char *listen)
{
    return strncmp(listen, "0.0.0.0:", 8) == 0 || strncmp(listen, "[::]:", 5) == 0;
}

/* Whether the second of them could not be opened. Port 0 is one that the kernel chooses. */
static bool listens_collide(const char *a, const char *b)
{
    if (a[0] == '\0' || slice_equals_text(port_of(a), ":0"))
        return false;
    if (strcmp(a, b) == 0)
        return true;
    return strncmp(a, "unix:", 5) != 0 && strncmp(b, "unix:", 5) != 0 &&
           (is_any_address(a) || is_any_address(b)) && slice_equals(port_of(a), port_of(b));
}

static void check_listeners_differ(const struct config *config, const char *where, struct buf *problems)
{
    const struct {
        const char *key;
        const char *listen;
    } rows[] = {{"ingest.listen", config->ingest.listen},
                {"query.listen", config->query.listen},
                {"admin.listen", config->admin.listen}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        for (size_t j = 0; j < i; j++) {
            if (listens_collide(rows[i].listen, rows[j].listen))
                buf_printf(problems, "%s: %s: %s is taken by %s, %s: give it an address of its own\n", where,
                           rows[i].key, rows[i].listen, rows[j].key, rows[j].listen);
        }
    }
}

/* ---- PostgreSQL ---- */

/* user:password@ between "://" and the path. */
static bool uri_has_password(const char *dsn)
{
    const char *authority = strstr(dsn, "://");

    if (authority == NULL || strncmp(dsn, "postgres", 8) != 0)
        return false;
    authority += 3;
    size_t length = strcspn(authority, "/?");
    const char *at = memrchr(authority, '@', length);
    return at != NULL && memchr(authority, ':', (size_t)(at - authority)) != NULL;
}

/* "password = x", "?password=x", and sslpassword. */
static bool has_password_parameter(const char *dsn)
{
    static const char name[] = "password";

    for (const char *at = strstr(dsn, name); at != NULL; at = strstr(at + 1, name)) {
        const char *behind = at + sizeof(name) - 1;
        if (behind[strspn(behind, " ")] == '=')
            return true;
    }
    return false;
}

bool config_check_dsn(const char *text, struct err *err)
{
    if (!uri_has_password(text) && !has_password_parameter(text))
        return pg_error_check_dsn(text, err);
    err_set(err, ERR_FATAL,
            "must not hold a password: put it into a file and name that in postgres.password_file");
    return false;
}

/* ---- topics ---- */

bool config_check_topic(const char *text, struct err *err)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

    if (text[0] != '\0' && text[strspn(text, allowed)] == '\0' && strlen(text) <= TOPIC_NAME_MAX_BYTES &&
        strcmp(text, ".") != 0 && strcmp(text, "..") != 0)
        return true;
    err_set(err, ERR_FATAL, "no name for a topic: use letters, digits, '.', '_' and '-', at most %d of them",
            TOPIC_NAME_MAX_BYTES);
    return false;
}

static void check_topics_differ(const struct config *config, const char *where, struct buf *problems)
{
    const struct topics_config *topics = &config->topics;
    const struct {
        const char *key;
        const char *name;
    } rows[] = {{"event_processing.topic", topics->events},
                {"event_post_processing.topic", topics->post_processing},
                {"event_post_processing.topic_backfill", topics->post_processing_backfill},
                {"feature_usage_tracking.topic_backfill", topics->feature_backfill},
                {"webhook.topic", topics->system_events}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        for (size_t j = 0; j < i; j++) {
            if (strcmp(rows[i].name, rows[j].name) == 0)
                buf_printf(problems, "%s: %s: \"%s\" is the topic of %s too: name another\n", where,
                           rows[i].key, rows[i].name, rows[j].key);
        }
        if (event_topics_find(&config->event_topics, slice_from(rows[i].name)) != NULL)
            buf_printf(problems, "%s: kafka.event_topics: \"%s\" is the topic of %s: name another\n", where,
                       rows[i].name, rows[i].key);
    }
}

/* ---- limits that belong together ---- */

static void check_limits(const struct config *config, const char *where, struct buf *problems)
{
    const struct {
        const char *smaller_key, *larger_key;
        uint64_t smaller, larger;
    } rows[] = {
        {"consumer_primary.batch_max_bytes", "half of consumer_primary.held_max",
         config->consumer_primary.batch_max_bytes, config->consumer_primary.held_max_bytes / 2},
        {"ingest.body_max", "ingest.in_flight_max", config->ingest.body_max_bytes,
         config->ingest.in_flight_max_bytes},
        {"ingest.connections_per_address_max", "ingest.connections_max",
         config->ingest.connections_per_address_max, config->ingest.connections_max},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        if (rows[i].smaller > rows[i].larger)
            buf_printf(problems,
                       "%s: %s: %" PRIu64 " is more than %s, %" PRIu64 ": lower it, or raise the other\n",
                       where, rows[i].smaller_key, rows[i].smaller, rows[i].larger_key, rows[i].larger);
    }
}

/* ---- TLS ---- */

/* cure: what to do about it. */
static void check_plaintext(const char *key, const char *listen, const char *cure, const char *where,
                            struct buf *problems)
{
    struct http_address address;

    if (!http_address_parse(listen, &address) || http_address_is_local(&address))
        return;
    buf_printf(problems, "%s: %s: %s without TLS: whoever sees the network there reads keys and events: %s\n",
               where, key, listen, cure);
}

static void check_tls(const struct config *config, const char *where, struct buf *problems)
{
    const struct ingest_config *ingest = &config->ingest;
    bool has_certificate = ingest->tls_certificate_file[0] != '\0';

    if (has_certificate != (ingest->tls_key_file[0] != '\0'))
        buf_printf(problems, "%s: ingest.%s: needs ingest.%s too\n", where,
                   has_certificate ? "tls_certificate_file" : "tls_key_file",
                   has_certificate ? "tls_key_file" : "tls_certificate_file");
    if (!has_certificate && !ingest->allow_plaintext)
        check_plaintext("ingest.listen", ingest->listen,
                        "set ingest.tls_certificate_file, or ingest.allow_plaintext if that is fine", where,
                        problems);
    if (!config->query.allow_plaintext)
        check_plaintext("query.listen", config->query.listen,
                        "it has none, so leave it on this machine, or set query.allow_plaintext if that is "
                        "fine",
                        where, problems);
}

/* ---- librdkafka's properties ---- */

/* librdkafka itself judges what is passed through to it. */
static void check_kafka(const struct config *config, const char *where, struct buf *problems)
{
    const struct kafka_client client = {&config->kafka, "check", "1"};
    struct err err;
    rd_kafka_conf_t *producer = kafka_setup_producer(&client, config->ingest.message_timeout_ms, &err);
    rd_kafka_conf_t *consumer = producer == NULL ? NULL : kafka_setup_consumer(&client, "check", &err);

    if (producer == NULL || consumer == NULL)
        buf_printf(problems, "%s: %s\n", where, err.text);
    if (producer != NULL)
        rd_kafka_conf_destroy(producer);
    if (consumer != NULL)
        rd_kafka_conf_destroy(consumer);
}

bool config_check(const struct config *config, const char *where, struct buf *problems)
{
    size_t before = problems->length;

    check_topics_differ(config, where, problems);
    check_listeners_differ(config, where, problems);
    check_limits(config, where, problems);
    check_tls(config, where, problems);
    check_kafka(config, where, problems);
    return problems->length == before;
}
