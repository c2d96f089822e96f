#include "unit.h"

#include <ctrsup/text/json.h>
#include <ctrsup/text/render.h>
#include <ctrsup/text/yaml.h>

struct read {
        struct arena *arena;
        struct diag_list diags;
        struct node *root;
        int result;
};

static struct read read_json(const char *text, const char *marks) {
        struct read r = { .arena = arena_new() };
        json_t *value = json_loads(text, JSON_DECODE_ANY, NULL),
               *places = marks ? json_loads(marks, JSON_DECODE_ANY, NULL) : NULL;

        assert_non_null(value);
        assert_int_equal(diag_list_init(&r.diags, "f"), 0);
        r.result = json_to_nodes(value, places, r.arena, &r.diags, &r.root);
        json_decref(value);
        json_decref(places);
        return r;
}

static void read_done(struct read *r) {
        diag_list_done(&r->diags);
        arena_free(r->arena);
}
#define _cleanup_read_ _cleanup_(read_done)

/* Strings stand in quotes, all else is bare: the types of a field table see what they would see in a file. */
static void kinds(void **state) {
        _cleanup_read_ struct read r =
                read_json("{\"s\":\"1\",\"i\":-5,\"r\":1.5,\"t\":true,\"f\":false,\"n\":null,\"l\":[1,\"a\"],\"o\":{}}", NULL);

        (void)state;
        assert_int_equal(r.result, 0);
        assert_false(node_is_bare(node_get(r.arena, r.root, "s")));
        assert_string_equal(node_get(r.arena, r.root, "i")->text, "-5");
        assert_true(node_is_bare(node_get(r.arena, r.root, "i")));
        assert_string_equal(node_get(r.arena, r.root, "r")->text, "1.5");
        assert_string_equal(node_get(r.arena, r.root, "t")->text, "true");
        assert_string_equal(node_get(r.arena, r.root, "f")->text, "false");
        assert_true(node_is_null(node_get(r.arena, r.root, "n")));
        assert_int_equal(node_get(r.arena, r.root, "l")->n, 2);
        assert_int_equal(node_get(r.arena, r.root, "o")->kind, NODE_MAPPING);
}

/* Thousandths come through a double exactly. */
static void decimals(void **state) {
        (void)state;
        for (int i = 0; i < 100000; i += 7) {
                char text[32], expected[32];

                (void)snprintf(text, sizeof(text), "[%d.%03d]", i / 1000, i % 1000);
                (void)snprintf(expected, sizeof(expected), "%d.%03d", i / 1000, i % 1000);
                for (size_t len = strlen(expected); expected[len - 1] == '0' || expected[len - 1] == '.'; len--) {
                        bool dot = expected[len - 1] == '.';

                        expected[len - 1] = '\0';
                        if (dot)
                                break;
                }
                _cleanup_read_ struct read r = read_json(text, NULL);
                assert_string_equal(r.root->entries[0].value->text, expected);
        }
}

/* Marks are found by path, for keys and list items; wrong ones are no marks. */
static void marks(void **state) {
        _cleanup_read_ struct read r = read_json("{\"a\":{\"b\":[1,2]},\"c\":1}",
                                                 "{\"a\":[1,2,3,4],\"a.b[1]\":[5,6,7,8],\"c\":[-1,\"x\",null,4294967296]}");

        (void)state;
        assert_int_equal(r.root->entries[0].key->mark.line, 1);
        assert_int_equal(r.root->entries[0].key->mark.end_column, 4);
        const struct node *b = r.root->entries[0].value->entries[0].value;
        assert_int_equal(b->mark.line, 0);
        assert_int_equal(b->entries[1].value->mark.column, 6);
        assert_int_equal(r.root->entries[1].value->mark.line, 0);
        assert_int_equal(r.root->entries[1].value->mark.end_column, 0);
}

/* As they are written now: one text a place. */
static void marks_as_text(void **state) {
        _cleanup_read_ struct read r = read_json("{\"a\":1,\"b\":1,\"c\":1,\"d\":1}",
                                                 "{\"a\":\"1,2,3,4\",\"b\":\"5,-1,7\",\"c\":\"\",\"d\":\"4294967296,2,99999999999999999999,x\"}");
        static const struct mark expected[] = { { 1, 2, 3, 4 }, { 5, 0, 0, 0 }, { 0, 0, 0, 0 }, { 0, 2, 0, 0 } };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
                assert_memory_equal(&r.root->entries[i].value->mark, &expected[i], sizeof(struct mark));
}

/* YAML -> JSON and marks -> nodes: the same tree, at the same places. */
static void round_trip(void **state) {
        static const char text[] = "a: {b: [x, \"y\"], c: }\nd: 5\ne:\n  - {f: \"true\"}\n";
        _cleanup_arena_ struct arena *a = arena_new();
        _cleanup_buf_ struct buf before = BUF_NULL, after = BUF_NULL;
        struct diag_list diags;
        struct node *one, *two;

        (void)state;
        assert_int_equal(diag_list_init(&diags, "f"), 0);
        assert_int_equal(yaml_read(text, strlen(text), a, &diags, &one), 0);
        json_t *value = json_from_nodes(one), *places = json_marks(one);
        assert_int_equal(json_to_nodes(value, places, a, &diags, &two), 0);
        render_flow(one, &before);
        render_flow(two, &after);
        assert_string_equal(buf_text(&before), buf_text(&after));
        /* a scalar is marked at the value, a mapping or list at its key */
        const struct node *f = two->entries[2].value->entries[0].value->entries[0].value;
        assert_int_equal(f->mark.line, 4);
        assert_int_equal(f->mark.column, 9);
        assert_int_equal(two->entries[2].key->mark.line, 3);
        json_decref(value);
        json_decref(places);
        diag_list_done(&diags);
}

/* Bare in JSON is only what was read as a number or a boolean. */
static void literals(void **state) {
        _cleanup_arena_ struct arena *a = arena_new();
        static const struct {
                const char *text, *json;
        } cases[] = { { "5", "5" },       { "-5", "-5" },       { "1.5", "1.5" },
                      { "true", "true" }, { "false", "false" }, { "odd", "\"odd\"" } };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct node *n = node_scalar(a, cases[i].text, NODE_LITERAL, MARK_NULL);
                json_t *value = json_from_nodes(n);
                _cleanup_free_ char *shown = json_dumps(value, JSON_ENCODE_ANY);

                assert_string_equal(shown, cases[i].json);
                json_decref(value);
        }
}

/* The caps are those of YAML. */
static void caps(void **state) {
        _cleanup_buf_ struct buf deep = BUF_NULL, wide = BUF_NULL;

        (void)state;
        for (int i = 0; i < YAML_MAX_DEPTH + 1; i++)
                buf_putc(&deep, '[');
        for (int i = 0; i < YAML_MAX_DEPTH + 1; i++)
                buf_putc(&deep, ']');
        buf_puts(&wide, "[0");
        for (int i = 0; i < YAML_MAX_NODES; i++)
                buf_puts(&wide, ",0");
        buf_putc(&wide, ']');
        _cleanup_read_ struct read d = read_json(buf_text(&deep), NULL), w = read_json(buf_text(&wide), NULL);
        assert_int_equal(d.result, -EBADMSG);
        assert_int_equal(w.result, -EBADMSG);
        assert_int_equal(w.diags.items[0].id, DIAG_YAML_UNSAFE);
}

unit_main(cmocka_unit_test(kinds), cmocka_unit_test(decimals), cmocka_unit_test(marks), cmocka_unit_test(marks_as_text), cmocka_unit_test(round_trip),
          cmocka_unit_test(literals), cmocka_unit_test(caps));
