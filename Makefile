# ctrsup. `make help` lists the targets.
VARIANT ?= release
PREFIX ?= /usr
SYSCONFDIR ?= /etc
DESTDIR ?=
B := build/$(VARIANT)
Q := $(if $(V),,@)
VERSION := 0.1.0
DATE := 2026-11-24

# The one list of Debian packages: what the build, the demo and the checks need. `make deps` installs what is missing.
PACKAGES := gcc make pkg-config libc6-dev libyaml-dev libsystemd-dev libconfig-dev libcmocka-dev libjansson-dev \
	libsmartcols-dev libseccomp-dev busybox-static mmdebstrap clang libclang-rt-dev strace jq mandoc qemu-system-x86 e2fsprogs cpio \
	xz-utils kmod systemd tzdata

PREFIX_LIBEXEC := $(PREFIX)/libexec/ctrsup
pkgs := yaml-0.1 libsystemd libconfig jansson smartcols libseccomp

SANITIZE := -fsanitize=address,undefined
CFLAGS_release := -O2 -g -D_FORTIFY_SOURCE=2
CFLAGS_debug := -O0 -g3
CFLAGS_san := -O1 -g3 $(SANITIZE) -fno-sanitize-recover=undefined -fno-omit-frame-pointer
CFLAGS_fuzz := -O1 -g $(SANITIZE) -fsanitize=fuzzer-no-link -fno-omit-frame-pointer
LDFLAGS_san := $(SANITIZE)
LDFLAGS_fuzz := $(SANITIZE) -fsanitize=fuzzer
ifeq ($(VARIANT),fuzz)
CC := clang
endif

# Warnings are errors in CI, but not with sanitizers: their instrumentation makes gcc guess wrong.
WARN := -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wswitch-enum -Wvla -Wpointer-arith \
	-Wwrite-strings -Wundef -Wformat=2 -Wno-missing-field-initializers $(if $(CI),$(if $(filter san fuzz,$(VARIANT)),,-Werror))
HARDEN := -fstack-protector-strong -fcf-protection -fno-common -ffunction-sections -fdata-sections
CPPFLAGS += -D_GNU_SOURCE -Iinclude -DCTRSUP_VERSION='"$(VERSION)"' -DCTRSUP_BINDIR='"$(PREFIX)/bin"' -DCTRSUP_LIBEXECDIR='"$(PREFIX_LIBEXEC)"' \
	-DCTRSUP_SYSCONFDIR='"$(SYSCONFDIR)"'
ALL_CFLAGS = -std=gnu17 $(WARN) $(HARDEN) $(CFLAGS_$(VARIANT)) $(CFLAGS)
ALL_LDFLAGS = -Wl,-z,relro,-z,now -Wl,--gc-sections -Wl,--as-needed $(LDFLAGS_$(VARIANT)) $(LDFLAGS)

# Each folder of src/ is a layer and one archive; a file main.c is a program's entry and stays out of it.
LAYERS := $(shell sed -n 's/^\([a-z]*\):.*/\1/p' src/layers.txt)
sources = $(filter-out %/main.c,$(wildcard src/$(1)/*.c))
archive = $(if $(call sources,$(2)),$(1)/lib/$(2).a)
ARCHIVES = $(foreach l,$(LAYERS),$(call archive,$(B),$(l)))

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
layers_ctrsup := cli control plan state spec seccomp text calendar kernel base
layers_ctrsupd := supervisor control report observe act store logger keeper plan state spec seccomp text calendar kernel base
layers_ctrsup-keeper := keeper kernel base
layers_ctrsup-logger := logger kernel base
layers_ctrsup-init := init kernel base
libs_ctrsup := yaml-0.1 libsystemd jansson smartcols libseccomp
libs_ctrsupd := libsystemd libconfig jansson yaml-0.1 libseccomp
libs_ctrsup-logger := libsystemd

# A static program cannot carry a sanitizer's runtime: with one, its objects are built a second time, plain.
PLAIN := $(if $(filter san fuzz,$(VARIANT)),$(B)/plain,$(B))
plain_flags = $(filter-out -fsanitize% -fno-sanitize%,$(1))

BUILT := $(foreach p,$(PROGRAMS),$(if $(wildcard src/$(main_$(p))/main.c),$(B)/bin/$(p)))
UNIT_TESTS := $(patsubst tests/unit/%.c,$(B)/unit/%,$(wildcard tests/unit/test_*.c))
# Stand-ins for one of our programs, that its clients are tested against.
FAKES := $(patsubst tests/fake/%.c,$(B)/fake/%,$(wildcard tests/fake/*.c))
# The supervisor in a simulated host: one program of all its files.
SIM := $(B)/sim/sim
HOST_TESTS := $(patsubst tests/host/%.c,$(B)/host/%,$(wildcard tests/host/*.c))
FUZZERS := $(patsubst tests/fuzz/%.c,$(B)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
MAN := $(patsubst src/man/%,$(B)/man/%,$(wildcard src/man/*.[1-8])) $(B)/man/ctrsup-stack.5
UNITS := $(patsubst units/%,$(B)/units/%,$(wildcard units/ctrsup*.service units/ctrsup*.socket units/ctrsup*.slice))
CATALOG := $(B)/share/ctrsup.catalog
SCHEMA := $(if $(wildcard src/cli/main.c),$(B)/share/stack-v1.schema.json)
# Small static programs that run inside containers under test.
PROBES := $(patsubst tests/probe/%.c,$(B)/probe/%,$(wildcard tests/probe/*.c))
CRASH_TESTS := $(patsubst tests/crash/%.c,$(B)/crash/%,$(wildcard tests/crash/*.c))
CRASH_RIG := $(patsubst tests/crash/rig/%.c,$(B)/crash/rig/%.o,$(wildcard tests/crash/rig/*.c))
ATTACKS := $(patsubst tests/attack/%.c,$(B)/attack/%,$(wildcard tests/attack/*.c))
# The attacker, which is static because it runs inside, and a launcher that falls for it.
ATTACK_KIT := $(patsubst tests/attack/kit/%.c,$(B)/attack/kit/%,$(wildcard tests/attack/kit/*.c))
# What tests/run runs each program with.
LEASH := $(B)/runner/leash
# What the machines of tests/vm need on this side.
VM := $(B)/vm/nbdcut $(B)/vm/nofsync.so
BENCH := $(patsubst tests/bench/%.c,$(B)/bench/%,$(wildcard tests/bench/*.c))

.PHONY: help all tests demo check unit sim host san fuzz bench layers format format-check tidy install uninstall dist clean deps
.DEFAULT_GOAL := all

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(firstword $(MAKEFILE_LIST)) | awk -F'\t' '{printf "  make %-13s %s\n", $$1, $$2}'
	@echo "  VARIANT=release|debug|san   what to build (now: $(VARIANT)); V=1 shows the commands; CI=1 makes warnings errors"

all: $(BUILT) $(PROBES) ## build the programs into build/$(VARIANT)/bin

tests: all $(UNIT_TESTS) $(SIM) $(HOST_TESTS) $(CRASH_TESTS) $(ATTACKS) $(ATTACK_KIT) $(FAKES) $(LEASH) $(VM) $(MAN) $(CATALOG) $(UNITS) $(SCHEMA) ## build the programs and the tests, run nothing

define compile_rule
$(1)/obj/%.o: src/%.c Makefile
	@mkdir -p $$(@D)
	@$$(if $$(V),,echo "  CC    $$<")
	$$(Q)$$(CC) $$(CPPFLAGS) $(2) -MMD -MP -c $$< -o $$@
endef
$(eval $(call compile_rule,$(B),$$(ALL_CFLAGS)))
$(if $(filter-out $(B),$(PLAIN)),$(eval $(call compile_rule,$(PLAIN),$$(call plain_flags,$$(ALL_CFLAGS)))))

define layer_rule
$(1)/lib/$(2).a: $(patsubst src/%.c,$(1)/obj/%.o,$(call sources,$(2)))
	@mkdir -p $$(@D)
	@rm -f $$@
	$(Q)$(AR) rcs $$@ $$^
endef
$(foreach tree,$(sort $(B) $(PLAIN)),$(foreach l,$(LAYERS),$(eval $(call layer_rule,$(tree),$(l)))))

# program_rule: name, tree of its objects, linker flags
define program_rule
$(B)/bin/$(1): $(2)/obj/$(main_$(1))/main.o $(foreach l,$(layers_$(1)),$(call archive,$(2),$(l)))
	@mkdir -p $$(@D)
	@$$(if $$(V),,echo "  LD    $$@")
	$(Q)$$(CC) $(3) $$^ $$(if $$(libs_$(1)),$$$$(pkg-config --libs $$(libs_$(1)))) -lm -o $$@
endef
$(foreach p,$(PROGRAMS),$(eval $(if $(static_$(p)),\
	$(call program_rule,$(p),$(PLAIN),$$(call plain_flags,$$(ALL_LDFLAGS)) -static),\
	$(call program_rule,$(p),$(B),$$(ALL_LDFLAGS)))))

# Tests link every layer, as a group because a test may need any of them; what it does not use is dropped.
define test_rule
$(B)/$(1)/%: tests/$(1)/%.c $(ARCHIVES)
	@mkdir -p $$(@D)
	@$$(if $$(V),,echo "  TEST  $$<")
	$(Q)$$(CC) $$(CPPFLAGS) -Isrc -Itests $$(ALL_CFLAGS) -MMD -MP -MF $$@.d $$(ALL_LDFLAGS) $$< -Wl,--start-group $(ARCHIVES) \
		-Wl,--end-group $$$$(pkg-config --libs cmocka $(pkgs)) -lm -o $$@
endef
$(foreach kind,unit host attack fuzz bench fake,$(eval $(call test_rule,$(kind))))

# Tests that kill share a rig.
$(B)/crash/rig/%.o: tests/crash/rig/%.c Makefile
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

$(B)/crash/%: tests/crash/%.c $(CRASH_RIG) $(ARCHIVES)
	@mkdir -p $(@D)
	@$(if $(V),,echo "  TEST  $<")
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -MF $@.d $(ALL_LDFLAGS) $< $(CRASH_RIG) -Wl,--start-group $(ARCHIVES) \
		-Wl,--end-group $$(pkg-config --libs $(pkgs)) -lm -o $@

# Its files stand before the archives, and so in front of what they replace.
$(SIM): $(wildcard tests/sim/*.c tests/sim/*.h) $(ARCHIVES)
	@mkdir -p $(@D)
	@$(if $(V),,echo "  TEST  tests/sim")
	$(Q)$(CC) $(CPPFLAGS) -Isrc $(ALL_CFLAGS) $(ALL_LDFLAGS) $(wildcard tests/sim/*.c) -Wl,--start-group $(ARCHIVES) \
		-Wl,--end-group $$(pkg-config --libs $(pkgs)) -lm -o $@

$(B)/probe/%: tests/probe/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -std=gnu17 -Wall -Wextra -O2 -static $< -o $@

# The linker's warning is of getpwnam(3): an image's libraries in a launcher's process are one of the attacks.
$(B)/attack/kit/%: tests/attack/kit/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) -D_GNU_SOURCE -std=gnu17 -Wall -Wextra -O2 -static -Wl,--no-warnings $< -o $@

$(LEASH): tests/runner/leash.c
	@mkdir -p $(@D)
	$(Q)$(CC) -D_GNU_SOURCE -std=gnu17 $(WARN) -O2 -static $< -o $@

$(B)/vm/nbdcut: tests/vm/nbdcut.c tests/vm/cutdisk.h
	@mkdir -p $(@D)
	$(Q)$(CC) -D_GNU_SOURCE -std=gnu17 $(WARN) -O2 $< -o $@

$(B)/vm/%.so: tests/vm/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu17 -O2 -shared -fPIC $< -o $@

-include $(shell find $(B) -name '*.d' 2>/dev/null)

# ---- checks. tests/run runs stages, each a set of programs that speak TAP; see its head.

JOBS ?= $(shell nproc)
RUN := CTRSUP_BIN=$(CURDIR)/$(B)/bin VARIANT=$(VARIANT) JOBS=$(JOBS) tests/run
at_once = $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(JOBS))

# The machines come first of those that run side by side: they take longest.
check: deps ## everything the machine allows, JOBS (one a CPU) at a time where they do not disturb each other: what CI runs
	+$(Q)$(MAKE) --no-print-directory $(at_once) tests
	+$(Q)$(MAKE) --no-print-directory $(at_once) VARIANT=san tests
	+$(Q)$(MAKE) --no-print-directory $(at_once) VARIANT=fuzz fuzzers
	$(Q)$(RUN) lint unit golden host attack crash vm sim san fuzz

unit: $(UNIT_TESTS) $(LEASH) ## the unit tests only; needs no root
	$(Q)$(RUN) unit

host: tests ## the host tests only; needs root
	$(Q)$(RUN) host

.PHONY: attack
attack: tests ## the attacks only, with the counts of `make check`; needs root
	$(Q)$(RUN) attack

.PHONY: crash
crash: tests ## the crash tests only, with the counts of `make check`; needs root
	$(Q)$(RUN) crash

sim: $(SIM) $(LEASH) ## random operations on the supervisor in a simulated host: SIM_OPS=N, SIM_SEED=N
	$(Q)$(RUN) sim

# What each part did is in its log; the counts may be given, as for the stages themselves.
.PHONY: soak
soak: tests $(SIM) ## the crash tests long: 10,000 kills, every point, 200 power cuts, 10,000 turns of each race, a million simulated operations; hours
	+$(Q)$(MAKE) --no-print-directory VARIANT=fuzz fuzzers
	$(Q)DRAW=$(or $(DRAW),anew) KILLS=$(or $(KILLS),10000) OPERATIONS=$(or $(OPERATIONS),20000) SWEEP_POINTS=$(or $(SWEEP_POINTS),0) CROWDS=$(or $(CROWDS),200) LOGGER_KILLS=$(or $(LOGGER_KILLS),2000) \
		KEEPER_KILLS=$(or $(KEEPER_KILLS),2000) VM_CUTS=$(or $(VM_CUTS),200) SIM_OPS=$(or $(SIM_OPS),1000000) \
		ATTACK_FLIPS=$(or $(ATTACK_FLIPS),10000) FUZZ_SECONDS=$(or $(FUZZ_SECONDS),3600) CRASH_LIMIT=$(or $(CRASH_LIMIT),86400) $(RUN) $(or $(SOAK_STAGES),crash attack sim vm fuzz); \
	rc=$$?; echo; echo "what it did:"; grep -H '^# [0-9].* \(kills\|points\|killed\|lines\|runs\|cuts\|operations\)' build/log/crash/* build/log/sim/* build/log/vm/* 2>/dev/null; exit $$rc

san: $(LEASH) ## the unit tests and the simulation under AddressSanitizer and UndefinedBehaviorSanitizer
	+$(Q)$(MAKE) --no-print-directory VARIANT=san tests
	$(Q)$(RUN) san

.PHONY: fuzzers
fuzzers: $(FUZZERS)
fuzz: $(LEASH) ## every fuzz target for FUZZ_SECONDS (60) in all
	+$(Q)$(MAKE) --no-print-directory VARIANT=fuzz fuzzers
	$(Q)$(RUN) fuzz

bench: all $(BENCH) ## times and memory as ratios to the floor and to other runtimes
	$(Q)export CTRSUP_BIN=$(CURDIR)/$(B)/bin BENCH_BIN=$(CURDIR)/$(B)/bench; tests/bench/run; tests/bench/adopt; tests/bench/loopers; tests/bench/noop; tests/bench/hogs

layers: ## fails on an include from a lower to a higher layer
	$(Q)tests/lint/layers

demo: deps ## install what is missing, build, run examples/hello.yaml, take it down
	+$(Q)$(MAKE) --no-print-directory all
	$(Q)CTRSUP_BIN=$(CURDIR)/$(B)/bin examples/demo

deps: ## install the Debian packages that are missing (needs root)
	$(Q)missing=$$(for p in $(PACKAGES); do \
		dpkg-query -W -f '$${db:Status-Status}\n' $$p 2>/dev/null | grep -qx installed || echo $$p; done); \
	[ -n "$$missing" ] || exit 0; \
	command -v apt-get >/dev/null || { echo "make deps: no apt-get here; install the equivalents of:" $$missing; exit 1; }; \
	[ $$(id -u) = 0 ] || { echo "make deps: run as root: apt-get install" $$missing; exit 1; }; \
	echo "  APT  " $$missing; export DEBIAN_FRONTEND=noninteractive; \
	apt-get -qq update || echo "make deps: the package lists could not be refreshed; trying with the old ones"; \
	apt-get -qq install -y --no-install-recommends $$missing >/dev/null || \
		{ echo "make deps: could not install:" $$missing "(is a Debian mirror within reach?)"; exit 1; }

# Headers are laid out by hand: their tables and one-line comments are meant to be read in columns.
SOURCES = $(wildcard src/*/*.c tests/*/*.c)

format: ## reformat the .c files that differ from main (all of them: ALL=1)
	$(Q)clang-format -i $(if $(ALL),$(SOURCES),$(filter $(SOURCES),$(shell git diff --name-only main)))

format-check: ## shows what clang-format would change
	$(Q)clang-format --dry-run $(SOURCES)

tidy: ## clang-tidy over src/
	$(Q)clang-tidy --quiet $(wildcard src/*/*.c) -- -std=gnu17 $(CPPFLAGS)

# ---- install. One table for install and uninstall: mode:from:to. systemd's folders are its own to tell.

systemd_dir = $(or $(shell pkg-config --variable=$(1) systemd 2>/dev/null),$(PREFIX)/lib/$(2))
UNITDIR = $(call systemd_dir,systemdsystemunitdir,systemd/system)
SYSUSERSDIR = $(call systemd_dir,sysusersdir,sysusers.d)
TMPFILESDIR = $(call systemd_dir,tmpfilesdir,tmpfiles.d)
CATALOGDIR = $(call systemd_dir,catalogdir,systemd/catalog)
MANDIR := $(PREFIX)/share/man
DATADIR := $(PREFIX)/share/ctrsup
where_ctrsup := $(PREFIX)/bin
where_ctrsupd := $(PREFIX)/sbin

EXAMPLES := $(shell find examples -type f 2>/dev/null)

INSTALL = $(foreach p,$(BUILT),0755:$(p):$(or $(where_$(notdir $(p))),$(PREFIX_LIBEXEC))/$(notdir $(p))) \
	$(foreach m,$(MAN),0644:$(m):$(MANDIR)/man$(subst .,,$(suffix $(m)))/$(notdir $(m))) \
	$(foreach u,$(UNITS),0644:$(u):$(UNITDIR)/$(notdir $(u))) \
	0644:units/sysusers.conf:$(SYSUSERSDIR)/ctrsup.conf 0644:units/tmpfiles.conf:$(TMPFILESDIR)/ctrsup.conf \
	0644:$(CATALOG):$(CATALOGDIR)/ctrsup.catalog \
	$(foreach e,$(EXAMPLES),$(if $(shell test -x $(e) && echo x),0755,0644):$(e):$(DATADIR)/$(e)) \
	$(if $(SCHEMA),0644:$(SCHEMA):$(DATADIR)/$(notdir $(SCHEMA)))

$(B)/units/%: units/% Makefile
	@mkdir -p $(@D)
	$(Q)sed -e 's|@bindir@|$(PREFIX)/bin|g' -e 's|@sbindir@|$(PREFIX)/sbin|g' -e 's|@libexecdir@|$(PREFIX_LIBEXEC)|g' $< > $@

$(B)/man/%: src/man/% Makefile
	@mkdir -p $(@D)
	$(Q)sed -e 's|@version@|$(VERSION)|g' -e 's|@date@|$(DATE)|g' -e 's|@sysconfdir@|$(SYSCONFDIR)|g' $< > $@

# ctrsup-stack(5) is what the field table says.
$(B)/man/ctrsup-stack.5: src/man/main.c $(foreach l,spec seccomp text calendar base,$(call archive,$(B),$(l)))
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS) $^ $$(pkg-config --libs yaml-0.1 jansson libconfig libseccomp) -lm -o $(B)/man/generate
	$(Q)$(B)/man/generate | sed '1s/""/"$(DATE)"/' > $@

$(B)/share/stack-v1.schema.json: $(B)/bin/ctrsup
	@mkdir -p $(@D)
	$(Q)$< schema > $@

# The message catalog is what the table of events says.
$(CATALOG): src/report/main.c $(foreach l,report plan state spec seccomp text calendar base,$(call archive,$(B),$(l)))
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS) $^ $$(pkg-config --libs yaml-0.1 jansson libconfig libsystemd libseccomp) -lm -o $(B)/share/generate-catalog
	$(Q)$(B)/share/generate-catalog > $@

install: all $(MAN) $(UNITS) $(SCHEMA) $(CATALOG) ## install below DESTDIR; an existing ctrsup.conf is kept
	$(Q)for f in $(INSTALL); do IFS=:; set -- $$f; install -D -m $$1 $$2 $(DESTDIR)$$3 || exit 1; done
	$(Q)install -d $(DESTDIR)$(SYSCONFDIR)/ctrsup/ctrsup.conf.d $(DESTDIR)$(SYSCONFDIR)/ctrsup/stacks.d
	$(Q)[ -e $(DESTDIR)$(SYSCONFDIR)/ctrsup/ctrsup.conf ] || \
		install -m 0644 units/ctrsup.conf $(DESTDIR)$(SYSCONFDIR)/ctrsup/ctrsup.conf

uninstall: ## remove what install put there; configuration and state stay
	$(Q)for f in $(INSTALL); do rm -f $(DESTDIR)$${f##*:}; done
	$(Q)cd $(DESTDIR)/ && rmdir --ignore-fail-on-non-empty -p $(patsubst /%,%,$(PREFIX_LIBEXEC) \
		$(sort $(dir $(patsubst %,$(DATADIR)/%,$(EXAMPLES))))) 2>/dev/null || true

dist: ## a source archive of the last commit in build/
	@mkdir -p build
	$(Q)git archive --prefix=ctrsup-$(VERSION)/ -o build/ctrsup-$(VERSION).tar.gz HEAD
	@echo build/ctrsup-$(VERSION).tar.gz

clean: ## remove what the build made
	$(Q)rm -rf build
