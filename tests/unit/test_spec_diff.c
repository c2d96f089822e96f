#include "spec_load.h"

#define HEAD \
        "name: shop\ndefaults: {rootfs: {layers: [{dir: /srv/rootfs}]}, command: [/bin/true]}\ncontainers:\n  web:\n    x-any: 1\n"

struct expected {
        const char *path, *old_text, *new_text;
        enum change_class change;
};

static void assert_text(const char *a, const char *b) {
        assert_string_equal(a ? a : "(none)", b ? b : "(none)");
}

/* `old` and `new`: keys of the container web, in block style. */
static void assert_changes(const char *old, const char *new, const struct expected *expected, size_t n) {
        _cleanup_arena_ struct arena *a = arena_new();
        struct spec_changes changes;
        char before[2048], after[2048];

        (void)snprintf(before, sizeof(before), HEAD "%s", old);
        (void)snprintf(after, sizeof(after), HEAD "%s", new);
        _cleanup_loaded_ struct loaded x = load_good(before), y = load_good(after);
        assert_int_equal(spec_diff_container(a, web_of(&x), web_of(&y), &changes), 0);
        for (size_t i = 0; i < n && i < changes.n; i++) {
                assert_string_equal(changes.items[i].path, expected[i].path);
                assert_text(changes.items[i].old_text, expected[i].old_text);
                assert_text(changes.items[i].new_text, expected[i].new_text);
                assert_int_equal(changes.items[i].change, expected[i].change);
                assert_non_null(changes.items[i].field);
        }
        assert_int_equal(changes.n, n);
}

#define assert_diff(old, new, ...)                                        \
        do {                                                              \
                const struct expected expected[] = { __VA_ARGS__ };       \
                assert_changes(old, new, expected, ARRAY_SIZE(expected)); \
        } while (0)

/* What means the same is no change, however it is written: units, defaults spelt out, order of keys. */
static void same(void **state) {
        (void)state;
        assert_changes("    limits: {memory: 1024M, cpus: 1.50}\n", "    limits:\n      cpus: 1.5\n      memory: 1G\n", NULL, 0);
        assert_changes(
                "",
                "    restart: always\n    shm_size: 65536K\n    user: '0:0'\n    init: false\n    stop_grace_period: 10s\n    labels: {}\n",
                NULL, 0);
        assert_changes("    environment: {A: b, C: d}\n", "    environment: {C: d, A: b}\n", NULL, 0);
        assert_changes("    hostname: x # comment\n", "    hostname: 'x'\n    x-other: 1\n", NULL, 0);
}

/* Scalars: old and new as a file has them, what was not there has none, and each with its own class. */
static void scalars(void **state) {
        (void)state;
        assert_diff("    limits: {memory: 512M}\n", "    limits: {memory: 1G}\n", { "limits.memory", "512M", "1G", CHANGE_LIVE });
        assert_diff("", "    hostname: web\n", { "hostname", NULL, "web", CHANGE_REPLACE });
        assert_diff("    restart: \"no\"\n", "", { "restart", "\"no\"", "always", CHANGE_META });
        assert_diff("", "    limits: {cpus: 1.5, pids: max}\n    stop_signal: SIGINT\n",
                    { "limits.cpus", "max", "1.5", CHANGE_LIVE }, { "limits.pids", "2048", "max", CHANGE_LIVE },
                    { "stop_signal", "SIGTERM", "SIGINT", CHANGE_META });
        assert_diff("", "    rootfs: {layers: [{dir: /srv/rootfs}], mode: read-only}\n",
                    { "rootfs.mode", "ephemeral", "read-only", CHANGE_REPLACE });
        assert_diff("    healthcheck: {http: {port: 80}}\n", "    healthcheck: {tcp: {port: 81}, interval: 10s}\n",
                    { "healthcheck.http.port", "80", NULL, CHANGE_META }, { "healthcheck.tcp.port", NULL, "81", CHANGE_META },
                    { "healthcheck.interval", "30s", "10s", CHANGE_META });
        assert_diff("    healthcheck: {exec: [a]}\n", "", { "healthcheck.exec", "[a]", "[]", CHANGE_META });
        assert_diff("", "    readiness: {type: started, timeout: 5m}\n", { "readiness.type", NULL, "started", CHANGE_REPLACE },
                    { "readiness.timeout", "1m30s", "5m", CHANGE_META });
}

/* Maps of text: by key. */
static void pairs(void **state) {
        (void)state;
        assert_diff("    environment: {A: 1, B: 2, C: 3}\n", "    environment: {B: 5, C: 3, D: x}\n",
                    { "environment.A", "1", NULL, CHANGE_REPLACE }, { "environment.B", "2", "5", CHANGE_REPLACE },
                    { "environment.D", NULL, "x", CHANGE_REPLACE });
        assert_diff("    labels: {A: 1}\n", "    labels: {A: 2}\n", { "labels.A", "1", "2", CHANGE_META });
}

/* Lists: by place; one more or less is the whole item. */
#define MEMLOCK "memlock: {soft: 8388608, hard: 8388608}"

static void lists(void **state) {
        (void)state;
        assert_diff("    volumes: [{type: tmpfs, target: /a}, {type: tmpfs, target: /b}]\n",
                    "    volumes: [{type: tmpfs, target: /c}]\n", { "volumes[0].target", "/a", "/c", CHANGE_REPLACE },
                    { "volumes[1]", "{type: tmpfs, target: /b}", NULL, CHANGE_REPLACE });
        assert_diff("    command: [a, b]\n    rootfs: {layers: [{dir: /a}]}\n",
                    "    command: [a, 'b c', '5']\n    rootfs: {layers: [{dir: /a}, {dir: /b}]}\n",
                    { "command", "[a, b]", "[a, b c, \"5\"]", CHANGE_REPLACE },
                    { "rootfs.layers[1]", NULL, "{dir: /b}", CHANGE_REPLACE });
        assert_diff("    ulimits: {nofile: {soft: 1, hard: 2}}\n", "    ulimits: {nofile: {soft: 1, hard: infinity}}\n",
                    { "ulimits", "{nofile: {soft: 1, hard: 2}, core: {soft: 0, hard: 0}, " MEMLOCK "}",
                      "{nofile: {soft: 1, hard: infinity}, core: {soft: 0, hard: 0}, " MEMLOCK "}", CHANGE_REPLACE });
}

/* A stack's own keys, volumes by name; the containers are not among them. The strongest class speaks for all. */
static void stacks(void **state) {
        static const char old[] = "name: a\ndescription: x\nvolumes: {v: {mode: 0700}, w: }\n",
                          new[] = "name: b\nvolumes: {v: {mode: 0750, name: other}, z: {external: true}}\n";
        static const struct expected expected[] = {
                { "name", "a", "b", CHANGE_IMMUTABLE },
                { "description", "x", NULL, CHANGE_META },
                { "volumes.v.name", "a_v", "other", CHANGE_IMMUTABLE },
                { "volumes.v.mode", "\"0700\"", "\"0750\"", CHANGE_META },
                { "volumes.w", "{name: a_w}", NULL, CHANGE_META },
                { "volumes.z", NULL, "{external: true, name: b_z}", CHANGE_META },
        };
        _cleanup_arena_ struct arena *a = arena_new();
        struct spec_changes changes, none = { 0 };
        char before[1024], after[1024];

        (void)state;
        (void)snprintf(before, sizeof(before), "%scontainers: {web: {command: [x], rootfs: {layers: [{dir: /a}]}}}\n", old);
        (void)snprintf(after, sizeof(after), "%scontainers: {db: {command: [y], rootfs: {layers: [{dir: /b}]}}}\n", new);
        _cleanup_loaded_ struct loaded x = load_good(before), y = load_good(after);
        assert_int_equal(spec_diff_stack(a, x.stack.spec, y.stack.spec, &changes), 0);
        assert_int_equal(changes.n, ARRAY_SIZE(expected));
        for (size_t i = 0; i < changes.n; i++) {
                assert_string_equal(changes.items[i].path, expected[i].path);
                assert_text(changes.items[i].old_text, expected[i].old_text);
                assert_text(changes.items[i].new_text, expected[i].new_text);
                assert_int_equal(changes.items[i].change, expected[i].change);
        }
        assert_int_equal(spec_changes_class(&changes), CHANGE_IMMUTABLE);
        assert_int_equal(spec_changes_class(&none), CHANGE_META);
}

unit_main(cmocka_unit_test(same), cmocka_unit_test(scalars), cmocka_unit_test(pairs), cmocka_unit_test(lists),
          cmocka_unit_test(stacks));
