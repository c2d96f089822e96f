#include "unit.h"

#include <ctrsup/text/render.h>
#include <ctrsup/text/yaml.h>

struct read {
        struct arena *arena;
        struct diag_list diags;
        struct node *root;
        int result;
};

static struct read read_text(const char *text) {
        struct read r = { .arena = arena_new() };

        assert_non_null(r.arena);
        assert_int_equal(diag_list_init(&r.diags, "f"), 0);
        r.result = yaml_read(text, strlen(text), r.arena, &r.diags, &r.root);
        return r;
}

static void read_done(struct read *r) {
        diag_list_done(&r->diags);
        arena_free(r->arena);
}
#define _cleanup_read_ _cleanup_(read_done)

/* text reads as the flow form. */
static void assert_reads(const char *text, const char *flow) {
        _cleanup_read_ struct read r = read_text(text);
        _cleanup_buf_ struct buf out = BUF_NULL;

        if (r.result != 0 || r.diags.n > 0)
                fail_msg("%s: %s", text, r.diags.n ? r.diags.items[0].message : "failed");
        render_flow(r.root, &out);
        assert_string_equal(buf_text(&out), flow);
}

static void assert_mark(struct mark m, uint32_t line, uint32_t column, uint32_t end_line, uint32_t end_column) {
        assert_int_equal(m.line, line);
        assert_int_equal(m.column, column);
        assert_int_equal(m.end_line, end_line);
        assert_int_equal(m.end_column, end_column);
}

/* Mappings, lists and scalars in every style come out as the same tree; JSON is YAML. */
static void styles(void **state) {
        (void)state;
        assert_reads("a: 1\nb:\n  - x\n  - {c: d}\n", "{a: \"1\", b: [x, {c: d}]}");
        assert_reads("{\"a\": 1, \"b\": [\"x\", {\"c\": null}], \"e\": {}, \"f\": []}",
                     "{a: \"1\", b: [x, {c: null}], e: {}, f: []}");
        assert_reads("a: |\n  x\n  y\nb: >\n  x\n  y\n", "{a: \"x\\ny\\n\", b: \"x y\\n\"}");
        assert_reads("a: 'it''s'\nb: \"t\\tb\"\n", "{a: it's, b: \"t\\tb\"}");
        assert_reads("%YAML 1.1\n---\na: b\n...\n", "{a: b}");
        assert_reads("", "null");
        assert_reads("# only this\n", "null");
}

/* The text stays as it is written; only what stands without quotes can be null. */
static void text_as_written(void **state) {
        _cleanup_read_ struct read r = read_text("{v: 1.10, y: yes, o: 0755, n: , t: ~, q: \"~\", e: \"\", s: '1', w: null}");

        (void)state;
        assert_int_equal(r.result, 0);
        assert_string_equal(node_get(r.arena, r.root, "v")->text, "1.10");
        assert_string_equal(node_get(r.arena, r.root, "y")->text, "yes");
        assert_string_equal(node_get(r.arena, r.root, "o")->text, "0755");
        assert_true(node_is_null(node_get(r.arena, r.root, "n")));
        assert_true(node_is_null(node_get(r.arena, r.root, "t")));
        assert_true(node_is_null(node_get(r.arena, r.root, "w")));
        assert_false(node_is_null(node_get(r.arena, r.root, "q")));
        assert_false(node_is_null(node_get(r.arena, r.root, "e")));
        assert_true(node_is_bare(node_get(r.arena, r.root, "v")));
        assert_false(node_is_bare(node_get(r.arena, r.root, "s")));
        assert_null(node_get(r.arena, r.root, "nothing"));
}

/* Lines and columns count from 1, columns count characters, the end is behind the last one. */
static void marks(void **state) {
        _cleanup_read_ struct read r = read_text("a: grün\nüü: [x, \"yy\"]\nc:\n  d: e\n");

        (void)state;
        assert_int_equal(r.result, 0);
        assert_mark(r.root->entries[0].key->mark, 1, 1, 1, 2);
        assert_mark(r.root->entries[0].value->mark, 1, 4, 1, 8);
        assert_mark(r.root->entries[1].key->mark, 2, 1, 2, 3);
        assert_mark(r.root->entries[1].value->entries[1].value->mark, 2, 9, 2, 13);
        assert_mark(r.root->entries[2].value->entries[0].value->mark, 4, 6, 4, 7);
}

/* An alias is a copy: what is changed at one place is not changed at the other. */
static void aliases(void **state) {
        _cleanup_read_ struct read r = read_text("a: &x {k: v}\nb: *x\n");

        (void)state;
        assert_int_equal(r.result, 0);
        r.root->entries[0].value->entries[0].value->text = "changed";
        assert_string_equal(r.root->entries[1].value->entries[0].value->text, "v");
        assert_mark(r.root->entries[1].value->entries[0].value->mark, 1, 11, 1, 12);
        assert_reads("a: &x 1\nb: &x 2\nc: *x\n", "{a: \"1\", b: \"2\", c: \"2\"}");
}

/* "<<": own keys win wherever they stand, the earlier mapping of a list wins, a quoted "<<" is a key. */
static void merges(void **state) {
        (void)state;
        assert_reads("x: &x {a: 1, b: 2}\nw: {b: 3, <<: *x}\nz: {<<: *x, b: 3}\n",
                     "{x: {a: \"1\", b: \"2\"}, w: {b: \"3\", a: \"1\"}, z: {b: \"3\", a: \"1\"}}");
        assert_reads("{<<: [{a: 1}, {a: 2, b: 2}], c: 3}", "{c: \"3\", a: \"1\", b: \"2\"}");
        assert_reads("{<<: {a: 1}, <<: {b: 2}}", "{a: \"1\", b: \"2\"}");
        assert_reads("{<<: {a: {b: 1}}, a: {c: 2}}", "{a: {c: \"2\"}}");
        assert_reads("{\"<<\": 1}", "{\"<<\": \"1\"}");
}

/* A key given twice: each time a complaint with the first place, and the first value stays. */
static void duplicates(void **state) {
        _cleanup_read_ struct read r = read_text("a: 1\nb: {c: 1,\n  c: 2, c: 3}\n'a': 2\n");

        (void)state;
        assert_int_equal(r.result, 0);
        assert_int_equal(diag_errors(&r.diags), 3);
        assert_string_equal(r.diags.items[0].path, "b.c");
        assert_mark(r.diags.items[0].mark, 3, 3, 3, 4);
        assert_mark(r.diags.items[0].note_mark, 2, 5, 2, 6);
        assert_mark(r.diags.items[1].note_mark, 2, 5, 2, 6);
        assert_string_equal(r.diags.items[2].path, "a");
        assert_string_equal(node_get(r.arena, r.root, "a")->text, "1");
}

/* A tab between tokens is refused where it stands; inside a value and in a comment it is text. */
static void tabs(void **state) {
        static const struct {
                const char *text;
                uint32_t line, column;
        } bad[] = { { "a:\tb\n", 1, 3 },
                    { "a:\n\tb: c\n", 2, 1 },
                    { "a: [b,\n\tc]\n", 2, 1 },
                    { "ü: b\t\n", 1, 5 },
                    { "a: b\t# c\n", 1, 5 } };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                _cleanup_read_ struct read r = read_text(bad[i].text);

                assert_int_equal(r.result, -EBADMSG);
                assert_int_equal(r.diags.items[0].id, DIAG_YAML_SYNTAX);
                assert_int_equal(r.diags.items[0].mark.line, bad[i].line);
                assert_int_equal(r.diags.items[0].mark.column, bad[i].column);
        }
        assert_reads("a: \"b\tc\" # d\te\nf: |\n  g\th\n", "{a: \"b\\tc\", f: \"g\\th\\n\"}");
}

/* Level 32 is read, level 33 is not, and the same for 100,000 values. */
static void caps(void **state) {
        char text[80];

        (void)state;
        for (size_t depth = YAML_MAX_DEPTH; depth <= YAML_MAX_DEPTH + 1; depth++) {
                memset(text, '[', depth);
                memset(text + depth, ']', depth);
                text[2 * depth] = '\0';
                _cleanup_read_ struct read r = read_text(text);
                assert_int_equal(r.result, depth == YAML_MAX_DEPTH ? 0 : -EBADMSG);
        }
        for (size_t more = 0; more < 2; more++) {
                _cleanup_buf_ struct buf list = BUF_NULL;

                buf_putc(&list, '[');
                for (size_t i = 0; i < YAML_MAX_NODES - 1 + more; i++)
                        buf_puts(&list, "0,");
                buf_putc(&list, ']');
                _cleanup_read_ struct read r = read_text(buf_text(&list));
                assert_int_equal(r.result, more ? -EBADMSG : 0);
                if (!more)
                        assert_int_equal(node_count(r.root), YAML_MAX_NODES);
        }
}

/* Large mappings find their keys through an index, small ones without; both find what was added later. */
static void finding(void **state) {
        _cleanup_arena_ struct arena *a = arena_new();
        struct node *n = node_new(a, NODE_MAPPING, MARK_NULL);

        (void)state;
        for (int i = 0; i < 40; i++) {
                char *key = arena_printf(a, "k%d", i);

                assert_null(node_get(a, n, key));
                assert_int_equal(node_add(a, n, node_scalar(a, key, 0, MARK_NULL), node_scalar(a, key, 0, MARK_NULL)), 0);
                assert_string_equal(node_get(a, n, key)->text, key);
                assert_string_equal(node_get(a, n, "k0")->text, "k0");
        }
        node_remove(n, 20);
        assert_null(node_get(a, n, "k20"));
        assert_string_equal(node_get(a, n, "k39")->text, "k39");
        assert_null(node_get(a, NULL, "k1"));
}

unit_main(cmocka_unit_test(styles), cmocka_unit_test(text_as_written), cmocka_unit_test(marks), cmocka_unit_test(aliases),
          cmocka_unit_test(merges), cmocka_unit_test(duplicates), cmocka_unit_test(tabs), cmocka_unit_test(caps),
          cmocka_unit_test(finding));
