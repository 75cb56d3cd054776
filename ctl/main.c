/*
 * millrace - the operator's command: what is done once, or by a person, and not by a worker.
 *
 *   topics   makes the topics of common/event/topics.h in Kafka, or tells what is wrong with them. Makes
 *            only what is missing; never changes, shrinks or deletes a topic.
 *   schema   brings ClickHouse and PostgreSQL to the tables that this release needs, by numbered SQL files
 *            inside this program. Each is applied once; all can be repeated.
 *   key      makes, lists, rotates and revokes API keys. A key is printed once; only its SHA-256 is kept.
 *   offsets  shows where the batch stages stand, and takes a person's decision where one is needed.
 *
 * All commands are safe to repeat and safe to kill. They read the same configuration as the workers.
 */
#include "ctl/key.h"
#include "ctl/offsets.h"
#include "ctl/schema.h"
#include "ctl/topics.h"

static const struct command commands[] = {
    {"topics", "init", "make the topics that are missing",
     "Waits until Kafka answers. Topics that exist are left as they are; the exit code is 1 when one of\n"
     "them breaks what the pipeline relies on.",
     topics_init_options, NULL, topics_init},
    {"topics", "check", "tell which topics are missing or wrong", "Changes nothing.", topics_check_options,
     NULL, topics_check},
    {"schema", "apply", "bring the tables of PostgreSQL and ClickHouse up to date",
     "Applies the numbered SQL files that were not applied yet. Two at once are safe.", schema_options, NULL,
     schema_apply},
    {"schema", "check", "tell what `schema apply` would do", "Changes nothing.", schema_options, NULL,
     schema_check},
    {"key", "create", "make an API key and print it once",
     "Only the key's SHA-256 is stored: a key that is lost is revoked and replaced.", key_create_options,
     NULL, key_create},
    {"key", "list", "list the API keys", "Shows no key, only the first and last characters of each.",
     key_list_options, NULL, key_list},
    {"key", "rotate", "replace an API key by a new one, and let both work for a while",
     "KEY is its id or its display id, as `millrace key list` shows them. The new key has the tenant, the\n"
     "environment, the name and the roles of the old one, and is printed once. A key that is to end at once\n"
     "is revoked instead.",
     key_rotate_options, "KEY", key_rotate},
    {"key", "revoke", "end an API key",
     "KEY is its id or its display id, as `millrace key list` shows them. Programs that are connected to\n"
     "PostgreSQL refuse the key at once.",
     NULL, "KEY", key_revoke},
    {"offsets", "show", "tell where each partition stands, and which wait for a person",
     "By the group's position, Kafka's log and the table in ClickHouse. The state is one of\n"
     "  good       a worker goes on by itself\n"
     "  debt-lost  rows are stored, but what must still be forwarded is gone from the log\n"
     "  changed    the log has other records than a plan that was begun with them\n"
     "  lost       the log starts above the newest stored row: records are gone\n"
     "  foreign    somebody moved the group's position without our metadata\n"
     "  too-new    the position was written by a later release: upgrade\n"
     "The exit code is 1 when one is not good. Changes nothing.",
     offsets_show_options, NULL, offsets_show},
    {"offsets", "accept", "decide where a partition goes on that waits for a person",
     "Tells first which offsets are skipped or looked at again, and writes the position with our metadata.\n"
     "Where the state is changed, lost or foreign, workers may run: the one that stopped the partition\n"
     "goes on within 10 s. Any other change waits until the group has no members: stop the stage's workers\n"
     "before (systemctl stop 'millrace-consumer-primary@*') and start them after. Offsets that are looked\n"
     "at again are stored only where they have no row. A partition that is as it should be is left alone,\n"
     "so that this can be repeated. Who did what is logged.",
     offsets_accept_options, NULL, offsets_accept},
    {0},
};

int main(int argc, char **argv)
{
    return command_main(commands, argc, argv);
}
