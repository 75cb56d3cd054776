#include "common/service/metrics.h"

#include "common/base/alloc.h"
#include "common/base/bug.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

enum { REFRESHERS_MAX = 8, BUCKETS_MAX = 32 };

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

struct family;

struct metric {
    struct family *family;
    struct metric *next;
    char *labels;
    uint64_t count; /* of a counter; of a histogram: values taken */
    double value;   /* of a gauge; of a histogram: their sum */
    bool is_known;  /* of a gauge */
    double first;   /* of a histogram */
    int bucket_count;
    uint64_t *buckets; /* each its own values; the page adds them up */
};

/* The series of one name. */
struct family {
    struct family *next;
    const char *name;
    const char *help;
    enum metric_type type;
    struct metric *metrics;
};

struct metrics {
    struct family *families;
    struct {
        void (*refresh)(void *owner);
        void *owner;
    } refreshers[REFRESHERS_MAX];
    size_t refresher_count;
};

struct metrics *metrics_new(void)
{
    return xcalloc(1, sizeof(struct metrics));
}

static void metric_free(struct metric *metric)
{
    free(metric->labels);
    free(metric->buckets);
    free(metric);
}

void metrics_free(struct metrics **metrics)
{
    if (*metrics == NULL)
        return;
    for (struct family *family = (*metrics)->families, *next; family != NULL; family = next) {
        next = family->next;
        for (struct metric *metric = family->metrics, *after; metric != NULL; metric = after) {
            after = metric->next;
            metric_free(metric);
        }
        free(family);
    }
    free(*metrics);
    *metrics = NULL;
}

/* ---- making series ---- */

static bool is_name(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_:0123456789";

    return name[0] != '\0' && !(name[0] >= '0' && name[0] <= '9') && name[strspn(name, letters)] == '\0';
}

static struct family *find_family(struct metrics *metrics, const char *name, enum metric_type type,
                                  const char *help)
{
    struct family **end = &metrics->families;

    while (*end != NULL && strcmp((*end)->name, name) != 0)
        end = &(*end)->next;
    if (*end == NULL) {
        if (!is_name(name))
            BUG("metric %s: not a name that Prometheus takes", name);
        *end = xcalloc(1, sizeof(**end));
        **end = (struct family){.name = name, .help = help, .type = type};
    }
    if ((*end)->type != type)
        BUG("metric %s: made with two types", name);
    return *end;
}

static struct metric *find_metric(struct family *family, const char *labels)
{
    struct metric **end = &family->metrics;

    while (*end != NULL && strcmp((*end)->labels, labels) != 0)
        end = &(*end)->next;
    if (*end == NULL) {
        *end = xcalloc(1, sizeof(**end));
        **end = (struct metric){.family = family, .labels = xstrdup(labels)};
    }
    return *end;
}

struct metric *metrics_counter(struct metrics *metrics, const char *name, const char *labels,
                               const char *help)
{
    return find_metric(find_family(metrics, name, METRIC_COUNTER, help), labels);
}

struct metric *metrics_gauge(struct metrics *metrics, const char *name, const char *labels, const char *help)
{
    return find_metric(find_family(metrics, name, METRIC_GAUGE, help), labels);
}

struct metric *metrics_histogram(struct metrics *metrics, const char *name, const char *labels,
                                 const char *help, double first, int count)
{
    struct metric *metric = find_metric(find_family(metrics, name, METRIC_HISTOGRAM, help), labels);

    BUG_ON(!(first > 0) || count < 1 || count > BUCKETS_MAX);
    if (metric->buckets == NULL) {
        metric->first = first;
        metric->bucket_count = count;
        metric->buckets = xcalloc((size_t)count, sizeof(*metric->buckets));
    }
    BUG_ON(metric->bucket_count != count || metric->first < first || metric->first > first);
    return metric;
}

void metrics_label(struct buf *labels, const char *name, const char *value)
{
    buf_printf(labels, "%s%s=\"", labels->length > 0 ? "," : "", name);
    for (; *value != '\0'; value++) {
        if (*value == '\n')
            buf_append_text(labels, "\\n");
        else {
            if (*value == '"' || *value == '\\')
                buf_append_byte(labels, '\\');
            buf_append_byte(labels, *value);
        }
    }
    buf_append_byte(labels, '"');
}

void metrics_remove(struct metrics *metrics, struct metric *metric)
{
    struct metric **link = &metric->family->metrics;

    (void)metrics;
    while (*link != metric)
        link = &(*link)->next;
    *link = metric->next;
    metric_free(metric);
}

void metrics_on_scrape(struct metrics *metrics, void (*refresh)(void *owner), void *owner)
{
    BUG_ON(metrics->refresher_count == REFRESHERS_MAX);
    metrics->refreshers[metrics->refresher_count].refresh = refresh;
    metrics->refreshers[metrics->refresher_count++].owner = owner;
}

/* ---- figures ---- */

void metric_add(struct metric *counter, uint64_t more)
{
    BUG_ON(counter->family->type != METRIC_COUNTER);
    counter->count += more;
}

void metric_set(struct metric *gauge, double value)
{
    BUG_ON(gauge->family->type != METRIC_GAUGE);
    gauge->value = value;
    gauge->is_known = true;
}

void metric_set_unknown(struct metric *gauge)
{
    BUG_ON(gauge->family->type != METRIC_GAUGE);
    gauge->is_known = false;
}

void metric_observe(struct metric *histogram, double value)
{
    double bound = histogram->first;
    int i = 0;

    BUG_ON(histogram->family->type != METRIC_HISTOGRAM);
    for (; i < histogram->bucket_count && value > bound; i++)
        bound *= 2;
    if (i < histogram->bucket_count)
        histogram->buckets[i]++;
    histogram->count++;
    histogram->value += value;
}

uint64_t metric_count(const struct metric *counter)
{
    return counter->count;
}

/* ---- the page ---- */

static void write_double(struct buf *out, double value)
{
    if (isnan(value))
        buf_append_text(out, "NaN\n");
    else if (isinf(value))
        buf_append_text(out, value > 0 ? "+Inf\n" : "-Inf\n");
    else
        buf_printf(out, "%.15g\n", value);
}

/* `name_suffix{labels} `. */
static void write_series(struct buf *out, const struct metric *metric, const char *suffix)
{
    buf_printf(out, "%s%s%s%s%s ", metric->family->name, suffix, metric->labels[0] != '\0' ? "{" : "",
               metric->labels, metric->labels[0] != '\0' ? "}" : "");
}

static void write_bucket(struct buf *out, const struct metric *metric, const char *bound, uint64_t count)
{
    buf_printf(out, "%s_bucket{%s%sle=\"%s\"} %" PRIu64 "\n", metric->family->name, metric->labels,
               metric->labels[0] != '\0' ? "," : "", bound, count);
}

static void write_histogram(struct buf *out, const struct metric *metric)
{
    double bound = metric->first;
    uint64_t below = 0;
    char bound_text[32];

    for (int i = 0; i < metric->bucket_count; i++) {
        below += metric->buckets[i];
        (void)snprintf(bound_text, sizeof(bound_text), "%.10g", bound);
        write_bucket(out, metric, bound_text, below);
        bound *= 2;
    }
    write_bucket(out, metric, "+Inf", metric->count);
    write_series(out, metric, "_sum");
    write_double(out, metric->value);
    write_series(out, metric, "_count");
    buf_printf(out, "%" PRIu64 "\n", metric->count);
}

static void write_metric(struct buf *out, const struct metric *metric)
{
    if (metric->family->type == METRIC_HISTOGRAM) {
        write_histogram(out, metric);
        return;
    }
    write_series(out, metric, "");
    if (metric->family->type == METRIC_COUNTER)
        buf_printf(out, "%" PRIu64 "\n", metric->count);
    else
        write_double(out, metric->value);
}

static bool is_shown(const struct metric *metric)
{
    return metric->family->type != METRIC_GAUGE || metric->is_known;
}

static void write_family(struct buf *out, const struct family *family)
{
    static const char *const types[] = {"counter", "gauge", "histogram"};
    bool has_head = false;

    for (const struct metric *metric = family->metrics; metric != NULL; metric = metric->next) {
        if (!is_shown(metric))
            continue;
        if (!has_head)
            buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", family->name, family->help, family->name,
                       types[family->type]);
        has_head = true;
        write_metric(out, metric);
    }
}

void metrics_write(struct metrics *metrics, struct buf *out)
{
    for (size_t i = 0; i < metrics->refresher_count; i++)
        metrics->refreshers[i].refresh(metrics->refreshers[i].owner);
    for (const struct family *family = metrics->families; family != NULL; family = family->next)
        write_family(out, family);
}
