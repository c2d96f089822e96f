/* Hooks and reload as a file declares them. What is refused: tests/bad/hooks, tests/bad/reload. */
#include "spec_load.h"

#include <ctrsup/spec/diff.h>

#include <signal.h>

static const struct spec_container *load_web(struct loaded *l, const char *keys) {
        char text[2048];

        (void)snprintf(text, sizeof(text), WEB "%s", keys);
        *l = load_good(text);
        return web_of(l);
}

/* A signal or a command; without the key there is no way to reload. */
static void reload(void **state) {
        _cleanup_loaded_ struct loaded none = { 0 }, signal = { 0 }, exec = { 0 };
        const struct spec_container *c = load_web(&none, "");

        (void)state;
        assert_int_equal(c->reload.signal, 0);
        assert_int_equal(c->reload.exec.n, 0);
        c = load_web(&signal, "    reload: {signal: SIGHUP}\n");
        assert_int_equal(c->reload.signal, SIGHUP);
        c = load_web(&exec, "    reload: {exec: [nginx, -s, reload]}\n");
        assert_int_equal(c->reload.signal, 0);
        assert_string_equal(c->reload.exec.items[2], "reload");
}

/* A change of it is the supervisor's own affair, and told as one. */
static void reload_changes(void **state) {
        _cleanup_loaded_ struct loaded none = { 0 }, signal = { 0 };
        const struct spec_container *a = load_web(&none, ""), *b = load_web(&signal, "    reload: {signal: SIGHUP}\n");
        struct spec_changes changes;

        (void)state;
        assert_int_equal(spec_diff_container(signal.stack.spec->arena, a, b, &changes), 0);
        assert_int_equal(changes.n, 1);
        assert_string_equal(changes.items[0].path, "reload.signal");
        assert_null(changes.items[0].old_text);
        assert_string_equal(changes.items[0].new_text, "SIGHUP");
        assert_int_equal(spec_changes_class(&changes), CHANGE_META);
        assert_int_equal(spec_diff_container(signal.stack.spec->arena, a, a, &changes), 0);
        assert_int_equal(changes.n, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(reload), cmocka_unit_test(reload_changes) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
