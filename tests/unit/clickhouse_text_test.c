/*
 * clickhouse_text_test.c - URLs of queries and the meaning of answers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/io/clickhouse_text.h"
#include "common/io/http_client.h"

static void escapes_values_as_tsv(void **state)
{
    static const struct {
        const char *value, *escaped;
    } rows[] = {
        {"", ""},
        {"plain 'text' \"quoted\" $%&", "plain 'text' \"quoted\" $%&"},
        {"a\tb\nc\rd\\e\bf\f", "a\\tb\\nc\\rd\\\\e\\bf\\f"},
        {"\\N", "\\\\N"},
        {"\xc3\xa4\x01\x7f", "\xc3\xa4\x01\x7f"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        AUTO_BUF out = {0};
        clickhouse_write_escaped(&out, slice_from(rows[i].value));
        assert_string_equal(buf_text(&out), rows[i].escaped);
    }
}

static void leaves_literals_alone(void **state)
{
    static const struct {
        const char *sql;
        bool takes_literal;
    } rows[] = {
        {"SELECT {ids:Array(String)}", true},     {"SELECT {ids: Array(UInt64)}", true},
        {"SELECT {ids:Tuple(String)}", true},     {"SELECT {ids:Map(String, String)}", true},
        {"SELECT {ids:String}", false},           {"SELECT {ids:LowCardinality(String)}", false},
        {"SELECT {my_ids:Array(String)}", false}, {"SELECT 1", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(clickhouse_takes_literal(rows[i].sql, "ids"), rows[i].takes_literal);
}

static void a_question_stands_in_the_body(void **state)
{
    static const struct clickhouse_pair parameters[] = {
        {"id", "a&b=c\td"}, {"ids", "['x\\\\y']"}, {NULL, NULL}};
    static const struct clickhouse_pair settings[] = {{"max_rows", "1"}, {NULL, NULL}};
    const struct clickhouse_query query = {.sql = "SELECT {id:String}, {ids:Array(String)}",
                                           .parameters = parameters,
                                           .settings = settings,
                                           .query_id = "q 1"};
    AUTO_BUF url = {0};

    (void)state;
    clickhouse_write_url(&url, "http://h:1", "db", &query);
    assert_string_equal(buf_text(&url), "http://h:1/?http_write_exception_in_output_format=0&database=db"
                                        "&query_id=q%201&max_rows=1&param_id=a%26b%3Dc%5Ctd"
                                        "&param_ids=%5B%27x%5C%5Cy%27%5D");
}

static void an_insert_stands_in_the_url_and_waits_for_the_end(void **state)
{
    const struct clickhouse_query query = {.sql = "INSERT INTO t FORMAT RowBinary", .data = SLICE("x")};
    AUTO_BUF url = {0};

    (void)state;
    clickhouse_write_url(&url, "http://h:1", "db", &query);
    assert_string_equal(buf_text(&url), "http://h:1/?http_write_exception_in_output_format=0&database=db"
                                        "&wait_end_of_query=1&query=INSERT%20INTO%20t%20FORMAT%20RowBinary");
}

/* The form is the body, so the SQL goes into the URL. */
static void a_question_with_a_table_of_its_own_stands_in_the_url(void **state)
{
    static const struct clickhouse_pair parameters[] = {{"p", "7"}, {NULL, NULL}};
    const struct clickhouse_query query = {
        .sql = "SELECT id FROM t WHERE id IN asked",
        .parameters = parameters,
        .external = {"asked", "id UInt64, at DateTime64(6, 'UTC')", slice_of("x", 1)}};
    AUTO_BUF url = {0};

    (void)state;
    clickhouse_write_url(&url, "http://h:1", "db", &query);
    assert_string_equal(buf_text(&url),
                        "http://h:1/?http_write_exception_in_output_format=0&database=db&param_p=7"
                        "&asked_structure=id%20UInt64%2C%20at%20DateTime64%286%2C%20%27UTC%27%29"
                        "&asked_format=RowBinary"
                        "&query=SELECT%20id%20FROM%20t%20WHERE%20id%20IN%20asked");
}

/* Rows may hold what looks like the form's own lines. */
static void a_table_goes_out_as_a_form_of_one_field(void **state)
{
    static const char expected[] =
        "--b0\r\nContent-Disposition: form-data; name=\"asked\"; filename=\"asked\"\r\n"
        "Content-Type: application/octet-stream\r\n\r\n"
        "\r\n--a\0\r\n--b\r\n--\r\n"
        "\r\n--b0--\r\n";
    const struct clickhouse_external external = {"asked", "id String", SLICE("\r\n--a\0\r\n--b\r\n--\r\n")};
    AUTO_BUF form = {0};

    (void)state;
    clickhouse_write_form(&form, &external, "b0");
    assert_int_equal(form.length, sizeof(expected) - 1);
    assert_memory_equal(form.data, expected, sizeof(expected) - 1);
}

static void tells_what_an_answer_means(void **state)
{
    static const struct {
        const char *name;
        int status;
        const char *header, *body;
        enum clickhouse_outcome outcome;
        int code;
        bool is_data_fault;
    } rows[] = {
        {"rows", 200, NULL, "1\n", CLICKHOUSE_DONE, 0, false},
        {"rows that look like an error", 200, NULL, "Code: 60. DB", CLICKHOUSE_DONE, 0, false},
        {"failed after the 200", 200, "395", "", CLICKHOUSE_REFUSED, 395, false},
        {"no table", 404, "60", "Code: 60. DB::Exception: no", CLICKHOUSE_REFUSED, 60, false},
        {"no table, no header", 404, NULL, "Code: 60. DB::Exception: no", CLICKHOUSE_REFUSED, 60, false},
        {"a bad row", 400, "27", "", CLICKHOUSE_REFUSED, 27, true},
        {"rows that were cut on their way", 500, "33", "", CLICKHOUSE_REFUSED, 33, false},
        {"a type that does not fit", 500, "53", "", CLICKHOUSE_REFUSED, 53, true},
        {"a decimal out of range", 500, "69", "", CLICKHOUSE_REFUSED, 69, true},
        {"bad data", 500, "117", "", CLICKHOUSE_REFUSED, 117, true},
        {"too large a string", 500, "131", "", CLICKHOUSE_REFUSED, 131, true},
        {"a decimal overflow", 500, "407", "", CLICKHOUSE_REFUSED, 407, true},
        {"a constraint", 500, "469", "", CLICKHOUSE_REFUSED, 469, true},
        {"too many parts", 500, "252", "", CLICKHOUSE_REFUSED, 252, false},
        {"wrong password", 403, "516", "", CLICKHOUSE_REFUSED, 516, false},
        {"nonsense in the header", 500, "x", "Code: 243. full", CLICKHOUSE_REFUSED, 243, false},
        {"a server without codes", 500, NULL, "oops", CLICKHOUSE_REFUSED, 0, false},
        {"a gateway", 502, NULL, "Bad Gateway", CLICKHOUSE_NO_ANSWER, 0, false},
        {"a slow gateway", 504, NULL, "", CLICKHOUSE_NO_ANSWER, 0, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct http_answer answer = {.has_answer = true,
                                           .status = rows[i].status,
                                           .exception_code = slice_from(rows[i].header),
                                           .body = slice_from(rows[i].body)};
        struct clickhouse_result result;
        print_message("  %s\n", rows[i].name);
        clickhouse_read_answer(&answer, &result);
        assert_int_equal(result.outcome, rows[i].outcome);
        assert_int_equal(result.code, rows[i].code);
        assert_int_equal(result.is_data_fault, rows[i].is_data_fault);
        if (rows[i].outcome != CLICKHOUSE_DONE)
            assert_int_equal(result.err.kind, rows[i].is_data_fault ? ERR_REJECT : ERR_RETRY);
    }
}

static void the_error_is_one_line(void **state)
{
    const struct http_answer answer = {
        .has_answer = true, .status = 404, .exception_code = SLICE("60"), .body = SLICE("no\ntable \x01\n")};
    struct clickhouse_result result;

    (void)state;
    clickhouse_read_answer(&answer, &result);
    assert_string_equal(result.err.text, "ClickHouse answered 404, code 60: no\\x0atable \\x01");
}

static void no_answer_stays_unknown(void **state)
{
    struct http_answer answer = {.has_answer = false, .status = 200};
    struct clickhouse_result result;

    (void)state;
    err_set(&answer.err, ERR_RETRY, "h:1: reset");
    clickhouse_read_answer(&answer, &result);
    assert_int_equal(result.outcome, CLICKHOUSE_NO_ANSWER);
    assert_int_equal(result.err.kind, ERR_RETRY);
    assert_string_equal(result.err.text, "ClickHouse: h:1: reset");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes_values_as_tsv),
        cmocka_unit_test(leaves_literals_alone),
        cmocka_unit_test(a_question_stands_in_the_body),
        cmocka_unit_test(an_insert_stands_in_the_url_and_waits_for_the_end),
        cmocka_unit_test(a_question_with_a_table_of_its_own_stands_in_the_url),
        cmocka_unit_test(a_table_goes_out_as_a_form_of_one_field),
        cmocka_unit_test(tells_what_an_answer_means),
        cmocka_unit_test(the_error_is_one_line),
        cmocka_unit_test(no_answer_stays_unknown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
