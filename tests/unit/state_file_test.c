/* Files below state_dir: replaced as a whole, ours alone, and kept off the loop. */
#include "common/service/state_file.h"

#include "common/base/alloc.h"
#include "common/io/loop.h"
#include "common/service/state_keeper.h"
#include "tests/lib/loop_until.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cmocka.h>

enum { READ_MAX_BYTES = 1000 };

struct fixture {
    char folder[64];
    char *path, *new_path;
    struct loop *loop;
    int kept_count, failed_count;
};

static void assert_holds(const char *path, const char *text)
{
    AUTO_BUF found = {0};
    struct err err = {.text = ""};

    if (!state_file_read(path, READ_MAX_BYTES, &found, &err))
        fail_msg("%s", err.text);
    assert_string_equal(buf_text(&found), text);
}

static void replace(const struct fixture *fixture, const char *text)
{
    struct err err = {.text = ""};

    if (!state_file_replace(fixture->path, fixture->new_path, slice_from(text), &err))
        fail_msg("%s", err.text);
}

static void a_file_that_is_not_there_is_empty_and_one_that_was_written_is_ours_alone(void **state)
{
    struct fixture *fixture = *state;
    struct stat status;

    assert_holds(fixture->path, "");
    replace(fixture, "first");
    assert_holds(fixture->path, "first");
    replace(fixture, "second");
    assert_holds(fixture->path, "second");
    assert_int_equal(stat(fixture->path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_int_equal(access(fixture->new_path, F_OK), -1);
}

/* A link that somebody put there is not written through. */
static void what_a_crash_left_behind_gives_way(void **state)
{
    struct fixture *fixture = *state;
    AUTO_STRING other = xasprintf("%s/other", fixture->folder);

    assert_int_equal(symlink(other, fixture->new_path), 0);
    replace(fixture, "whole");
    assert_holds(fixture->path, "whole");
    assert_int_equal(access(other, F_OK), -1);
}

static void a_file_that_can_not_be_written_leaves_the_old_one(void **state)
{
    struct fixture *fixture = *state;
    struct err err;

    replace(fixture, "old");
    assert_int_equal(mkdir(fixture->new_path, 0700), 0);
    assert_false(state_file_replace(fixture->path, fixture->new_path, SLICE("new"), &err));
    assert_int_equal(err.kind, ERR_RETRY);
    assert_non_null(strstr(err.text, fixture->path));
    assert_holds(fixture->path, "old");
    assert_int_equal(rmdir(fixture->new_path), 0);
}

static void files_that_somebody_else_could_have_written_are_refused(void **state)
{
    struct fixture *fixture = *state;
    static const mode_t modes[] = {0660, 0604, 0666, 0640};
    AUTO_STRING link = xasprintf("%s/link", fixture->folder);
    AUTO_BUF found = {0};
    struct err err;

    replace(fixture, "text");
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        assert_int_equal(chmod(fixture->path, modes[i]), 0);
        assert_false(state_file_read(fixture->path, READ_MAX_BYTES, &found, &err));
        assert_int_equal(err.kind, ERR_REJECT);
    }
    assert_int_equal(chmod(fixture->path, 0600), 0);
    assert_int_equal(symlink(fixture->path, link), 0);
    assert_false(state_file_read(link, READ_MAX_BYTES, &found, &err));
    assert_false(state_file_read(fixture->path, 3, &found, &err));
    assert_non_null(strstr(err.text, "more than 3 bytes"));
    assert_int_equal(found.length, 0);
}

static void on_kept(void *owner, const struct err *err)
{
    struct fixture *fixture = owner;

    if (err == NULL)
        fixture->kept_count++;
    else
        fixture->failed_count++;
}

static void keep(struct state_keeper *keeper, const char *text)
{
    struct buf bytes = {0};

    buf_append_text(&bytes, text);
    state_keeper_keep(keeper, &bytes);
    assert_int_equal(bytes.length, 0);
    assert_null(bytes.data);
}

static bool is_newest(void *context)
{
    AUTO_BUF found = {0};
    struct err err;

    return state_file_read(context, READ_MAX_BYTES, &found, &err) &&
           strcmp(buf_text(&found), "version 99") == 0;
}

static void of_many_versions_the_newest_is_kept_and_those_between_may_be_dropped(void **state)
{
    struct fixture *fixture = *state;
    struct state_keeper *keeper = state_keeper_start(&(struct state_keeper_settings){
        .loop = fixture->loop, .path = fixture->path, .instance = "7", .on_kept = on_kept, .owner = fixture});

    for (int i = 0; i < 100; i++) {
        char text[32];
        (void)snprintf(text, sizeof(text), "version %d", i);
        keep(keeper, text);
    }
    loop_until(fixture->loop, is_newest, fixture->path, 20000, "the newest is on disk");
    loop_until_count(fixture->loop, &fixture->kept_count, 2, "the first and the last are told");
    assert_int_equal(fixture->failed_count, 0);
    state_keeper_stop(&keeper);
    assert_null(keeper);
}

static void a_version_that_can_not_be_written_is_told_and_the_next_is_tried(void **state)
{
    struct fixture *fixture = *state;
    struct state_keeper *keeper = state_keeper_start(&(struct state_keeper_settings){
        .loop = fixture->loop, .path = fixture->path, .instance = "7", .on_kept = on_kept, .owner = fixture});

    assert_int_equal(mkdir(fixture->path, 0700), 0);
    keep(keeper, "lost");
    loop_until_count(fixture->loop, &fixture->failed_count, 1, "it is told");
    assert_int_equal(rmdir(fixture->path), 0);
    keep(keeper, "kept");
    loop_until_count(fixture->loop, &fixture->kept_count, 1, "it is kept");
    assert_holds(fixture->path, "kept");
    state_keeper_stop(&keeper);
}

static void stopping_in_the_middle_frees_what_waits(void **state)
{
    struct fixture *fixture = *state;
    struct state_keeper *keeper = state_keeper_start(&(struct state_keeper_settings){
        .loop = fixture->loop, .path = fixture->path, .instance = "7", .on_kept = on_kept, .owner = fixture});

    for (int i = 0; i < 3; i++)
        keep(keeper, "text");
    state_keeper_stop(&keeper);
    assert_int_equal(fixture->kept_count, 0);
}

static int set_up(void **state)
{
    struct fixture *fixture = xcalloc(1, sizeof(*fixture));

    (void)snprintf(fixture->folder, sizeof(fixture->folder), "/tmp/millrace-state-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    fixture->path = xasprintf("%s/file", fixture->folder);
    fixture->new_path = xasprintf("%s/file.new", fixture->folder);
    fixture->loop = loop_new();
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    DIR *folder = opendir(fixture->folder);
    const struct dirent *entry;

    assert_non_null(folder);
    while ((entry = readdir(folder)) != NULL)
        (void)unlinkat(dirfd(folder), entry->d_name, 0);
    (void)closedir(folder);
    (void)rmdir(fixture->folder);
    loop_free(&fixture->loop);
    free_string(&fixture->path);
    free_string(&fixture->new_path);
    free(fixture);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_file_that_is_not_there_is_empty_and_one_that_was_written_is_ours_alone),
        TEST(what_a_crash_left_behind_gives_way),
        TEST(a_file_that_can_not_be_written_leaves_the_old_one),
        TEST(files_that_somebody_else_could_have_written_are_refused),
        TEST(of_many_versions_the_newest_is_kept_and_those_between_may_be_dropped),
        TEST(a_version_that_can_not_be_written_is_told_and_the_next_is_tried),
        TEST(stopping_in_the_middle_frees_what_waits),
    };

    return cmocka_run_group_tests_name("state_file", tests, NULL, NULL);
}
