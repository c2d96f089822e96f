#include "unit.h"

#include <ctrsup/text/render.h>
#include <ctrsup/text/yaml.h>

static struct node *read_text(struct arena *a, const char *text) {
        struct diag_list diags;
        struct node *root = NULL;

        assert_int_equal(diag_list_init(&diags, "f"), 0);
        int r = yaml_read(text, strlen(text), a, &diags, &root);
        if (r != 0)
                fail_msg("%s\n%s", diags.items[0].message, text);
        diag_list_done(&diags);
        return root;
}

static bool same(const struct node *a, const struct node *b) {
        if (a->kind != b->kind || a->n != b->n ||
            (a->kind == NODE_SCALAR && (strcmp(a->text, b->text) != 0 || node_is_null(a) != node_is_null(b))))
                return a->kind == NODE_SCALAR && b->kind == NODE_SCALAR && node_is_null(a) && node_is_null(b);
        for (uint32_t i = 0; i < a->n; i++)
                if ((a->entries[i].key && strcmp(a->entries[i].key->text, b->entries[i].key->text) != 0) ||
                    !same(a->entries[i].value, b->entries[i].value))
                        return false;
        return true;
}

/* Texts that are easily something else in YAML read back as themselves, as value and as key, in block and in flow style. */
static void scalars_read_back(void **state) {
        static const char *const texts[] = {
                "",
                " ",
                "a",
                "a b",
                " a",
                "a ",
                "a:",
                "a: b",
                "a :b",
                "a:?b", /* flow style: an error to libyaml */
                "a #b",
                "a#b",
                "#a",
                "- a",
                "-a",
                "-",
                "--",
                "---",
                "...",
                "? a",
                "?a",
                ":a",
                ":",
                ",a",
                "a,b",
                "[a",
                "a]",
                "{a",
                "a}",
                "&a",
                "*a",
                "!a",
                "|",
                ">",
                "'",
                "\"",
                "%a",
                "@a",
                "`a",
                "~",
                "null",
                "Null",
                "true",
                "no",
                "ON",
                "y",
                "1",
                "-1",
                "1.5",
                "1e3",
                "0x1f",
                "0o7",
                "12:30",
                "0755",
                "1_000",
                ".5",
                ".inf",
                "=",
                "<<",
                "a\nb",
                "\n",
                "a\tb",
                "\ta",
                "a\\b",
                "a\"b",
                "ünï",
                "\xe2\x80\xa8",
                "\x1b[31m",
                "\xc2\x85",
                "\x7f",
                "\xf0\x9f\x90\xb3",
                "daemon off;",
                "while :; do x; done",
                "a,",
                "C:\\x",
                "2024-01-01",
                "x: {y}",
                "${A:-b}",
                "$HOME",
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                _cleanup_arena_ struct arena *a = arena_new();
                struct node *list = node_new(a, NODE_SEQUENCE, MARK_NULL), *map = node_new(a, NODE_MAPPING, MARK_NULL);
                _cleanup_buf_ struct buf block = BUF_NULL, flow = BUF_NULL;

                node_add(a, list, NULL, node_scalar(a, texts[i], NODE_QUOTED, MARK_NULL));
                node_add(a, map, node_scalar(a, texts[i], NODE_QUOTED, MARK_NULL), list);
                render_yaml(map, &block);
                render_flow(map, &flow);
                if (!same(map, read_text(a, buf_text(&block))) || !same(map, read_text(a, buf_text(&flow))))
                        fail_msg("\"%s\" does not read back from %s", texts[i], buf_text(&block));
        }
}

/* Block style: two columns a level, short lists of scalars in one line, items of lists of mappings below each other. */
static void block_style(void **state) {
        _cleanup_arena_ struct arena *a = arena_new();
        _cleanup_buf_ struct buf out = BUF_NULL;

        (void)state;
        render_yaml(read_text(a, "{a: {b: [x, 'y z', 5], c: {}, d: []}, e: [{f: g, h: {i: j}}, [k, [l]]], m: , o: ~}"), &out);
        assert_string_equal(buf_text(&out), "a:\n"
                                            "  b: [x, y z, \"5\"]\n"
                                            "  c: {}\n"
                                            "  d: []\n"
                                            "e:\n"
                                            "  - f: g\n"
                                            "    h:\n"
                                            "      i: j\n"
                                            "  - - k\n"
                                            "    - [l]\n"
                                            "m: null\n"
                                            "o: null\n");
}

/* A list too long for one line stands one item a line. */
static void long_lists(void **state) {
        _cleanup_arena_ struct arena *a = arena_new();
        _cleanup_buf_ struct buf out = BUF_NULL;
        char text[160] = "{a: [";

        (void)state;
        memset(text + 5, 'x', 101);
        strcpy(text + 106, ", z]}");
        render_yaml(read_text(a, text), &out);
        assert_non_null(strstr(buf_text(&out), "a:\n  - xxx"));
        assert_non_null(strstr(buf_text(&out), "\n  - z\n"));
}

/* In a message: what a terminal would act on is shown, long text is cut between characters. */
static void quoted_for_people(void **state) {
        _cleanup_buf_ struct buf out = BUF_NULL;
        char text[203] = "";

        (void)state;
        render_quoted("a\x1b[31m\n\xc2\x9b\xff\"b\"", &out);
        assert_string_equal(buf_text(&out), "\"a\\x1b[31m\\n\\xc2\\x9b\\xff\"b\"\"");
        for (int i = 0; i < 100; i++)
                strcat(text, "ü");
        buf_reset(&out);
        render_quoted(text, &out);
        assert_int_equal(out.len, 2 + 60 + 3);
        assert_memory_equal(out.data + out.len - 6, "ü...\"", 6);
}

unit_main(cmocka_unit_test(scalars_read_back), cmocka_unit_test(block_style), cmocka_unit_test(long_lists),
          cmocka_unit_test(quoted_for_people));
