/* What is to be applied, and what is refused. */
#include "ctl/schema_plan.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct schema_file files[] = {
    {1, "001_first", "CREATE TABLE a"}, {2, "002_second", "CREATE TABLE b"}, {0, "grants", "GRANT"}, {0}};

static void add(struct schema_applied_list *applied, const struct schema_file *file)
{
    char checksum[DIGEST_SHA256_HEX_BYTES];

    schema_plan_checksum(file, checksum);
    schema_applied_add(applied, file->number, slice_from(file->name), slice_from(checksum));
}

static void an_empty_database_gets_all(void **state)
{
    struct schema_applied_list applied = {0};

    (void)state;
    assert_int_equal(schema_plan_step(&files[0], &applied), SCHEMA_STEP_PENDING);
    assert_int_equal(schema_plan_step(&files[1], &applied), SCHEMA_STEP_PENDING);
    assert_int_equal(schema_plan_step(&files[2], &applied), SCHEMA_STEP_REPEAT);
}

static void what_was_applied_is_not_applied_again(void **state)
{
    struct schema_applied_list applied = {0};

    (void)state;
    add(&applied, &files[0]);
    assert_int_equal(schema_plan_step(&files[0], &applied), SCHEMA_STEP_APPLIED);
    assert_int_equal(schema_plan_step(&files[1], &applied), SCHEMA_STEP_PENDING);
    assert_int_equal(schema_plan_step(&files[2], &applied), SCHEMA_STEP_REPEAT);
    schema_applied_done(&applied);
}

static void an_edited_file_is_noticed_by_one_byte_and_a_renamed_one_is_the_same(void **state)
{
    struct schema_applied_list applied = {0};
    const struct schema_file edited = {1, "001_first", "CREATE TABLE a "};
    const struct schema_file renamed = {1, "001_other_name", "CREATE TABLE a"};

    (void)state;
    add(&applied, &files[0]);
    assert_int_equal(schema_plan_step(&edited, &applied), SCHEMA_STEP_EDITED);
    assert_int_equal(schema_plan_step(&renamed, &applied), SCHEMA_STEP_APPLIED);
    schema_applied_done(&applied);
}

static void what_a_newer_release_applied_is_counted(void **state)
{
    struct schema_applied_list applied = {0};
    const struct schema_file newer = {3, "003_third", "CREATE TABLE c"};

    (void)state;
    add(&applied, &files[0]);
    assert_int_equal(schema_plan_newer_count(files, &applied), 0);
    add(&applied, &newer);
    assert_int_equal(schema_plan_newer_count(files, &applied), 1);
    schema_applied_done(&applied);
}

/* The name says the number, numbers rise without a gap, and what is repeated comes last. */
static void check_order(const struct schema_file *list)
{
    unsigned expected = 1;

    for (; list->number != 0; list++, expected++) {
        char prefix[8];
        (void)snprintf(prefix, sizeof(prefix), "%03u_", expected);
        assert_int_equal(list->number, expected);
        assert_true(slice_starts_with(slice_from(list->name), slice_from(prefix)));
    }
    for (; list->name != NULL; list++)
        assert_int_equal(list->number, 0);
}

static void the_files_are_in_order(void **state)
{
    (void)state;
    check_order(schema_files_postgres);
    check_order(schema_files_clickhouse);
}

static const struct schema_file *find(const struct schema_file *list, const char *file_name)
{
    for (; list->name != NULL; list++) {
        size_t length = strlen(list->name);
        if (strncmp(file_name, list->name, length) == 0 && strcmp(file_name + length, ".sql") == 0)
            return list;
    }
    return NULL;
}

static void check_folder(const char *folder, const struct schema_file *list)
{
    DIR *directory = opendir(folder);
    struct dirent *entry;

    if (directory == NULL)
        skip(); /* not run in the source tree */
    while ((entry = readdir(directory)) != NULL) {
        char path[512];
        static char text[64 * 1024];
        if (strstr(entry->d_name, ".sql") == NULL)
            continue;
        const struct schema_file *file = find(list, entry->d_name);
        if (file == NULL)
            fail_msg("%s/%s is not in schema_files.c", folder, entry->d_name);
        (void)snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        FILE *stream = fopen(path, "r");
        assert_non_null(stream);
        size_t length = fread(text, 1, sizeof(text) - 1, stream);
        text[length] = '\0';
        (void)fclose(stream);
        assert_string_equal(text, file->sql);
    }
    (void)closedir(directory);
}

static void every_file_of_the_tree_is_inside_as_it_is(void **state)
{
    (void)state;
    check_folder("schema/postgres", schema_files_postgres);
    check_folder("schema/clickhouse", schema_files_clickhouse);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_database_gets_all),
        cmocka_unit_test(what_was_applied_is_not_applied_again),
        cmocka_unit_test(an_edited_file_is_noticed_by_one_byte_and_a_renamed_one_is_the_same),
        cmocka_unit_test(what_a_newer_release_applied_is_counted),
        cmocka_unit_test(the_files_are_in_order),
        cmocka_unit_test(every_file_of_the_tree_is_inside_as_it_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
