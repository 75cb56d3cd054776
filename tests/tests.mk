# The end-to-end tests, and the sabotaged workers that must turn them red. Included by the Makefile.

SABOTAGE         := $(BUILD)/tests/sabotage
sabotaged-worker  = $(SABOTAGE)/$1/millrace-consumer-primary
sabotaged        := $(foreach s,$(basename $(notdir $(wildcard tests/sabotage/*.c))),$(call sabotaged-worker,$s))

$(call sabotaged-worker,no_check):     wrapped := plan_token settle_init settle_on_uncertain
$(call sabotaged-worker,early_commit): wrapped := kafka_consumer_commit
$(call sabotaged-worker,no_memory):    wrapped := known_ids_may_have

$(SABOTAGE)/%/millrace-consumer-primary: tests/sabotage/%.c $(call program-objects,consumer-primary) \
                                         $(BUILD)/lib/libmillrace.a
	@mkdir -p $(@D)
	$(call quiet,LINK)$(CC) $(CPPFLAGS) $(CFLAGS) $(LINKING) $(wrapped:%=-Wl,--wrap=%) -o $@ $^ $(LDLIBS)

.PHONY: sabotaged e2e
sabotaged: $(sabotaged)

## make e2e            end-to-end tests on a Kafka, ClickHouse and PostgreSQL of their own; E2E="-k kill" for some
e2e: build $(sabotaged)
	MILLRACE_DEV_BIN=$(abspath $(BUILD)/bin) MILLRACE_TEST_SABOTAGE=$(abspath $(SABOTAGE)) \
	    PYTHONDONTWRITEBYTECODE=1 build/venv/bin/python -m pytest tests/e2e $(E2E)
