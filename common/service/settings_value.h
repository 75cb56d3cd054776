/*
 * settings_value.h - one value: from its text into the configuration struct, and back into text for
 * people. Blocks only to read the file of a secret.
 */
#ifndef MILLRACE_SETTINGS_VALUE_H
#define MILLRACE_SETTINGS_VALUE_H

#include "common/service/settings.h"

/* Parses `text` and puts it in the setting's place in `config`, freeing what stood there. Not for lists
 * and properties (BUG). ERR_FATAL says what is allowed. environment: for $CREDENTIALS_DIRECTORY. */
bool settings_value_set(const struct setting *setting, const char *text, char *const *environment,
                        void *config, struct err *err);

/* Puts one property among those at the setting's place; the same name again replaces it. */
bool settings_value_set_property(const struct setting *setting, const struct settings_property *property,
                                 char *const *environment, void *config, struct err *err);

/* Frees what the setting holds in `config`. Lists are their owner's. */
void settings_value_clear(const struct setting *setting, void *config);

/* Appends what is allowed: "1 to 1000", "1s to 7d", "one of error, info", or nothing for free text. */
void settings_value_write_range(const struct setting *setting, struct buf *out);

#endif
