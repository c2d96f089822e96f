/* Hooks and reload as a file declares them. What is refused: tests/bad/hooks, tests/bad/reload. */
#include "spec_load.h"

#include <ctrsup/base/num.h>
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

/* In order; what one does not say is the container's. */
static void hooks(void **state) {
        _cleanup_loaded_ struct loaded l = { 0 };
        const struct spec_container *c = load_web(&l, "    post_start: [{command: [a, b]}, {command: [c], user: \"7\", working_dir: /tmp, "
                                                      "environment: {A: b}, timeout: 5s}]\n    pre_stop: [{command: [d]}]\n");
        const struct spec_hooks *after = &c->hooks[HOOK_POST_START];

        (void)state;
        assert_int_equal(after->n, 2);
        assert_string_equal(after->items[0].command.items[1], "b");
        assert_null(after->items[0].user);
        assert_null(after->items[0].working_dir);
        assert_int_equal(after->items[0].environment.n, 0);
        assert_int_equal(after->items[0].timeout_usec, 30 * USEC_PER_SEC);
        assert_string_equal(after->items[1].user, "7");
        assert_string_equal(after->items[1].working_dir, "/tmp");
        assert_string_equal(after->items[1].environment.items[0].value, "b");
        assert_int_equal(after->items[1].timeout_usec, 5 * USEC_PER_SEC);
        assert_int_equal(c->hooks[HOOK_PRE_STOP].n, 1);
        assert_int_equal(c->hooks[HOOK_PRE_START].n + c->hooks[HOOK_POST_STOP].n + c->hooks[HOOK_NONE].n, 0);
        assert_string_equal(spec_hook_name(HOOK_PRE_STOP), "pre_stop");
        assert_int_equal(spec_hook_value("post_start"), HOOK_POST_START);
}

static void hook_changes(void **state) {
        _cleanup_loaded_ struct loaded one = { 0 }, other = { 0 };
        const struct spec_container *a = load_web(&one, "    pre_stop: [{command: [a]}]\n"),
                                    *b = load_web(&other, "    pre_stop: [{command: [a], timeout: 1s}, {command: [b]}]\n");
        struct spec_changes changes;

        (void)state;
        assert_int_equal(spec_diff_container(other.stack.spec->arena, a, b, &changes), 0);
        assert_int_equal(changes.n, 2);
        assert_string_equal(changes.items[0].path, "pre_stop[0].timeout");
        assert_string_equal(changes.items[1].path, "pre_stop[1]");
        assert_string_equal(changes.items[1].new_text, "{command: [b]}");
        assert_int_equal(spec_changes_class(&changes), CHANGE_META);
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(reload), cmocka_unit_test(reload_changes), cmocka_unit_test(hooks),
                                            cmocka_unit_test(hook_changes) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
