# Millrace. `make help` lists what there is to type.
#
#   common/ and one folder per program become build/lib/libmillrace.a and build/bin/*; every .c file of a
#   folder belongs to it, so a new file needs no line here.

BUILD      ?= build
CC         ?= gcc
SANITIZE   ?=
VERSION    := 0.1.0

PROGRAMS   := ingest consumer-primary query ctl
bin-name    = $(if $(filter ctl,$1),millrace,millrace-$1)

LIBRARIES  := rdkafka libpq yajl libev libcurl yaml-0.1 libcrypto libsystemd libxxhash zlib
# libev and yajl of some releases ship no .pc file.
pkg-cflags := $(shell pkg-config --cflags rdkafka libpq yajl libcurl yaml-0.1 libcrypto libsystemd libxxhash 2>/dev/null)
pkg-libs   := $(shell pkg-config --libs rdkafka libpq yajl libcurl yaml-0.1 libcrypto libsystemd libxxhash 2>/dev/null) -lev

# llhttp: the system's, or the one that dev/stack deps builds.
llhttp-ok  := $(shell pkg-config --atleast-version=9.2.1 libllhttp 2>/dev/null && echo yes)
ifeq ($(llhttp-ok),yes)
llhttp-cflags := $(shell pkg-config --cflags libllhttp)
llhttp-libs   := $(shell pkg-config --libs libllhttp)
else
llhttp-cflags := -isystem build/deps/llhttp/include
llhttp-libs   := build/deps/llhttp/libllhttp.a
endif

WARNINGS   := -Wall -Wextra -Wshadow -Wconversion -Wmissing-prototypes -Wstrict-prototypes -Wpointer-arith \
              -Wundef -Wformat=2 -Wvla -Werror
HARDENING  := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection -fcf-protection \
              -ftrivial-auto-var-init=zero -fPIE
LINKING    := -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed
OPTIMIZE   := -O2 -g

ifneq ($(SANITIZE),)
HARDENING  := -fPIE
OPTIMIZE   := -O1 -g -fno-omit-frame-pointer -fsanitize=$(SANITIZE) -fno-sanitize-recover=all
LINKING    := -pie -fsanitize=$(SANITIZE)
endif

CPPFLAGS   += -D_GNU_SOURCE -DMILLRACE_VERSION='"$(VERSION)"' -I. $(pkg-cflags) $(llhttp-cflags)
CFLAGS     += -std=gnu11 $(OPTIMIZE) $(WARNINGS) $(HARDENING) -include common/base/banned.h -MMD -MP
LDLIBS     += $(pkg-libs) $(llhttp-libs) -lpthread -lm

common-objects := $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard common/*/*.c common/*/*/*.c))
program-objects = $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard $1/*.c))
binaries       := $(foreach p,$(PROGRAMS),$(if $(wildcard $p/main.c),$(BUILD)/bin/$(call bin-name,$p)))
unit-tests     := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/*_test.c tests/stage/*_test.c))

.PHONY: all build help clean unit
all: build

build: $(binaries)

help:
	@sed -n 's/^## //p' Makefile

$(BUILD)/lib/libmillrace.a: $(common-objects)
	@mkdir -p $(@D)
	@rm -f $@
	$(AR) rcs $@ $^

define program-rule
$$(BUILD)/bin/$(call bin-name,$1): $$(call program-objects,$1) $$(BUILD)/lib/libmillrace.a
	@mkdir -p $$(@D)
	$$(CC) $$(CFLAGS) $$(LINKING) -o $$@ $$^ $$(LDLIBS)
endef
$(foreach p,$(PROGRAMS),$(eval $(call program-rule,$p)))

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

# The SQL that `millrace schema` carries comes in by .incbin, which -MMD does not see.
$(BUILD)/obj/ctl/schema_files.o: $(wildcard schema/*/*.sql)

# The files of the programs, but for main.c, are tested too.
test-objects := $(filter-out %/main.o,$(foreach p,$(PROGRAMS),$(call program-objects,$p))) \
                $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard tests/lib/*.c))

$(BUILD)/tests/%_test: tests/%_test.c $(test-objects) $(BUILD)/lib/libmillrace.a
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(LINKING) -o $@ $^ $(LDLIBS) -lcmocka

## make unit           build and run the unit and stage tests
unit: $(unit-tests)
	@set -e; for test in $^; do $$test; done

clean:
	rm -rf $(BUILD)/obj $(BUILD)/lib $(BUILD)/bin $(BUILD)/tests

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
