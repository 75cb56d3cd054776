/* settings_yaml: the part of YAML that a configuration may use, and nothing that reads two ways. */
#include "common/service/settings_yaml.h"

#include "common/base/buf.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

static const char *kind_name(enum settings_entry_kind kind)
{
    static const char *const names[] = {"value", "nothing", "section", "list"};

    return names[kind];
}

static void a_document_becomes_paths_with_lines(void **state)
{
    static const char yaml[] = "---\n"
                               "# comment\n"
                               "a: 1\n"
                               "b:\n"
                               "\n"
                               "  c.d: \"x\"\n"
                               "  e:\n"
                               "  f: ''\n"
                               "g:\n"
                               "- h: 2\n"
                               "  i: ~\n"
                               "- [3, {j: 4}]\n"
                               "k: {}\n"
                               "l: |\n"
                               "  text\n";
    struct settings_entries entries;
    struct err err = {.text = ""};
    AUTO_BUF seen = {0};

    (void)state;
    assert_true(settings_yaml_parse(SLICE(yaml), "c.yaml", &entries, &err));
    for (size_t i = 0; i < entries.count; i++)
        buf_printf(&seen, "%u %s %s %s\n", entries.items[i].line, entries.items[i].path,
                   kind_name(entries.items[i].kind),
                   entries.items[i].value != NULL ? entries.items[i].value : "-");
    settings_entries_done(&entries);
    assert_string_equal(buf_text(&seen), "3 a value 1\n"
                                         "4 b section -\n"
                                         "6 b.c.d value x\n"
                                         "7 b.e nothing -\n"
                                         "8 b.f value \n"
                                         "9 g list -\n"
                                         "10 g[0] section -\n"
                                         "10 g[0].h value 2\n"
                                         "11 g[0].i nothing -\n"
                                         "12 g[1] list -\n"
                                         "12 g[1][0] value 3\n"
                                         "12 g[1][1] section -\n"
                                         "12 g[1][1].j value 4\n"
                                         "13 k section -\n"
                                         "14 l value text\n\n");
}

static void a_document_of_comments_is_empty(void **state)
{
    static const char *const documents[] = {"", "# only this\n", "---\n", "---\n...\n", "{}\n", "null\n"};

    (void)state;
    for (size_t i = 0; i < sizeof(documents) / sizeof(*documents); i++) {
        struct settings_entries entries;
        struct err err = {.text = ""};
        if (!settings_yaml_parse(slice_from(documents[i]), "c.yaml", &entries, &err))
            fail_msg("%s", err.text);
        assert_int_equal(entries.count, 0);
        settings_entries_done(&entries);
    }
}

static void what_reads_two_ways_is_refused(void **state)
{
    static const struct {
        const char *yaml;
        size_t length; /* 0: strlen */
        const char *problem;
    } rows[] = {
        {"name: a\nname: b\n", 0, "c.yaml:2: name is set twice: first in line 1; remove one of them"},
        {"door: {count: 1}\nname: a\ndoor: {size: 1}\n", 0,
         "c.yaml:3: door is set twice: first in line 1; remove one of them"},
        {"door: {count: 1}\ndoor.count: 2\n", 0,
         "c.yaml:2: door.count is set twice: first in line 1; remove one of them"},
        {"name: &n a\nmotto: *n\n", 0, "c.yaml:2: aliases (*name) are not taken: write the value out"},
        {"name: !!str a\n", 0, "c.yaml:1: tags (\"tag:yaml.org,2002:str\") are not taken: remove it"},
        {"name: a\n---\nname: b\n", 0, "c.yaml:2: a second document begins: keep one in the file"},
        {"- a\n- b\n", 0, "c.yaml:1: must hold keys and values, such as \"state_dir: DIR\""},
        {"just text\n", 0, "c.yaml:1: must hold keys and values, such as \"state_dir: DIR\""},
        {"? [a]\n: b\n", 0, "c.yaml:1: a key must be a plain word"},
        {"\"na me\": b\n", 0,
         "c.yaml:1: a key may hold letters, digits, '.', '_' and '-' only, and at most 256 of them"},
        {"name: \"a\\0b\"\n", 0, "c.yaml:1: name holds a NUL byte"},
        {"a: {a: {a: {a: {a: {a: {a: {a: {a: 1}}}}}}}}\n", 0, "c.yaml:1: nested deeper than 8"},
        {"name: \"a\n", 0,
         "c.yaml:2: not YAML: while scanning a quoted scalar, found unexpected end of stream (in column 1)"},
        {"name: a\n\tmotto: b\n", 0,
         "c.yaml:2: not YAML: while scanning a plain scalar, found a tab character that violates indentation "
         "(in column 1)"},
        {"name: \xff\n", 0, "c.yaml: not UTF-8 text at byte 6: invalid leading UTF-8 octet"},
        {"name: a\0b\n", 10, "c.yaml: not UTF-8 text at byte 7: control characters are not allowed"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        size_t length = rows[i].length > 0 ? rows[i].length : strlen(rows[i].yaml);
        struct settings_entries entries;
        struct err err = {.text = ""};
        assert_false(settings_yaml_parse(slice_of(rows[i].yaml, length), "c.yaml", &entries, &err));
        assert_string_equal(err.text, rows[i].problem);
    }
}

static void a_document_cut_anywhere_is_read_or_refused(void **state)
{
    static const char yaml[] =
        "name: 'a'\ndoor:\n  items: [{a: \"1\"}, {b: 2}]\n  tuning: {x.y: |\n    z\n  }\n";

    (void)state;
    for (size_t length = 0; length < sizeof(yaml); length++) {
        struct settings_entries entries = {0};
        struct err err = {.text = ""};
        if (settings_yaml_parse(slice_of(yaml, length), "cut", &entries, &err))
            settings_entries_done(&entries);
        else
            assert_true(strncmp(err.text, "cut:", 4) == 0);
    }
}

static void more_keys_than_anyone_writes_are_refused(void **state)
{
    struct settings_entries entries;
    struct err err = {.text = ""};
    AUTO_BUF yaml = {0};

    (void)state;
    for (int i = 0; i <= SETTINGS_ENTRIES_MAX; i++)
        buf_printf(&yaml, "k%d: 1\n", i);
    assert_false(settings_yaml_parse(buf_slice(&yaml), "c.yaml", &entries, &err));
    assert_string_equal(err.text, "c.yaml:4097: more than 4096 keys");
}

static void a_file_without_end_is_refused(void **state)
{
    struct settings_entries entries;
    struct err err = {.text = ""};

    (void)state;
    assert_false(settings_yaml_load("/dev/zero", &entries, &err));
    assert_string_equal(err.text, "/dev/zero: holds more than 1048576 bytes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_document_becomes_paths_with_lines),
        cmocka_unit_test(a_document_of_comments_is_empty),
        cmocka_unit_test(what_reads_two_ways_is_refused),
        cmocka_unit_test(a_document_cut_anywhere_is_read_or_refused),
        cmocka_unit_test(more_keys_than_anyone_writes_are_refused),
        cmocka_unit_test(a_file_without_end_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
