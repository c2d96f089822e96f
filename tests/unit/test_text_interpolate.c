#include "unit.h"

#include <ctrsup/text/interpolate.h>
#include <ctrsup/text/render.h>
#include <ctrsup/text/yaml.h>

static const char *lookup(void *userdata, const char *name) {
        assert_string_equal(userdata, "mine");
        return strcmp(name, "A") == 0   ? "apple"
               : strcmp(name, "E") == 0 ? ""
               : strcmp(name, "N") == 0 ? "5"
               : strcmp(name, "D") == 0 ? "${A}"
                                        : NULL;
}

static struct node *interpolated(struct arena *a, struct diag_list *diags, const char *text) {
        struct node *root;

        assert_int_equal(diag_list_init(diags, "f"), 0);
        assert_int_equal(yaml_read(text, strlen(text), a, diags, &root), 0);
        assert_int_equal(interpolate_nodes(root, a, diags, lookup, (void *)(uintptr_t) "mine"), 0);
        return root;
}

static void assert_becomes(const char *text, const char *expected) {
        _cleanup_arena_ struct arena *a = arena_new();
        _cleanup_buf_ struct buf out = BUF_NULL;
        struct diag_list diags;

        render_flow(interpolated(a, &diags, text), &out);
        if (diags.n > 0)
                fail_msg("%s: %s", text, diags.items[0].message);
        assert_string_equal(buf_text(&out), expected);
        diag_list_done(&diags);
}

/* Only "${" is special, only in values, and what comes out is not looked at again. */
static void values(void **state) {
        (void)state;
        assert_becomes("[\"${A}\", \"x${A}y${A}z\", $A, $HOME, \"$${A}\", \"$$ $\", \"$$${A}\"]",
                       "[apple, xappleyapplez, $A, $HOME, \"${A}\", $$ $, \"$${A}\"]");
        assert_becomes("[\"${X:-d}\", \"${E:-d}\", \"${A:-d}\", \"${X:-}\", \"${E}\", \"${X:-a b:c-?}\"]",
                       "[d, d, apple, \"\", \"\", a b:c-?]");
        assert_becomes("[\"${A:?m}\", \"${D}\"]", "[apple, \"${A}\"]");
        assert_becomes("{\"${A}\": {k: \"${A}\"}}", "{\"${A}\": {k: apple}}");
}

/* What a variable brings may be a number though the braces needed quotes; nothing at all is empty text, not null. */
static void kinds(void **state) {
        _cleanup_arena_ struct arena *a = arena_new();
        struct diag_list diags;
        struct node *n = interpolated(a, &diags, "n: \"${N}\"\ne: \"${E}\"\nz: \"${X:-~}\"\np: ${E}\nq: \"$${N}\"\n");

        (void)state;
        assert_true(node_is_bare(node_get(a, n, "n")));
        assert_false(node_is_null(node_get(a, n, "e")));
        assert_false(node_is_null(node_get(a, n, "z")));
        assert_false(node_is_null(node_get(a, n, "p")));
        assert_false(node_is_bare(node_get(a, n, "q")));
        diag_list_done(&diags);
}

/* Each variable that is not there is a complaint with its path; the value is passed over from then on. */
static void unset(void **state) {
        _cleanup_arena_ struct arena *a = arena_new();
        struct diag_list diags;
        struct node *n = interpolated(
                a, &diags, "{a: [x, \"${X}\"], b: \"${E:?say it}\", c: \"${}\", d: \"${A\", e: \"${A?b}\", f: \"${A:-${A}}\"}");

        (void)state;
        assert_int_equal(diag_errors(&diags), 6);
        assert_int_equal(diags.items[0].id, DIAG_UNSET_VARIABLE);
        assert_string_equal(diags.items[0].path, "a[1]");
        assert_int_equal(diags.items[0].mark.column, 9);
        assert_string_equal(diags.items[1].message, "variable \"E\" is empty");
        assert_string_equal(diags.items[1].hint, "say it");
        for (size_t i = 2; i < 6; i++)
                assert_int_equal(diags.items[i].id, DIAG_BAD_VALUE);
        assert_true(node_get(a, n, "b")->flags & NODE_UNKNOWN);
        diag_list_done(&diags);
}

unit_main(cmocka_unit_test(values), cmocka_unit_test(kinds), cmocka_unit_test(unset));
