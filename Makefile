# ctrsup. `make help` lists the targets.
VARIANT ?= release
PREFIX ?= /usr
SYSCONFDIR ?= /etc
DESTDIR ?=
B := build/$(VARIANT)
Q := $(if $(V),,@)
VERSION := 0.1.0

# The one list of Debian packages: what the build, the demo and the checks need.
PACKAGES := gcc make pkg-config libc6-dev libyaml-dev libsystemd-dev libconfig-dev libcmocka-dev libjansson-dev \
	libsmartcols-dev busybox-static mmdebstrap clang libclang-rt-14-dev clang-format clang-tidy strace jq

PREFIX_LIBEXEC := $(PREFIX)/libexec/ctrsup
pkgs := yaml-0.1 libsystemd libconfig jansson smartcols

CFLAGS_release := -O2 -g -D_FORTIFY_SOURCE=2
CFLAGS_debug := -O0 -g3
CFLAGS_san := -O1 -g3 -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
LDFLAGS_san := -fsanitize=address,undefined

WARN := -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wswitch-enum -Wvla -Wpointer-arith \
	-Wwrite-strings -Wundef -Wformat=2 -Wno-missing-field-initializers $(if $(CI),-Werror)
HARDEN := -fstack-protector-strong -fcf-protection -fno-common -ffunction-sections -fdata-sections
CPPFLAGS += -D_GNU_SOURCE -Iinclude -DCTRSUP_VERSION='"$(VERSION)"' -DCTRSUP_LIBEXECDIR='"$(PREFIX_LIBEXEC)"' -DCTRSUP_SYSCONFDIR='"$(SYSCONFDIR)"'
ALL_CFLAGS = -std=gnu17 $(WARN) $(HARDEN) $(CFLAGS_$(VARIANT)) $(CFLAGS)
ALL_LDFLAGS = -Wl,-z,relro,-z,now -Wl,--gc-sections -Wl,--as-needed $(LDFLAGS_$(VARIANT)) $(LDFLAGS)

# Each folder of src/ is a layer and one archive; a file main.c is a program's entry and stays out of it.
LAYERS := $(shell sed -n 's/^\([a-z]*\):.*/\1/p' src/layers.txt)
sources = $(filter-out %/main.c,$(wildcard src/$(1)/*.c))
archive = $(if $(call sources,$(1)),$(B)/lib/$(1).a)

# program: its main.c's layer, and whether it is static (the keeper and init run where no library is)
PROGRAMS := ctrsup ctrsupd ctrsup-keeper ctrsup-logger ctrsup-init
main_ctrsup := cli
main_ctrsupd := supervisor
main_ctrsup-keeper := keeper
main_ctrsup-logger := logger
main_ctrsup-init := init
static_ctrsup-keeper := -static
static_ctrsup-init := -static
# Layers a program links, highest first (an archive is searched after those that need it).
layers_ctrsup := cli control plan state spec text base
layers_ctrsupd := supervisor control report observe act store logger keeper plan state spec text kernel base
layers_ctrsup-keeper := keeper kernel base
layers_ctrsup-logger := logger kernel base
layers_ctrsup-init := init kernel base
libs_ctrsup := yaml-0.1 libsystemd jansson smartcols
libs_ctrsupd := libsystemd libconfig jansson yaml-0.1
libs_ctrsup-logger := libsystemd

BUILT := $(foreach p,$(PROGRAMS),$(if $(wildcard src/$(main_$(p))/main.c),$(B)/bin/$(p)))
UNIT_TESTS := $(patsubst tests/unit/%.c,$(B)/unit/%,$(wildcard tests/unit/test_*.c))
# Small static programs that run inside containers under test.
PROBES := $(patsubst tests/probe/%.c,$(B)/probe/%,$(wildcard tests/probe/*.c))
BENCH := $(patsubst tests/bench/%.c,$(B)/bench/%,$(wildcard tests/bench/*.c))

.PHONY: help all demo check unit host san fuzz bench layers format tidy install uninstall dist clean deps
.DEFAULT_GOAL := all

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(firstword $(MAKEFILE_LIST)) | awk -F'\t' '{printf "  make %-10s %s\n", $$1, $$2}'
	@echo "  VARIANT=release|debug|san   what to build (now: $(VARIANT)); V=1 shows the commands"

all: $(BUILT) $(PROBES) ## build the programs into build/$(VARIANT)/bin

$(B)/obj/%.o: src/%.c Makefile
	@mkdir -p $(@D)
	@$(if $(V),,echo "  CC    $<")
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

define layer_rules
$(B)/lib/$(1).a: $(patsubst src/%.c,$(B)/obj/%.o,$(call sources,$(1)))
	@mkdir -p $$(@D)
	@rm -f $$@
	$(Q)$(AR) rcs $$@ $$^
endef
$(foreach l,$(LAYERS),$(eval $(call layer_rules,$(l))))

define program_rules
$(B)/bin/$(1): $(B)/obj/$(main_$(1))/main.o $(foreach l,$(layers_$(1)),$(call archive,$(l)))
	@mkdir -p $$(@D)
	@$$(if $$(V),,echo "  LD    $$@")
	$(Q)$$(CC) $$(if $$(static_$(1)),$$(filter-out -fsanitize%,$$(ALL_LDFLAGS)) $$(LDFLAGS_$$(VARIANT)) -static,$$(ALL_LDFLAGS)) $$^ $$(if $$(libs_$(1)),$$$$(pkg-config --libs $$(libs_$(1)))) -o $$@
endef
$(foreach p,$(PROGRAMS),$(eval $(call program_rules,$(p))))

# Unit tests link every layer; --start-group because a test may need any of them.
$(B)/unit/%: tests/unit/%.c $(foreach l,$(LAYERS),$(call archive,$(l)))
	@mkdir -p $(@D)
	@$(if $(V),,echo "  TEST  $<")
	$(Q)$(CC) $(CPPFLAGS) -Isrc $(ALL_CFLAGS) -MMD -MP -MF $@.d $(ALL_LDFLAGS) $< -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $$(pkg-config --libs cmocka $(pkgs)) -o $@

$(B)/probe/%: tests/probe/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -std=gnu17 -Wall -Wextra -O2 -static $< -o $@

$(B)/bench/%: tests/bench/%.c $(foreach l,$(LAYERS),$(call archive,$(l)))
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS) $< -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $$(pkg-config --libs $(pkgs)) -o $@

-include $(shell find $(B) -name '*.d' 2>/dev/null)

unit: $(UNIT_TESTS) ## build and run the unit tests only
	@set -e; for t in $(UNIT_TESTS); do $$t; done

clean: ## remove what the build made
	$(Q)rm -rf build
