# The end-to-end tests, the sabotaged workers that must turn them red, and the fuzz targets. Included by the Makefile.

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

# Programs that tests ask: tests/tools/NAME.c each.
TOOLS      := $(BUILD)/tests/tools
test-tools := $(patsubst tests/tools/%.c,$(TOOLS)/%,$(wildcard tests/tools/*.c))

$(TOOLS)/%: $(BUILD)/obj/tests/tools/%.o $(BUILD)/lib/libmillrace.a
	@mkdir -p $(@D)
	$(call quiet,LINK)$(CC) $(CFLAGS) $(LINKING) -o $@ $^ $(LDLIBS)

.PHONY: sabotaged e2e
sabotaged: $(sabotaged)

## make e2e            end-to-end tests on a Kafka, ClickHouse and PostgreSQL of their own; E2E="-k kill" for some
e2e: build $(sabotaged) $(test-tools)
	MILLRACE_DEV_BIN=$(abspath $(BUILD)/bin) MILLRACE_TEST_SABOTAGE=$(abspath $(SABOTAGE)) \
	    MILLRACE_TEST_TOOLS=$(abspath $(TOOLS)) PYTHONDONTWRITEBYTECODE=1 build/venv/bin/python -m pytest tests/e2e $(E2E)

# Fuzz targets: tests/fuzz/NAME.c each, in a build of its own, since only clang has libFuzzer.
FUZZ_BUILD   := build/fuzz
FUZZ_CC      ?= clang
FUZZ_SECONDS ?= 60
fuzz-targets := $(patsubst tests/fuzz/%.c,$(BUILD)/tests/fuzz/%,$(wildcard tests/fuzz/*.c))
fuzz-objects := $(filter-out $(BUILD)/obj/tests/lib/%,$(test-objects)) \
                $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard tests/fuzz/lib/*.c))

$(BUILD)/tests/fuzz/%: $(BUILD)/obj/tests/fuzz/%.o $(fuzz-objects) $(BUILD)/lib/libmillrace.a
	@mkdir -p $(@D)
	$(call quiet,LINK)$(CC) $(CFLAGS) $(LINKING) -fsanitize=fuzzer -o $@ $^ $(LDLIBS)

.PHONY: fuzz fuzz-targets
fuzz-targets: $(fuzz-targets)

## make fuzz           looks for inputs that break a parser, 60 s each; FUZZ_SECONDS=5 FUZZ="json http"
fuzz:
	@$(MAKE) --no-print-directory BUILD=$(FUZZ_BUILD) CC="$(FUZZ_CC)" SANITIZE=address,undefined,fuzzer-no-link fuzz-targets
	@tests/fuzz/run "$(FUZZ_SECONDS)" $(FUZZ)
