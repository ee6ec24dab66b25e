# sockcat: one C file, libc only. The work is done by cc -o sockcat sockcat.c.

CFLAGS ?= -O2
WARNINGS = -Wall -Wextra -Wpedantic -Wshadow -Wconversion
PREFIX ?= /usr/local
BINDIR = $(DESTDIR)$(PREFIX)/bin
SHAREDIR = $(DESTDIR)$(PREFIX)/share
MANDIR = $(SHAREDIR)/man/man1
BASHDIR = $(SHAREDIR)/bash-completion/completions
ZSHDIR = $(SHAREDIR)/zsh/site-functions
FISHDIR = $(SHAREDIR)/fish/vendor_completions.d

COMPILE = $(CC) -std=c11 $(CPPFLAGS) $(CFLAGS) $(WARNINGS)
SAN = -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all
CLANG = clang -std=c11 $(CPPFLAGS) $(WARNINGS)
MEMORY_SAN = -g -O1 -fsanitize=memory -fsanitize-memory-track-origins

# What protects the program, as far as the compiler and its linker know it: each
# is tried, after those that they know, on an empty one.  HARDEN= is without.
HARDEN = -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 \
	-fPIE -pie -Wl,-z,relro -Wl,-z,now

all: sockcat

sockcat: sockcat.c build/hardened
	$(COMPILE) $$(cat build/hardened) $(LDFLAGS) -o $@ sockcat.c

build/hardened:
	@mkdir -p build
	@printf '#include <stdio.h>\nint main(void) { return 0; }\n' \
		>build/empty.c
	@known=; for flag in $(HARDEN); do \
		if $(CC) $(CPPFLAGS) $(CFLAGS) -Werror -Wl,--fatal-warnings \
			$$known $$flag $(LDFLAGS) -o build/empty build/empty.c 2>/dev/null; \
		then known="$$known $$flag"; fi; \
	done; echo $$known >$@

# One binary that needs nothing but the kernel, made for size.
STATIC = -static -s -Os -fno-asynchronous-unwind-tables -Wl,-z,noseparate-code

static: build/sockcat-static

build/sockcat-static: sockcat.c
	@command -v musl-gcc >/dev/null || { \
		echo 'make static needs musl-gcc: apt-get install musl-tools' >&2; \
		exit 1; }
	@mkdir -p build
	musl-gcc -std=c11 $(CPPFLAGS) $(CFLAGS) $(WARNINGS) $(LDFLAGS) \
		$(STATIC) -o $@ sockcat.c

# The program prints the completions: where it was built for another system, RUN
# says how it can be run all the same (RUN=qemu-aarch64).
install: sockcat
	install -d -m 755 "$(BINDIR)" "$(MANDIR)" "$(BASHDIR)" "$(ZSHDIR)" \
		"$(FISHDIR)"
	install -m 755 sockcat "$(BINDIR)/sockcat"
	install -m 644 sockcat.1 "$(MANDIR)/sockcat.1"
	$(RUN) ./sockcat --completion bash >"$(BASHDIR)/sockcat"
	$(RUN) ./sockcat --completion zsh >"$(ZSHDIR)/_sockcat"
	$(RUN) ./sockcat --completion fish >"$(FISHDIR)/sockcat.fish"
	chmod 644 "$(BASHDIR)/sockcat" "$(ZSHDIR)/_sockcat" \
		"$(FISHDIR)/sockcat.fish"

uninstall:
	rm -f "$(BINDIR)/sockcat" "$(MANDIR)/sockcat.1" "$(BASHDIR)/sockcat" \
		"$(ZSHDIR)/_sockcat" "$(FISHDIR)/sockcat.fish"

# A tarball of the tree, under the version that sockcat.c names.
DIST = .ci .clang-format .gitignore .shellcheckrc LICENSE Makefile README.md \
	sockcat.1 sockcat.c test

dist:
	version=$$(sed -n 's/^#define VERSION "\(.*\)"/\1/p' sockcat.c) && \
	name=sockcat-$$version && \
	rm -rf build/$$name && mkdir -p build/$$name && \
	cp -R $(DIST) build/$$name && \
	tar -C build -czf build/$$name.tar.gz $$name && \
	rm -rf build/$$name

clean:
	rm -rf sockcat build

# --- tests ---------------------------------------------------------------

HELPERS = build/peer build/pty build/unit build/forbidden.so build/fault.so \
	build/replay

build/peer: test/peers/peer.c
	@mkdir -p build
	$(COMPILE) -o $@ test/peers/peer.c

build/pty: test/peers/pty.c
	@mkdir -p build
	$(COMPILE) -o $@ test/peers/pty.c

build/forbidden.so: test/peers/forbidden.c
	@mkdir -p build
	$(COMPILE) -shared -fPIC -o $@ test/peers/forbidden.c

build/fault.so: test/faults/fault.c
	@mkdir -p build
	$(COMPILE) -shared -fPIC -o $@ test/faults/fault.c

build/unit: test/unit/unit.c sockcat.c
	@mkdir -p build
	$(COMPILE) -o $@ test/unit/unit.c

# The fuzzers' inputs once more, in one program: each fuzzer is one file.
FUZZERS = $(filter-out %/replay.c %/shim.c,$(wildcard test/fuzz/*.c))
REPLAY = test/fuzz/replay.c $(FUZZERS) test/fuzz/fuzz.h test/fuzz/reply.h

build/replay: $(REPLAY) sockcat.c
	@mkdir -p build
	$(COMPILE) $(FUZZERS:%=-include %) -o $@ test/fuzz/replay.c

build/sockcat-portable: sockcat.c
	@mkdir -p build
	$(COMPILE) -DSOCKCAT_PORTABLE -o $@ sockcat.c

bats:
	@command -v bats >/dev/null || { \
		echo 'make check needs bats: apt-get install bats' >&2; exit 1; }

check: bats sockcat $(HELPERS)
	test/run

# The same tests against builds with sanitizers (check-san, check-clang-san and
# check-msan),
define SANITIZED
build/sockcat-$(1): sockcat.c
	@mkdir -p build
	$(2) -o $$@ sockcat.c

build/unit-$(1): test/unit/unit.c sockcat.c
	@mkdir -p build
	$(2) -o $$@ test/unit/unit.c

build/replay-$(1): $(REPLAY) sockcat.c
	@mkdir -p build
	$(2) $(FUZZERS:%=-include %) -o $$@ test/fuzz/replay.c

check-$(1): bats build/sockcat-$(1) build/unit-$(1) build/replay-$(1) $(HELPERS)
	ASAN_OPTIONS=detect_stack_use_after_return=1 \
		SOCKCAT=$$$$PWD/build/sockcat-$(1) UNIT=build/unit-$(1) \
		REPLAY=build/replay-$(1) test/run
endef
$(eval $(call SANITIZED,san,$(COMPILE) $(SAN)))
$(eval $(call SANITIZED,clang-san,$(CLANG) $(SAN)))
$(eval $(call SANITIZED,msan,$(CLANG) $(MEMORY_SAN)))

# one that uses nothing that only Linux has, and the static one.
check-portable: bats build/sockcat-portable $(HELPERS)
	SOCKCAT=$$PWD/build/sockcat-portable test/run

check-static: bats build/sockcat-static $(HELPERS)
	SOCKCAT=$$PWD/build/sockcat-static test/run

# under valgrind, which also counts descriptors, and counting what is covered.
check-valgrind: bats $(HELPERS)
	test/valgrind

coverage: bats $(HELPERS)
	test/coverage/run

# Other systems and processors, by way of other compilers and emulators,
check-cross: bats sockcat $(HELPERS)
	test/cross/run

# other netcats, and servers and clients of all kinds,
check-interop: bats sockcat $(HELPERS)
	test/run test/interop/*.bats

# and what takes hours.
soak: sockcat build/peer
	test/soak/run

# Calls fail, one after the other; FAULTS=short is a fifth of it.  What only
# strace can do is done with the static build.
check-faults: sockcat build/peer build/fault.so
	@if command -v musl-gcc >/dev/null; then $(MAKE) static; fi
	test/faults/run

# What other netcats make of the same faults, as a table.
compare-faults: sockcat build/peer build/fault.so
	test/faults/compare

# What can be said of the sources in seconds, and in minutes.
lint:
	test/lint

analyze:
	ANALYZE=1 test/lint

# More of them: with libFuzzer the parsers, with AFL++ the whole program.
fuzz:
	test/fuzz/run

fuzz-afl:
	test/fuzz/afl

build/load: test/bench/load.c
	@mkdir -p build
	$(COMPILE) -o $@ test/bench/load.c

bench: sockcat build/load
	@if command -v musl-gcc >/dev/null; then $(MAKE) static; fi
	test/bench/run

.PHONY: all static install uninstall dist clean bats check check-san \
	check-portable check-static check-cross check-interop check-faults \
	check-clang-san check-msan check-valgrind coverage analyze \
	compare-faults soak lint fuzz fuzz-afl bench
