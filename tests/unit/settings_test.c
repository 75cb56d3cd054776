/* settings: a file, an environment and a table become a struct, or a text that says what to mend. */
#include "common/service/settings.h"

#include "common/base/alloc.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <unistd.h>

struct toy {
    char *name;
    char *motto;
    struct settings_secret password;
    bool is_loud;
    uint64_t count;
    uint64_t size_bytes;
    uint64_t pause_ms;
    int colour;
    struct settings_properties tuning;
    char items[256]; /* "member=value," of each item, then ';' */
};

static bool parse_item(void *target, const struct settings_item *item, struct err *err)
{
    char *items = target;
    size_t used = strlen(items);

    for (size_t i = 0; i < item->count; i++) {
        if (strcmp(item->members[i].name, "bad") == 0) {
            err_set(err, ERR_FATAL, "bad is bad");
            return false;
        }
        used += (size_t)snprintf(items + used, sizeof(((struct toy *)NULL)->items) - used, "%s=%s,",
                                 item->members[i].name, item->members[i].value);
    }
    (void)snprintf(items + used, sizeof(((struct toy *)NULL)->items) - used, ";");
    return true;
}

static bool check_motto(const char *text, struct err *err)
{
    if (strcmp(text, "dull") != 0)
        return true;
    err_set(err, ERR_FATAL, "too dull: be bold");
    return false;
}

static const char *const colours[] = {"red", "green", NULL};

#define AT(member) .offset = offsetof(struct toy, member)

static const struct setting table[] = {
    {"name", SETTING_TEXT, AT(name), .lowest = 1, .highest = 8, .example = "anna", .help = "Who. Really."},
    {"motto", SETTING_TEXT, AT(motto), .default_text = "", .check = check_motto, .help = "What for."},
    {"door.password_file", SETTING_SECRET_FILE, AT(password), .default_text = "", .example = "/x",
     .help = "Key."},
    {"door.loud", SETTING_BOOL, AT(is_loud), .default_text = "true", .help = "Creaks."},
    {"door.count", SETTING_NUMBER, AT(count), .default_text = "3", .lowest = 1, .highest = 10, .help = "N."},
    {"door.size", SETTING_SIZE, AT(size_bytes), .default_text = "2KiB", .highest = 1 << 20, .help = "S."},
    {"door.pause_time", SETTING_DURATION, AT(pause_ms), .default_text = "1500ms", .lowest = 10,
     .highest = 86400000, .help = "P."},
    {"door.colour", SETTING_CHOICE, AT(colour), .default_text = "red", .choices = colours, .help = "C."},
    {"door.tuning", SETTING_PROPERTIES, AT(tuning), .example = "a.b: 1", .help = "T."},
    {"door.items", SETTING_LIST, AT(items), .parse_item = parse_item, .example = "- a: 1", .help = "I."},
    {.key = NULL},
};

static const struct settings_schema schema = {table, sizeof(struct toy)};

/* ---- a file of its own ---- */

struct file {
    char path[64];
};

static void write_file(struct file *file, const char *bytes, size_t length)
{
    (void)snprintf(file->path, sizeof(file->path), "/tmp/millrace-settings-XXXXXX");
    int fd = mkstemp(file->path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, length), length);
    assert_int_equal(close(fd), 0);
}

static void remove_file(struct file *file)
{
    (void)unlink(file->path);
}

#define AUTO_FILE __attribute__((cleanup(remove_file))) struct file

/* The problems with the file's name as FILE; "" when it loads. */
static void problems_of(const char *yaml, size_t length, char *const *environment, struct buf *out)
{
    AUTO_FILE file;
    AUTO_BUF problems = {0};
    struct toy toy = {0};

    write_file(&file, yaml, length);
    struct settings_source source = {file.path, environment};
    bool is_good = settings_load(&schema, &source, &toy, &problems);
    settings_done(&schema, &toy);
    assert_int_equal(is_good, problems.length == 0);
    const char *rest = buf_text(&problems);
    for (const char *at; (at = strstr(rest, file.path)) != NULL; rest = at + strlen(file.path)) {
        buf_append(out, rest, (size_t)(at - rest));
        buf_append_text(out, "FILE");
    }
    buf_append_text(out, rest);
}

static void assert_problems(const char *yaml, const char *expected)
{
    AUTO_BUF problems = {0};

    problems_of(yaml, strlen(yaml), NULL, &problems);
    assert_string_equal(buf_text(&problems), expected);
}

static void load_good(struct toy *toy, const char *yaml, char *const *environment)
{
    AUTO_FILE file;
    AUTO_BUF problems = {0};

    write_file(&file, yaml, strlen(yaml));
    if (!settings_load(&schema, &(struct settings_source){file.path, environment}, toy, &problems))
        fail_msg("%s", buf_text(&problems));
}

/* ---- what loads ---- */

static void defaults_fill_what_the_file_leaves_out(void **state)
{
    struct toy toy = {0};

    (void)state;
    load_good(&toy, "name: anna\ndoor:\n", NULL);
    assert_string_equal(toy.name, "anna");
    assert_string_equal(toy.motto, "");
    assert_null(toy.password.path);
    assert_null(toy.password.text);
    assert_true(toy.is_loud);
    assert_int_equal(toy.count, 3);
    assert_int_equal(toy.size_bytes, 2048);
    assert_int_equal(toy.pause_ms, 1500);
    assert_int_equal(toy.colour, 0);
    assert_int_equal(toy.tuning.count, 0);
    assert_string_equal(toy.items, "");
    settings_done(&schema, &toy);
    assert_null(toy.name);
}

static void the_file_overrides_defaults(void **state)
{
    static const char yaml[] = "name: \"otto\" # quoted\n"
                               "motto: 'a: b'\n"
                               "door:\n"
                               "  loud: false\n"
                               "  count: 10\n"
                               "  size: 1MiB\n"
                               "  pause_time: 1d\n"
                               "  colour: green\n"
                               "  tuning:\n"
                               "    linger.ms: 5\n"
                               "    sasl: {mechanism: PLAIN}\n"
                               "  items:\n"
                               "    - {a: 1, b: two}\n"
                               "    - a: 3\n";
    struct toy toy = {0};

    (void)state;
    load_good(&toy, yaml, NULL);
    assert_string_equal(toy.name, "otto");
    assert_string_equal(toy.motto, "a: b");
    assert_false(toy.is_loud);
    assert_int_equal(toy.count, 10);
    assert_int_equal(toy.size_bytes, 1 << 20);
    assert_int_equal(toy.pause_ms, 86400000);
    assert_int_equal(toy.colour, 1);
    assert_int_equal(toy.tuning.count, 2);
    assert_string_equal(toy.tuning.items[0].name, "linger.ms");
    assert_string_equal(toy.tuning.items[0].value, "5");
    assert_string_equal(toy.tuning.items[1].name, "sasl.mechanism");
    assert_string_equal(toy.items, "a=1,b=two,;a=3,;");
    settings_done(&schema, &toy);
}

static void the_environment_overrides_the_file(void **state)
{
    char *environment[] = {(char *)"HOME=/root",
                           (char *)"MILLRACE_CONFIG=elsewhere",
                           (char *)"MILLRACE_NAME=otto",
                           (char *)"MILLRACE_MOTTO=",
                           (char *)"MILLRACE_DOOR_PAUSE_TIME=2min",
                           (char *)"MILLRACE_DOOR_TUNING_LINGER_MS=7",
                           (char *)"MILLRACE_DOOR_TUNING_ACKS=all",
                           NULL};
    struct toy toy = {0};

    (void)state;
    load_good(&toy, "name: anna\nmotto: x\ndoor: {tuning: {linger.ms: 5}}\n", environment);
    assert_string_equal(toy.name, "otto");
    assert_string_equal(toy.motto, "");
    assert_int_equal(toy.pause_ms, 120000);
    assert_int_equal(toy.tuning.count, 2);
    assert_string_equal(toy.tuning.items[0].name, "linger.ms");
    assert_string_equal(toy.tuning.items[0].value, "7");
    assert_string_equal(toy.tuning.items[1].name, "acks");
    settings_done(&schema, &toy);
}

static void the_environment_alone_is_enough(void **state)
{
    char *environment[] = {(char *)"MILLRACE_NAME=otto", NULL};
    AUTO_BUF problems = {0};
    struct toy toy = {0};

    (void)state;
    assert_true(settings_load(&schema, &(struct settings_source){NULL, environment}, &toy, &problems));
    assert_string_equal(toy.name, "otto");
    settings_done(&schema, &toy);
}

static void a_secret_is_the_first_line_of_its_file(void **state)
{
    static const char *const contents[] = {"s3cret", "s3cret\n", "s3cret\r\n", "s3cret\nmore\n"};

    (void)state;
    for (size_t i = 0; i < sizeof(contents) / sizeof(*contents); i++) {
        AUTO_FILE secret;
        struct toy toy = {0};
        write_file(&secret, contents[i], strlen(contents[i]));
        AUTO_STRING yaml = xasprintf("name: a\ndoor: {password_file: %s, tuning: {sasl.password_file: %s}}\n",
                                     secret.path, secret.path);
        load_good(&toy, yaml, NULL);
        assert_string_equal(toy.password.text, "s3cret");
        assert_string_equal(toy.password.path, secret.path);
        assert_string_equal(toy.tuning.items[0].name, "sasl.password");
        assert_string_equal(toy.tuning.items[0].value, "s3cret");
        settings_done(&schema, &toy);
    }
}

static void a_secret_without_a_slash_is_a_credential_of_systemd(void **state)
{
    AUTO_FILE secret;
    struct toy toy = {0};

    (void)state;
    write_file(&secret, "s3cret\n", 7);
    char *environment[] = {(char *)"CREDENTIALS_DIRECTORY=/tmp", NULL};
    AUTO_STRING yaml = xasprintf("name: a\ndoor.password_file: %s\n", secret.path + strlen("/tmp/"));
    load_good(&toy, yaml, environment);
    assert_string_equal(toy.password.text, "s3cret");
    settings_done(&schema, &toy);
}

/* ---- what does not ---- */

static void each_problem_names_line_and_key_and_what_to_do(void **state)
{
    static const struct {
        const char *yaml;
        const char *problem;
    } rows[] = {
        {"name: a\ndoor:\n  count: 11\n", "FILE:3: door.count: \"11\" is not 1 to 10\n"},
        {"name: a\ndoor:\n  count: -1\n", "FILE:3: door.count: \"-1\" is not 1 to 10\n"},
        {"name: a\ndoor:\n  count: 1e1\n", "FILE:3: door.count: \"1e1\" is not 1 to 10\n"},
        {"name: a\ndoor: {count: 99999999999999999999}\n",
         "FILE:2: door.count: \"99999999999999999999\" is not 1 to 10\n"},
        {"name: a\ndoor: {size: 2MiB}\n", "FILE:2: door.size: \"2MiB\" is not 0 to 1MiB\n"},
        {"name: a\ndoor: {size: 2MB}\n", "FILE:2: door.size: \"2MB\" is not 0 to 1MiB\n"},
        {"name: a\ndoor: {pause_time: 9ms}\n", "FILE:2: door.pause_time: \"9ms\" is not 10ms to 1d\n"},
        {"name: a\ndoor: {pause_time: 90}\n",
         "FILE:2: door.pause_time: \"90\" has no unit: write 90ms, 90s, 90min, 90h or 90d\n"},
        {"name: a\ndoor: {colour: Red}\n", "FILE:2: door.colour: \"Red\" is not one of red, green\n"},
        {"name: a\ndoor: {loud: yes}\n", "FILE:2: door.loud: \"yes\" is not true or false\n"},
        {"name: too long a name\n", "FILE:1: name: the text has 15 bytes; allowed are 1 to 8\n"},
        {"name: ''\n", "FILE:1: name: the text has 0 bytes; allowed are 1 to 8\n"},
        {"name: \"a\\tb\"\n", "FILE:1: name: holds a control character; remove it\n"},
        {"name: a\nmotto: dull\n", "FILE:2: motto: too dull: be bold\n"},
        {"name:\n", "FILE:1: name: has no value: give one, or remove the line\n"},
        {"name: [a]\n", "FILE:1: name: takes one value, not a list or section\n"},
        {"name: {a: b}\n", "FILE:1: name: takes one value, not a list or section\n"},
        {"name: a\nname: b\n", "FILE:2: name is set twice: first in line 1; remove one of them\n"},
        {"motto: x\n", "FILE: name is missing: set it, such as \"anna\"\n"},
        {"", "FILE: name is missing: set it, such as \"anna\"\n"},
        {"name: a\ndoor: x\n", "FILE:2: door: is a section: its keys stand below it, further to the right\n"},
        {"name: a\ndoor: {tuning: fast}\n",
         "FILE:2: door.tuning: takes names and values, each in a line below it\n"},
        {"name: a\ndoor: {tuning: {a: }}\n",
         "FILE:2: door.tuning.a: takes one value: give it, or remove the line\n"},
        {"name: a\ndoor: {items: x}\n", "FILE:2: door.items: takes a list: lines that begin with \"- \"\n"},
        {"name: a\ndoor:\n  items:\n    - x\n",
         "FILE:4: door.items[0]: an item takes names and values: see the example in --print-config-sample\n"},
        {"name: a\ndoor:\n  items:\n    - a: 1\n    - bad: 1\n", "FILE:5: door.items[1]: bad is bad\n"},
        {"name: a\ndoor:\n  items:\n    - a: [1]\n",
         "FILE:4: door.items[0].a: takes one value: give it, or remove the line\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        assert_problems(rows[i].yaml, rows[i].problem);
}

static void an_unknown_key_is_answered_with_the_nearest(void **state)
{
    static const struct {
        const char *yaml;
        const char *problem;
    } rows[] = {
        {"name: a\nmoto: x\n", "FILE:2: moto: unknown key: is motto meant?\n"},
        {"name: a\ndoor:\n  pause_tme: 1s\n",
         "FILE:3: door.pause_tme: unknown key: is door.pause_time meant?\n"},
        {"name: a\ndoors:\n  count: 1\n  size: 1\n", "FILE:2: doors: unknown key: is door meant?\n"},
        {"name: a\nsomething_else: 1\n",
         "FILE:2: something_else: unknown key: see --print-config-sample for all there are\n"},
        {"name: a\nx: [{y: 1}, {z: 2}]\n",
         "FILE:2: x: unknown key: see --print-config-sample for all there are\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        assert_problems(rows[i].yaml, rows[i].problem);
}

static void all_problems_are_found_in_one_run(void **state)
{
    (void)state;
    assert_problems("moto: x\ndoor:\n  count: 0\n  colour: blue\n",
                    "FILE:1: moto: unknown key: is motto meant?\n"
                    "FILE:3: door.count: \"0\" is not 1 to 10\n"
                    "FILE:4: door.colour: \"blue\" is not one of red, green\n"
                    "FILE: name is missing: set it, such as \"anna\"\n");
}

static void a_file_of_nonsense_is_not_answered_at_length(void **state)
{
    AUTO_BUF yaml = {0};
    AUTO_BUF problems = {0};
    int lines = 0;

    (void)state;
    for (int i = 0; i < 500; i++)
        buf_printf(&yaml, "nonsense%d: 1\n", i);
    problems_of(buf_text(&yaml), yaml.length, NULL, &problems);
    for (size_t i = 0; i < problems.length; i++)
        lines += problems.data[i] == '\n';
    assert_int_equal(lines, 21);
    assert_non_null(strstr(buf_text(&problems), "there are more problems\n"));
}

static void a_secret_in_the_wrong_place_is_refused_and_not_repeated(void **state)
{
    static const char *const yamls[] = {
        "name: a\ndoor:\n  password: hunter2\n",
        "name: a\ndoor:\n  tuning:\n    sasl.password: hunter2\n",
        "name: a\ndoor:\n  tuning:\n    sasl.oauthbearer.client.secret: hunter2\n",
    };
    char *const environments[][2] = {{(char *)"MILLRACE_DOOR_PASSWORD=hunter2", NULL},
                                     {(char *)"MILLRACE_DOOR_TUNING_SASL_PASSWORD=hunter2", NULL}};

    (void)state;
    for (size_t i = 0; i < 5; i++) {
        AUTO_BUF problems = {0};
        const char *yaml = i < 3 ? yamls[i] : "name: a\n";
        problems_of(yaml, strlen(yaml), i < 3 ? NULL : environments[i - 3], &problems);
        assert_non_null(strstr(buf_text(&problems), "put it into a file and name that in"));
        assert_null(strstr(buf_text(&problems), "hunter2"));
    }
}

static void a_secret_that_is_not_there_names_its_file(void **state)
{
    AUTO_FILE empty;

    (void)state;
    write_file(&empty, "\nx", 2);
    AUTO_STRING yaml = xasprintf("name: a\ndoor: {password_file: %s}\n", empty.path);
    AUTO_STRING problem =
        xasprintf("FILE:2: door.password_file: %s: the first line must hold the secret, and "
                  "is empty or not text\n",
                  empty.path);
    assert_problems(yaml, problem);
    assert_problems(
        "name: a\ndoor: {password_file: /nonexistent/x}\n",
        "FILE:2: door.password_file: /nonexistent/x: can't be opened: No such file or directory\n");
}

static void a_variable_that_no_key_matches_is_a_problem(void **state)
{
    static const struct {
        const char *variable;
        const char *problem;
    } rows[] = {
        {"MILLRACE_MOTO=x", "MILLRACE_MOTO: no key of this name: is MILLRACE_MOTTO meant?\n"},
        {"MILLRACE_QQQQQQQQQQQQQQ=x",
         "MILLRACE_QQQQQQQQQQQQQQ: no key of this name: unset it, or see --print-config-sample\n"},
        {"MILLRACE_DOOR_COUNT=0", "MILLRACE_DOOR_COUNT: \"0\" is not 1 to 10\n"},
        {"MILLRACE_DOOR_ITEMS=x",
         "MILLRACE_DOOR_ITEMS: a list can't be given here: set door.items in the file\n"},
        {"MILLRACE_DOOR_TUNING=x",
         "MILLRACE_DOOR_TUNING: add the property's name: MILLRACE_DOOR_TUNING_<NAME>, "
         "with dots as _\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        AUTO_BUF problems = {0};
        char *environment[] = {(char *)rows[i].variable, NULL};
        problems_of("name: a\n", 8, environment, &problems);
        assert_string_equal(buf_text(&problems), rows[i].problem);
    }
}

static void a_missing_file_is_named(void **state)
{
    AUTO_BUF problems = {0};
    struct toy toy = {0};

    (void)state;
    assert_false(
        settings_load(&schema, &(struct settings_source){"/nonexistent/c.yaml", NULL}, &toy, &problems));
    settings_done(&schema, &toy);
    assert_string_equal(buf_text(&problems),
                        "/nonexistent/c.yaml: can't be opened: No such file or directory\n");
}

/* ---- what people read ---- */

static void the_sample_shows_every_key_and_loads(void **state)
{
    AUTO_BUF sample = {0};
    struct toy toy = {0};

    (void)state;
    settings_write_sample(&schema, &sample);
    assert_non_null(strstr(buf_text(&sample), "\n# Who. Really.\n"
                                              "name: anna\n\n"
                                              "# What for.\n"
                                              "# motto: \"\"\n\n"
                                              "door:\n"
                                              "  # Key.\n"
                                              "  # password_file: /x\n\n"
                                              "  # Creaks. (true or false)\n"
                                              "  # loud: true\n\n"
                                              "  # N. (1 to 10)\n"
                                              "  # count: 3\n\n"
                                              "  # S. (0 to 1MiB)\n"
                                              "  # size: 2KiB\n\n"
                                              "  # P. (10ms to 1d)\n"
                                              "  # pause_time: 1500ms\n\n"
                                              "  # C. (one of red, green)\n"
                                              "  # colour: red\n\n"
                                              "  # T.\n"
                                              "  # tuning:\n"
                                              "  #   a.b: 1\n\n"
                                              "  # I.\n"
                                              "  # items:\n"
                                              "  #   - a: 1\n"));
    load_good(&toy, buf_text(&sample), NULL);
    settings_done(&schema, &toy);
}

static void help_has_a_line_for_each_key(void **state)
{
    AUTO_BUF help = {0};

    (void)state;
    settings_write_help(&schema, &help);
    assert_non_null(strstr(buf_text(&help),
                           "  name (required)                                  Who.\n"
                           "  motto                                            What for.\n"));
    assert_non_null(strstr(buf_text(&help), "\n  door.pause_time (1500ms)                         P.\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_fill_what_the_file_leaves_out),
        cmocka_unit_test(the_file_overrides_defaults),
        cmocka_unit_test(the_environment_overrides_the_file),
        cmocka_unit_test(the_environment_alone_is_enough),
        cmocka_unit_test(a_secret_is_the_first_line_of_its_file),
        cmocka_unit_test(a_secret_without_a_slash_is_a_credential_of_systemd),
        cmocka_unit_test(each_problem_names_line_and_key_and_what_to_do),
        cmocka_unit_test(an_unknown_key_is_answered_with_the_nearest),
        cmocka_unit_test(all_problems_are_found_in_one_run),
        cmocka_unit_test(a_file_of_nonsense_is_not_answered_at_length),
        cmocka_unit_test(a_secret_in_the_wrong_place_is_refused_and_not_repeated),
        cmocka_unit_test(a_secret_that_is_not_there_names_its_file),
        cmocka_unit_test(a_variable_that_no_key_matches_is_a_problem),
        cmocka_unit_test(a_missing_file_is_named),
        cmocka_unit_test(the_sample_shows_every_key_and_loads),
        cmocka_unit_test(help_has_a_line_for_each_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
