/* metrics: what Prometheus gets to read. */
#include "common/service/metrics.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <math.h>

static void assert_page(struct metrics *metrics, const char *expected)
{
    AUTO_BUF page = {0};

    metrics_write(metrics, &page);
    assert_string_equal(buf_text(&page), expected);
}

static int make(void **state)
{
    *state = metrics_new();
    return 0;
}

static int end(void **state)
{
    struct metrics *metrics = *state;

    metrics_free(&metrics);
    assert_null(metrics);
    return 0;
}

static void a_family_has_one_head_however_its_series_were_made(void **state)
{
    struct metric *a = metrics_counter(*state, "published_total", "topic=\"a\"", "Events published.");
    struct metric *gauge = metrics_gauge(*state, "open", "", "Connections open.");
    struct metric *b = metrics_counter(*state, "published_total", "topic=\"b\"", "Events published.");

    metric_add(a, 3);
    metric_add(b, 4);
    metric_add(b, 1);
    metric_set(gauge, 2.5);
    assert_page(*state, "# HELP published_total Events published.\n"
                        "# TYPE published_total counter\n"
                        "published_total{topic=\"a\"} 3\n"
                        "published_total{topic=\"b\"} 5\n"
                        "# HELP open Connections open.\n"
                        "# TYPE open gauge\n"
                        "open 2.5\n");
}

static void the_same_name_and_labels_are_the_same_metric(void **state)
{
    struct metric *first = metrics_counter(*state, "x_total", "a=\"1\"", "X.");

    metric_add(first, 7);
    assert_ptr_equal(metrics_counter(*state, "x_total", "a=\"1\"", "X."), first);
    assert_ptr_not_equal(metrics_counter(*state, "x_total", "a=\"2\"", "X."), first);
    assert_int_equal(metric_count(first), 7);
}

static void a_counter_keeps_all_its_digits(void **state)
{
    metric_add(metrics_counter(*state, "x_total", "", "X."), UINT64_C(9007199254740993));
    assert_page(*state, "# HELP x_total X.\n# TYPE x_total counter\nx_total 9007199254740993\n");
}

static void buckets_are_cumulative_and_end_with_infinity(void **state)
{
    struct metric *seconds = metrics_histogram(*state, "s_seconds", "t=\"a\"", "S.", 0.25, 3);

    metric_observe(seconds, 0.25); /* a bound belongs to its bucket */
    metric_observe(seconds, 0.5);
    metric_observe(seconds, 0.75);
    metric_observe(seconds, 100);
    assert_page(*state, "# HELP s_seconds S.\n"
                        "# TYPE s_seconds histogram\n"
                        "s_seconds_bucket{t=\"a\",le=\"0.25\"} 1\n"
                        "s_seconds_bucket{t=\"a\",le=\"0.5\"} 2\n"
                        "s_seconds_bucket{t=\"a\",le=\"1\"} 3\n"
                        "s_seconds_bucket{t=\"a\",le=\"+Inf\"} 4\n"
                        "s_seconds_sum{t=\"a\"} 101.5\n"
                        "s_seconds_count{t=\"a\"} 4\n");
    assert_int_equal(metric_count(seconds), 4);
}

static void a_histogram_without_labels_and_values_is_all_zeros(void **state)
{
    (void)metrics_histogram(*state, "h", "", "H.", 1, 1);
    assert_page(*state, "# HELP h H.\n# TYPE h histogram\n"
                        "h_bucket{le=\"1\"} 0\nh_bucket{le=\"+Inf\"} 0\nh_sum 0\nh_count 0\n");
}

static void an_unknown_gauge_is_left_out(void **state)
{
    struct metric *lag = metrics_gauge(*state, "lag", "", "Lag.");

    assert_page(*state, "");
    metric_set(lag, 0);
    assert_page(*state, "# HELP lag Lag.\n# TYPE lag gauge\nlag 0\n");
    metric_set_unknown(lag);
    assert_page(*state, "");
}

static void gauges_take_what_doubles_can_hold(void **state)
{
    struct metric *gauge = metrics_gauge(*state, "g", "", "G.");
    static const struct {
        double value;
        const char *page;
    } rows[] = {{INFINITY, "# HELP g G.\n# TYPE g gauge\ng +Inf\n"},
                {-INFINITY, "# HELP g G.\n# TYPE g gauge\ng -Inf\n"},
                {NAN, "# HELP g G.\n# TYPE g gauge\ng NaN\n"},
                {1e300, "# HELP g G.\n# TYPE g gauge\ng 1e+300\n"},
                {-0.125, "# HELP g G.\n# TYPE g gauge\ng -0.125\n"}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        metric_set(gauge, rows[i].value);
        assert_page(*state, rows[i].page);
    }
}

static void a_removed_series_is_gone_and_the_others_stay(void **state)
{
    struct metric *first = metrics_counter(*state, "x_total", "p=\"0\"", "X.");
    struct metric *middle = metrics_counter(*state, "x_total", "p=\"1\"", "X.");

    (void)metrics_counter(*state, "x_total", "p=\"2\"", "X.");
    metrics_remove(*state, middle);
    assert_page(*state,
                "# HELP x_total X.\n# TYPE x_total counter\nx_total{p=\"0\"} 0\nx_total{p=\"2\"} 0\n");
    metrics_remove(*state, first);
    assert_page(*state, "# HELP x_total X.\n# TYPE x_total counter\nx_total{p=\"2\"} 0\n");
}

static void label_values_are_escaped(void **state)
{
    AUTO_BUF labels = {0};

    (void)state;
    metrics_label(&labels, "topic", "a\"b\\c\nd");
    metrics_label(&labels, "partition", "3");
    assert_string_equal(buf_text(&labels), "topic=\"a\\\"b\\\\c\\nd\",partition=\"3\"");
}

static void refresh(void *owner)
{
    metric_set(owner, 42);
}

static void gauges_are_refreshed_before_the_page_is_written(void **state)
{
    metrics_on_scrape(*state, refresh, metrics_gauge(*state, "g", "", "G."));
    assert_page(*state, "# HELP g G.\n# TYPE g gauge\ng 42\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_family_has_one_head_however_its_series_were_made, make, end),
        cmocka_unit_test_setup_teardown(the_same_name_and_labels_are_the_same_metric, make, end),
        cmocka_unit_test_setup_teardown(a_counter_keeps_all_its_digits, make, end),
        cmocka_unit_test_setup_teardown(buckets_are_cumulative_and_end_with_infinity, make, end),
        cmocka_unit_test_setup_teardown(a_histogram_without_labels_and_values_is_all_zeros, make, end),
        cmocka_unit_test_setup_teardown(an_unknown_gauge_is_left_out, make, end),
        cmocka_unit_test_setup_teardown(gauges_take_what_doubles_can_hold, make, end),
        cmocka_unit_test_setup_teardown(a_removed_series_is_gone_and_the_others_stay, make, end),
        cmocka_unit_test(label_values_are_escaped),
        cmocka_unit_test_setup_teardown(gauges_are_refreshed_before_the_page_is_written, make, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
