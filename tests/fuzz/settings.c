/*
 * config.yaml: any bytes as a document, and whatever values it has in the settings of these names.
 */
#include "tests/fuzz/fuzz.h"

#include "common/base/alloc.h"
#include "common/base/err.h"
#include "common/service/config.h"
#include "common/service/settings_value.h"
#include "common/service/settings_yaml.h"

#include <stdlib.h>

/* Secrets would read files; properties and lists have ways of their own. */
static bool is_plain(const struct setting *setting)
{
    return setting->type != SETTING_SECRET_FILE && setting->type != SETTING_PROPERTIES &&
           setting->type != SETTING_LIST;
}

static void set_value(struct config *config, const struct settings_entry *entry)
{
    char *const environment[] = {NULL};
    struct err err;

    for (const struct setting *setting = config_schema.table; setting->key != NULL; setting++)
        if (strcmp(setting->key, entry->path) == 0 && is_plain(setting))
            (void)settings_value_set(setting, entry->value, environment, config, &err);
}

static void check_order(const struct settings_entries *entries)
{
    for (size_t i = 0; i < entries->count; i++) {
        EXPECT(entries->items[i].path[0] != '\0' && entries->items[i].line > 0);
        EXPECT((entries->items[i].value != NULL) == (entries->items[i].kind == SETTINGS_ENTRY_VALUE));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct settings_entries entries = {0};
    struct config config = {0};
    struct err err;

    if (!settings_yaml_parse(slice_of(data, size), "config.yaml", &entries, &err)) {
        EXPECT(err.kind == ERR_FATAL && slice_starts_with(slice_from(err.text), SLICE("config.yaml")));
        return 0;
    }
    check_order(&entries);
    for (size_t i = 0; i < entries.count; i++)
        if (entries.items[i].kind == SETTINGS_ENTRY_VALUE)
            set_value(&config, &entries.items[i]);
    settings_done(&config_schema, &config);
    settings_entries_done(&entries);
    return 0;
}
