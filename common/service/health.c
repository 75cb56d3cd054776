#include "common/service/health.h"

#include "common/base/alloc.h"
#include "common/base/bug.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/codec/json_write.h"
#include "common/codec/utf8.h"

#include <stdarg.h>
#include <stdlib.h>

enum { REASON_MAX_BYTES = 480, DETAILS_MAX = 16 };

struct health_check {
    struct health_check *next;
    char *name;
    enum health_state state;
    int64_t since_us; /* wall clock */
    char reason[REASON_MAX_BYTES];
    struct log_gate gate; /* for reasons that change while the state stays */
};

struct detail {
    const char *name;
    void (*write)(void *owner, struct buf *out);
    void *owner;
};

struct health {
    struct health_check *checks;
    struct detail details[DETAILS_MAX];
    size_t detail_count;
    char **missing_topics;
    size_t missing_count;
    bool is_stopping;
};

struct health *health_new(void)
{
    return xcalloc(1, sizeof(struct health));
}

void health_free(struct health **health)
{
    if (*health == NULL)
        return;
    for (struct health_check *check = (*health)->checks, *next; check != NULL; check = next) {
        next = check->next;
        free(check->name);
        free(check);
    }
    for (size_t i = 0; i < (*health)->missing_count; i++)
        free((*health)->missing_topics[i]);
    free((*health)->missing_topics);
    free(*health);
    *health = NULL;
}

const char *health_state_name(enum health_state state)
{
    static const char *const names[] = {"UNKNOWN", "UP", "DEGRADED", "DOWN"};

    return names[state];
}

/* ---- what the parts say ---- */

static bool is_name(const char *name)
{
    return name[0] != '\0' &&
           name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")] == '\0';
}

struct health_check *health_check_new(struct health *health, const char *name)
{
    struct health_check **end = &health->checks;

    for (; *end != NULL; end = &(*end)->next) {
        if (strcmp((*end)->name, name) == 0)
            BUG("health check %s: made twice", name);
    }
    if (!is_name(name))
        BUG("health check %s: not a name", name);
    *end = xcalloc(1, sizeof(**end));
    (*end)->name = xstrdup(name);
    (*end)->since_us = clock_wall_us();
    return *end;
}

static void log_change(const struct health_check *check, enum health_state before)
{
    enum log_level level = check->state == HEALTH_DOWN       ? LOG_LEVEL_ERROR
                           : check->state == HEALTH_DEGRADED ? LOG_LEVEL_WARNING
                           : before == HEALTH_UNKNOWN        ? LOG_LEVEL_INFO
                                                             : LOG_LEVEL_NOTICE;

    log_with(level, NULL, "%s is %s%s%s", check->name, health_state_name(check->state),
             check->reason[0] != '\0' ? ": " : "", check->reason);
}

static void log_reason(struct health_check *check)
{
    uint32_t hidden_count;

    if (log_gate_passes(&check->gate, clock_monotonic_ms(), &hidden_count))
        log_change(check, check->state);
}

/* Other programs' error texts may be of any bytes; what is shown must be JSON. */
static void make_valid(char *text)
{
    struct slice rest = slice_from(text);

    for (;;) {
        size_t valid_length = utf8_valid_length(rest);
        if (valid_length == rest.length)
            return;
        size_t at = (size_t)(rest.data - text) + valid_length;
        text[at] = '?';
        rest = slice_from_index(rest, valid_length + 1);
    }
}

void health_set(struct health_check *check, enum health_state state, const char *format, ...)
{
    enum health_state before = check->state;
    char reason[REASON_MAX_BYTES] = "";
    va_list args;

    if (format != NULL) {
        va_start(args, format);
        (void)vsnprintf(reason, sizeof(reason), format, args);
        va_end(args);
        make_valid(reason);
    }
    bool is_same_reason = strcmp(reason, check->reason) == 0;
    memcpy(check->reason, reason, sizeof(reason));
    check->state = state;
    if (state != before) {
        check->since_us = clock_wall_us();
        log_change(check, before);
    } else if (!is_same_reason && state != HEALTH_UP) {
        log_reason(check);
    }
}

void health_set_missing_topic(struct health *health, const char *topic, bool is_missing)
{
    size_t at = 0;

    while (at < health->missing_count && strcmp(health->missing_topics[at], topic) != 0)
        at++;
    if (is_missing == (at < health->missing_count))
        return;
    if (is_missing) {
        health->missing_topics = xrealloc(health->missing_topics, (at + 1) * sizeof(*health->missing_topics));
        health->missing_topics[health->missing_count++] = xstrdup(topic);
        return;
    }
    free(health->missing_topics[at]);
    health->missing_count--;
    memmove(&health->missing_topics[at], &health->missing_topics[at + 1],
            (health->missing_count - at) * sizeof(*health->missing_topics));
}

void health_add_detail(struct health *health, const char *name, void (*write)(void *owner, struct buf *out),
                       void *owner)
{
    BUG_ON(health->detail_count == DETAILS_MAX);
    health->details[health->detail_count++] = (struct detail){name, write, owner};
}

void health_set_stopping(struct health *health)
{
    health->is_stopping = true;
}

/* ---- what the whole is ---- */

static int rank(enum health_state state)
{
    static const int ranks[] = {
        [HEALTH_UP] = 0, [HEALTH_DEGRADED] = 1, [HEALTH_UNKNOWN] = 2, [HEALTH_DOWN] = 3};

    return ranks[state];
}

enum health_state health_worst(const struct health *health)
{
    enum health_state worst = health->missing_count > 0 ? HEALTH_DEGRADED : HEALTH_UP;

    for (const struct health_check *check = health->checks; check != NULL; check = check->next) {
        if (rank(check->state) > rank(worst))
            worst = check->state;
    }
    return worst;
}

bool health_is_ready(const struct health *health)
{
    return !health->is_stopping && rank(health_worst(health)) <= rank(HEALTH_DEGRADED);
}

/* ---- as JSON ---- */

static void write_details(const struct health *health, struct buf *out)
{
    AUTO_BUF value = {0};

    for (size_t i = 0; i < health->detail_count; i++) {
        buf_clear(&value);
        health->details[i].write(health->details[i].owner, &value);
        json_write_raw_member(out, health->details[i].name, buf_slice(&value));
    }
    if (health->is_stopping)
        json_write_raw_member(out, "stopping", SLICE("true"));
}

static void write_missing(const struct health *health, struct buf *out)
{
    AUTO_BUF list = {0};

    buf_append_byte(&list, '[');
    for (size_t i = 0; i < health->missing_count; i++) {
        if (i > 0)
            buf_append_byte(&list, ',');
        json_write_string(&list, slice_from(health->missing_topics[i]));
    }
    buf_append_byte(&list, ']');
    json_write_raw_member(out, "missingTopics", buf_slice(&list));
}

static void write_check(const struct health_check *check, struct buf *out)
{
    AUTO_BUF object = {0};

    buf_append_byte(&object, '{');
    json_write_member(&object, "state", slice_from(health_state_name(check->state)));
    json_write_time_member(&object, "since", check->since_us);
    if (check->reason[0] != '\0')
        json_write_member(&object, "reason", slice_from(check->reason));
    buf_append_byte(&object, '}');
    json_write_raw_member(out, check->name, buf_slice(&object));
}

void health_write(const struct health *health, struct buf *out)
{
    AUTO_BUF details = {0};
    AUTO_BUF checks = {0};

    buf_append_byte(&checks, '{');
    for (const struct health_check *check = health->checks; check != NULL; check = check->next)
        write_check(check, &checks);
    buf_append_byte(&checks, '}');

    buf_append_byte(&details, '{');
    write_details(health, &details);
    write_missing(health, &details);
    json_write_raw_member(&details, "checks", buf_slice(&checks));
    buf_append_byte(&details, '}');

    buf_append_byte(out, '{');
    json_write_member(out, "status", slice_from(health_state_name(health_worst(health))));
    json_write_raw_member(out, "details", buf_slice(&details));
    buf_append_byte(out, '}');
}
