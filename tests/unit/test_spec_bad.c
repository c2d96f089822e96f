/* Wrong stack files and hostile ones. tests/bad/NAME.yaml is refused with exactly tests/bad/NAME.expect; `test_spec_bad --write`
 * writes those anew, to be read before they are committed. */
#include "spec_load.h"

#include <ctrsup/text/yaml.h>

#include <glob.h>
#include <sys/resource.h>
#include <time.h>

static const char folder[] = "tests/bad";
static bool write_expected;

static double now(void) {
        struct timespec ts;

        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
        return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void check_file(const char *path, bool seen[_DIAG_ID_MAX]) {
        _cleanup_free_ char *text = NULL, *expected = NULL;
        _cleanup_buf_ struct buf out = BUF_NULL;
        const char *name = strrchr(path, '/') + 1;
        char expect_path[512];
        size_t len = 0, expected_len = 0;

        assert_int_equal(slurp(path, &text, &len), 0);
        _cleanup_loaded_ struct loaded l = load_bytes(name, text, len);
        diag_print(&l.diags, NULL, &out);
        if (l.result != -EBADMSG)
                fail_msg("%s: result %d, expected a refusal", path, l.result);
        for (size_t i = 0; i < l.diags.n; i++)
                seen[l.diags.items[i].id] = true;

        (void)snprintf(expect_path, sizeof(expect_path), "%.*s.expect", (int)(strlen(path) - strlen(".yaml")), path);
        if (write_expected) {
                _cleanup_file_ FILE *f = fopen(expect_path, "we");

                assert_non_null(f);
                fputs(buf_text(&out), f);
                return;
        }
        if (slurp(expect_path, &expected, &expected_len) < 0)
                fail_msg("%s is missing", expect_path);
        if (strcmp(buf_text(&out), expected) != 0)
                fail_msg("%s:\n--- expected\n%s--- found\n%s", path, expected, buf_text(&out));
}

/* Every wrong file gives its message, to the letter, and together they raise every id that a stack file can raise today. */
static void wrong_files(void **state) {
        /* Those that need a running supervisor, a key that comes later, or a file too large to commit (too_large below). */
        static const enum diag_id elsewhere[] = { DIAG_BAD_CALENDAR, DIAG_BAD_FORMAT, DIAG_AMBIGUOUS_REF, DIAG_DIGEST_MISMATCH,
                                                  DIAG_INSECURE,     DIAG_IMMUTABLE,  DIAG_TOO_LARGE };
        bool seen[_DIAG_ID_MAX] = { false };
        glob_t files;

        (void)state;
        assert_int_equal(glob("tests/bad/*.yaml", 0, NULL, &files), 0);
        assert_true(files.gl_pathc >= 90);
        for (size_t i = 0; i < files.gl_pathc; i++)
                check_file(files.gl_pathv[i], seen);
        globfree(&files);
        for (size_t i = 0; i < ARRAY_SIZE(elsewhere); i++)
                seen[elsewhere[i]] = true;
        for (int id = 0; id < _DIAG_ID_MAX; id++)
                if (!seen[id])
                        fail_msg("no file in %s raises %s", folder, diag_id_name((enum diag_id)id));
}

/* ---- hostile ---- */

/* count times piece, between head and tail. */
static char *repeat(const char *head, const char *piece, size_t count, const char *tail) {
        struct buf out = BUF_NULL;

        buf_puts(&out, head);
        for (size_t i = 0; i < count; i++)
                buf_puts(&out, piece);
        buf_puts(&out, tail);
        char *text = buf_take(&out);
        assert_non_null(text);
        return text;
}

/* Sanitizers cost both. */
#if defined(__SANITIZE_ADDRESS__)
enum { SLOWER = 20, LARGER = 8 };
#else
enum { SLOWER = 1, LARGER = 1 };
#endif

/* Decided, one way or the other, in 200 ms of CPU; refused with id, when that is one. */
static void assert_decided(const char *what, const char *text, size_t len, int id) {
        double start = now();
        _cleanup_loaded_ struct loaded l = load_bytes("hostile.yaml", text, len);
        double seconds = now() - start;

        if (seconds > 0.2 * SLOWER)
                fail_msg("%s: took %.0f ms", what, seconds * 1000);
        if (getenv("TIMES"))
                print_message("%-32s %6.1f ms\n", what, seconds * 1000);
        if (id < 0)
                return;
        if (l.result != -EBADMSG)
                fail_msg("%s: result %d, expected a refusal", what, l.result);
        for (size_t i = 0; i < l.diags.n; i++)
                if ((int)l.diags.items[i].id == id)
                        return;
        fail_msg("%s: no complaint of kind %s, but \"%s\"", what, diag_id_name((enum diag_id)id), l.diags.items[0].message);
}

static void decided(const char *what, char *text, int id) {
        assert_decided(what, text, strlen(text), id);
        free(text);
}

enum { MIB = 1024 * 1024 };

/* Nesting: refused at level 33, whatever stands behind. */
static void deep(void **state) {
        static const char *const openers[] = { "[",  "{",    "{a: ",    "- ",  "? ",   "a:\n ",
                                               "[{", "&a [", "!!seq [", "{? ", "[[],", "? - " };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(openers); i++) {
                decided(openers[i], repeat("x-a: ", openers[i], (MIB - 16) / strlen(openers[i]), ""), -1);
                decided(openers[i], repeat("", openers[i], (MIB - 16) / strlen(openers[i]), "\n"), -1);
        }
        decided("flow", repeat("name: a\nx-a: ", "[", 500000, ""), DIAG_YAML_UNSAFE);
        _cleanup_buf_ struct buf stairs = BUF_NULL;
        for (int i = 0; i < 1400; i++)
                buf_printf(&stairs, "%*sa:\n", i, "");
        assert_decided("stairs", buf_text(&stairs), stairs.len, DIAG_YAML_UNSAFE);
}

/* A billion laughs, a quadratic blow-up, an alias within its own anchor. */
static void aliases(void **state) {
        _cleanup_buf_ struct buf laughs = BUF_NULL;

        (void)state;
        buf_puts(&laughs, "x-0: &a0 [lol,lol,lol,lol,lol,lol,lol,lol,lol,lol]\n");
        for (int i = 1; i < 20; i++)
                buf_printf(&laughs, "x-%d: &a%d [*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d]\n", i, i, i - 1, i - 1, i - 1,
                           i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
        assert_decided("billion laughs", buf_text(&laughs), laughs.len, DIAG_YAML_UNSAFE);
        decided("quadratic", repeat("x-a: &a [0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]\nx-b: [", "*a,", 300000, "]\n"),
                DIAG_YAML_UNSAFE);
        decided("aliases of a scalar", repeat("x-a: &a x\nx-b: [", "*a,", 300000, "]\n"), DIAG_YAML_UNSAFE);
        decided("cycle", repeat("x-a: &a [", "", 0, "*a]\n"), DIAG_YAML_UNSAFE);
        decided("merge of itself", repeat("x-a: &a {", "", 0, "<<: *a}\n"), DIAG_YAML_UNSAFE);
        decided("anchors", repeat("x-a: [", "&a 0,", 99990, "]\n"), DIAG_MISSING_KEY);
        decided("merges", repeat("x-a: &a {k: 1}\nx-b: {<<: [", "*a,", 33000, "]}\n"), -1);
        _cleanup_buf_ struct buf chain = BUF_NULL;
        buf_puts(&chain, "x-a: &a0 [0]\n");
        for (int i = 1; i < 40; i++)
                buf_printf(&chain, "x-%d: &a%d [*a%d]\n", i, i, i - 1);
        assert_decided("depth by aliases", buf_text(&chain), chain.len, DIAG_YAML_UNSAFE);
}

/* Wide ones: as many keys, items, characters as fit. */
static void wide(void **state) {
        _cleanup_buf_ struct buf keys = BUF_NULL, merged = BUF_NULL, variables = BUF_NULL;

        (void)state;
        buf_puts(&keys, WEB "    environment:\n");
        for (int i = 0; i < 49900; i++)
                buf_printf(&keys, "      K%d: v\n", i);
        assert_decided("50,000 variables", buf_text(&keys), keys.len, -1);

        buf_puts(&merged, "name: a\ndefaults:\n  environment:\n");
        for (int i = 0; i < 24000; i++)
                buf_printf(&merged, "    K%d: v\n", i);
        buf_puts(&merged, "containers:\n  web:\n    rootfs: {layers: [{dir: /a}]}\n    command: [b]\n    environment:\n");
        for (int i = 0; i < 24000; i++)
                buf_printf(&merged, "      K%d: w\n", i);
        assert_decided("defaults under as many", buf_text(&merged), merged.len, -1);

        buf_puts(&merged, "  db: {command: [b], rootfs: {layers: [{dir: /a}]}}\n");
        assert_decided("defaults beyond the cap", buf_text(&merged), merged.len, DIAG_YAML_UNSAFE);

        _cleanup_buf_ struct buf nulls = BUF_NULL;
        buf_puts(&nulls, "defaults:\n");
        for (int i = 0; i < 24000; i++)
                buf_printf(&nulls, "  k%d: {}\n", i);
        buf_puts(&nulls, "containers:\n  web:\n");
        for (int i = 0; i < 24000; i++)
                buf_printf(&nulls, "    q%d:\n", i);
        assert_decided("null keys", buf_text(&nulls), nulls.len, DIAG_UNKNOWN_KEY);

        buf_puts(&variables, WEB "    environment:\n");
        for (int i = 0; i < 30000; i++)
                buf_printf(&variables, "      K%d: \"${SET}${SET}\"\n", i);
        assert_decided("variables", buf_text(&variables), variables.len, -1);

        _cleanup_buf_ struct buf unset = BUF_NULL;
        buf_puts(&unset, WEB "    environment:\n");
        for (int i = 0; i < 40000; i++)
                buf_printf(&unset, "      K%d: ${NOT_SET}\n", i);
        assert_decided("unset variables", buf_text(&unset), unset.len, DIAG_UNSET_VARIABLE);

        decided("keys given twice", repeat("x-a: {", "a: 0,", 49000, "}\n"), DIAG_DUPLICATE_KEY);
        decided("unknown keys", repeat("", "a0: ~\nb1: ~\nc2: ~\n", 16000, ""), DIAG_DUPLICATE_KEY);
        decided("items", repeat("x-a: [", "0,", 500000, "]\n"), DIAG_YAML_UNSAFE);
        decided("empty items", repeat("x-a:\n", "-\n", 500000, ""), DIAG_YAML_UNSAFE);
        decided("containers", repeat("name: a\ncontainers: {", "", 0, "}\n"), DIAG_MISSING_KEY);
        decided("a long plain scalar", repeat("name: ", "a ", 500000, "\n"), DIAG_BAD_NAME);
        decided("a long quoted scalar", repeat("name: \"", "\\x41", 250000, "\"\n"), DIAG_BAD_NAME);
        decided("a long block scalar", repeat("name: |\n", " a\n", 340000, ""), DIAG_BAD_NAME);
        decided("a long key", repeat("? ", "k", 1000000, "\n: 1\n"), DIAG_UNKNOWN_KEY);
        decided("long key without :", repeat("", "k", 1000000, ": 1\n"), -1);
        decided("comments", repeat("", "# x\n", 250000, "name: a\n"), DIAG_MISSING_KEY);
        decided("blank lines", repeat("", "\n", 1000000, "name: a\n"), DIAG_MISSING_KEY);
        decided("quotes", repeat("x-a: [", "\"\",", 300000, "]\n"), DIAG_YAML_UNSAFE);
        decided("colons", repeat("", ": ", 500000, "\n"), -1);
        decided("commas", repeat("x-a: [", ",", 1000000, "]\n"), -1);
        decided("documents", repeat("", "---\n", 250000, ""), -1);
        decided("directives", repeat("", "%TAG !a! tag:a\n", 60000, "---\na: b\n"), -1);
        decided("dollar signs", repeat(WEB "    environment: {A: \"", "${", 400000, "\"}\n"), DIAG_BAD_VALUE);
}

/* References in a long chain and a long circle, as many containers as there may be. */
static void references(void **state) {
        _cleanup_buf_ struct buf chain = BUF_NULL;

        (void)state;
        buf_puts(&chain, "name: a\ndefaults: {rootfs: {layers: [{dir: /a}]}, command: [b]}\ncontainers:\n");
        for (int i = 0; i < 999; i++)
                buf_printf(&chain, "  c%d: {namespaces: {pid: \"container:c%d\", net: \"container:c%d\"}}\n", i, i + 1, i + 1);
        buf_puts(&chain, "  c999: {}\n");
        assert_decided("a chain", buf_text(&chain), chain.len, -1);
        chain.len -= strlen("{}\n");
        buf_puts(&chain, "{namespaces: {ipc: \"container:c0\"}}\n");
        assert_decided("a circle", buf_text(&chain), chain.len, DIAG_CYCLE);
        buf_puts(&chain, "  c1000: {}\n");
        assert_decided("one container more", buf_text(&chain), chain.len, DIAG_TOO_MANY);
}

/* A file of 1 MiB is read, of one byte more is not. */
static void too_large(void **state) {
        _cleanup_free_ char *text = repeat("name: a\n", "#", MIB, "");

        (void)state;
        assert_decided("1 MiB", text, MIB, DIAG_MISSING_KEY);
        assert_decided("1 MiB + 1", text, MIB + 1, DIAG_TOO_LARGE);
}

/* Not UTF-8, or not text. */
static void bytes(void **state) {
        static const struct {
                const char *text;
                size_t len;
        } cases[] = {
                { "name: a\0b\n", 10 },
                { "\xff\xfen\0a\0", 6 },
                { "\xfe\xff\0n\0a", 6 },
                { "n\0a\0m\0", 6 },
                { "\0n\0a", 4 },
                { "\xef\xbb\xbfname: a", 10 },
                { "name: \xc0\x80", 8 },
                { "name: \xed\xa0\x80", 9 },
                { "name: \xf4\x90\x80\x80", 10 },
                { "name: \xe2\x82", 8 },
                { "name: \x80", 7 },
                { "name: \x1b[31m", 11 },
                { "name: \xc2\x9b", 8 },
                { "name: a\xef\xbb\xbf", 10 },
                { "name: \x7f", 7 },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                char what[32];

                (void)snprintf(what, sizeof(what), "bytes %zu", i);
                assert_decided(what, cases[i].text, cases[i].len, DIAG_YAML_UNSAFE);
        }
}

/* Random changes to right files: never a crash, never slow, and an answer. */
static void mutated(void **state) {
        static const char characters[] = "{}[]:,-?&*!|>'\"%@`#\n\t ~<$ax0";
        unsigned seed = 4711;

        (void)state;
        for (int round = 0; round < 2000; round++) {
                char text[] = WEB "    environment: &e {A: \"${SET}\", B: 1.10}\n    limits: {memory: 512M, cpus: 1.5}\n"
                                  "    volumes: [{type: volume, source: d, target: /d}]\nvolumes: {d: {labels: {<<: *e}}}\n";

                for (int n = 0; n < 1 + round % 5; n++) {
                        seed = seed * 1103515245 + 12345;
                        text[(seed >> 8) % (sizeof(text) - 1)] = characters[(seed >> 20) % (sizeof(characters) - 1)];
                }
                _cleanup_loaded_ struct loaded l = load_bytes("mutated.yaml", text, strlen(text));
                assert_true(l.result == 0 || l.result == -EBADMSG);
                assert_int_equal(l.result == 0, diag_errors(&l.diags) == 0);
        }
}

/* All of the above stayed below 64 MiB. */
static void memory(void **state) {
        struct rusage usage;

        (void)state;
        assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
        if (getenv("TIMES"))
                print_message("peak %ld KiB\n", usage.ru_maxrss);
        assert_true(usage.ru_maxrss < 64L * 1024 * LARGER);
}

int main(int argc, char **argv) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(wrong_files), cmocka_unit_test(deep),       cmocka_unit_test(aliases),
                cmocka_unit_test(wide),        cmocka_unit_test(references), cmocka_unit_test(bytes),
                cmocka_unit_test(too_large),   cmocka_unit_test(mutated),    cmocka_unit_test(memory),
        };

        write_expected = argc > 1 && strcmp(argv[1], "--write") == 0;
        return cmocka_run_group_tests(tests, NULL, NULL);
}
