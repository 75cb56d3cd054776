# Millrace. `make help` lists what there is to type.
#
# Every .c file below common/ belongs to the library, every .c file of a program's folder to that program:
# a new file needs no line here.

BUILD    ?= build
CC       ?= gcc
# SANITIZE=address,undefined (with a BUILD of its own) builds with sanitizers; V=1 shows the commands.
SANITIZE ?=
ANALYZE  ?=
V        ?=

PROGRAMS := ingest consumer-primary query ctl
bin-name  = $(if $(filter ctl,$1),millrace,millrace-$1)

# libev has no .pc file.
MODULES  := rdkafka libpq yajl libcurl yaml-0.1 libssl libcrypto libsystemd libxxhash zlib
pkg-cflags := $(patsubst -I%,-isystem %,$(shell pkg-config --cflags $(MODULES) 2>/dev/null))
pkg-libs   := $(shell pkg-config --libs $(MODULES) 2>/dev/null) -lev

# llhttp: the system's, or the one that `dev/stack deps` builds from the pinned source.
ifeq ($(shell pkg-config --atleast-version=9.2.1 libllhttp 2>/dev/null && echo yes),yes)
llhttp-cflags := $(shell pkg-config --cflags libllhttp)
llhttp-libs   := $(shell pkg-config --libs libllhttp)
else
llhttp-cflags := -isystem build/deps/llhttp/include
llhttp-libs   := build/deps/llhttp/libllhttp.a
endif

WARNINGS  := -Wall -Wextra -Wshadow -Wconversion -Wmissing-prototypes -Wstrict-prototypes -Wpointer-arith \
             -Wundef -Wformat=2 -Wvla -Werror
HARDENING := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection -fcf-protection \
             -ftrivial-auto-var-init=zero
OPTIMIZE  := -O2 -g
LINKING   := -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed
ifneq ($(ANALYZE),)
OPTIMIZE  += -fanalyzer
endif
ifneq ($(SANITIZE),)
HARDENING :=
OPTIMIZE  := -O1 -g -fno-omit-frame-pointer -fsanitize=$(SANITIZE) -fno-sanitize-recover=all
LINKING   := -pie -fsanitize=$(SANITIZE)
endif

CPPFLAGS += -D_GNU_SOURCE -I. $(pkg-cflags) $(llhttp-cflags) \
            -include common/base/banned.h
CFLAGS   += -std=gnu11 -fPIE $(OPTIMIZE) $(WARNINGS) $(HARDENING)
LDLIBS   += $(pkg-libs) $(llhttp-libs) -lpthread

quiet = $(if $(V),,@printf '  %-5s %s\n' $1 $@;)

common-objects := $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard common/*/*.c common/*/*/*.c))
program-objects = $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard $1/*.c))
binaries       := $(foreach p,$(PROGRAMS),$(BUILD)/bin/$(call bin-name,$p))
unit-tests     := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/*_test.c tests/stage/*_test.c))

.PHONY: print-cppflags build help unit-tests check lint demo up down status clean-data clean
.DEFAULT_GOAL := build
.SECONDARY:

## make            build the programs into build/bin (what is missing: dev/stack deps)
build: $(binaries)

$(BUILD)/lib/libmillrace.a: $(common-objects)
	@mkdir -p $(@D) && rm -f $@
	$(call quiet,AR)$(AR) rcs $@ $^

define program-rule
$$(BUILD)/bin/$(call bin-name,$1): $$(call program-objects,$1) $$(BUILD)/lib/libmillrace.a
	@mkdir -p $$(@D)
	$$(call quiet,LINK)$$(CC) $$(CFLAGS) $$(LINKING) -o $$@ $$^ $$(LDLIBS)
endef
$(foreach p,$(PROGRAMS),$(eval $(call program-rule,$p)))

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(call quiet,CC)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# What comes in by .incbin (embed.h), which -MMD does not see.
$(BUILD)/obj/ctl/schema_files.o: $(wildcard schema/*/*.sql)
$(BUILD)/obj/ingest/description.o: openapi.yaml

# The files of the programs, but for main.c, are tested too.
test-objects := $(filter-out %/main.o,$(foreach p,$(PROGRAMS),$(call program-objects,$p))) \
                $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard tests/lib/*.c))

$(BUILD)/tests/%_test: $(BUILD)/obj/tests/%_test.o $(test-objects) $(BUILD)/lib/libmillrace.a
	@mkdir -p $(@D)
	$(call quiet,LINK)$(CC) $(CFLAGS) $(LINKING) -o $@ $^ $(LDLIBS) -lcmocka

unit-tests: $(unit-tests)

-include tests/tests.mk

## make check      install what is missing, then lint, unit, stage and end-to-end tests, with sanitizers too
check:
	@dev/stack deps --test --lint
	@tests/run

## make lint       format, static analysis, include direction, headers that compile alone
lint:
	@dev/stack deps --lint
	@dev/lint

## make demo       everything from nothing: install, build, start, send an event, see it; Ctrl-C ends it
demo:
	@dev/demo

## make up         the local stack in the background; make down ends it, make status shows it
up:
	@dev/stack up
down:
	@dev/stack down
status:
	-@dev/stack status; dev/live --once
## make clean-data removes the stopped stack's data
clean-data:
	@dev/stack clean-data

# For dev/lint.
print-cppflags:
	@echo $(CPPFLAGS)

clean:
	rm -rf $(BUILD)/obj $(BUILD)/lib $(BUILD)/bin $(BUILD)/tests

help:
	@sed -n 's/^## //p' $(filter-out %.d,$(MAKEFILE_LIST))

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
