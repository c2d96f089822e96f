/* The engine with a table of its own: a garden. */
#include "unit.h"

#include <ctrsup/base/num.h>
#include <ctrsup/text/render.h>
#include <ctrsup/text/schema.h>
#include <ctrsup/text/yaml.h>

enum season { SPRING, SUMMER, WINTER };
static const char *const seasons[] = { "spring", "summer", "winter" };

struct bed {
        const char *name, *plant;
        uint64_t width;
};

struct garden {
        const char *owner, *shed, *gate;
        bool open;
        int64_t trees;
        uint64_t area, rest;
        int64_t shift;
        mode_t mode;
        enum season season;
        struct bed *beds, *pots;
        size_t n_beds, n_pots;
        bool finished;
};

static void bed_short_form(const struct node *item, struct buf *hint) {
        if (item->kind == NODE_SCALAR)
                buf_printf(hint, "write {plant: %s}", item->text);
}

static const struct field bed_fields[] = {
        { .key = "plant",
          .type = &type_string,
          .at = offsetof(struct bed, plant),
          .flags = FIELD_REQUIRED,
          .doc = "what grows",
          .example = "rose" },
        { .key = "width", .type = &type_size, .at = offsetof(struct bed, width), .preset = "1K", .doc = "how wide" },
};
static const struct table bed_table = { .noun = "bed",
                                        .fields = bed_fields,
                                        .n_fields = ARRAY_SIZE(bed_fields),
                                        .size = sizeof(struct bed),
                                        .key_at = offsetof(struct bed, name) + 1,
                                        .short_form = bed_short_form };

static const struct field times_fields[] = {
        { .key = "rest",
          .type = &type_duration,
          .at = offsetof(struct garden, rest),
          .flags = FIELD_INFINITE,
          .preset = "1h",
          .doc = "pause" },
        { .key = "shift",
          .type = &type_duration,
          .at = offsetof(struct garden, shift),
          .flags = FIELD_SIGNED,
          .preset = "0s",
          .doc = "shift" },
};
static const struct table times_table = { .fields = times_fields, .n_fields = ARRAY_SIZE(times_fields) };

static void garden_finish(struct walk *w, const struct node_entry *entry, void *at) {
        (void)w;
        assert_non_null(entry->value);
        ((struct garden *)at)->finished = true;
}

static const struct field garden_fields[] = {
        { .key = "owner", .type = &type_string, .at = offsetof(struct garden, owner), .preset = "nobody", .doc = "whose" },
        { .key = "open", .type = &type_bool, .at = offsetof(struct garden, open), .preset = "true", .doc = "may one come in" },
        { .key = "trees",
          .type = &type_int,
          .at = offsetof(struct garden, trees),
          .min = -5,
          .max = 10,
          .preset = "2",
          .doc = "how many" },
        { .key = "area",
          .type = &type_size,
          .at = offsetof(struct garden, area),
          .flags = FIELD_MAX,
          .min = 1024,
          .preset = "max",
          .doc = "how large" },
        { .key = "mode",
          .type = &type_mode,
          .at = offsetof(struct garden, mode),
          .max = 0777,
          .preset = "0750",
          .doc = "who may" },
        { .key = "season",
          .type = &type_enum,
          .at = offsetof(struct garden, season),
          .words = seasons,
          .n_words = 3,
          .preset = "summer",
          .doc = "when" },
        { .key = "shed", .type = &type_host_path, .at = offsetof(struct garden, shed), .doc = "where" },
        { .key = "gate", .type = &type_abs_path, .at = offsetof(struct garden, gate), .preset = "/gate", .doc = "way in" },
        { .key = "times", .type = &type_group, .sub = &times_table, .doc = "times" },
        { .key = "beds",
          .type = &type_map,
          .sub = &bed_table,
          .at = offsetof(struct garden, beds),
          .n_at = offsetof(struct garden, n_beds),
          .doc = "beds" },
        { .key = "pots",
          .type = &type_list,
          .sub = &bed_table,
          .at = offsetof(struct garden, pots),
          .n_at = offsetof(struct garden, n_pots),
          .max = 2,
          .doc = "pots" },
        { .key = "pond", .type = &type_string, .flags = FIELD_LATER, .doc = "water" },
};
static const struct table garden_table = { .noun = "garden",
                                           .fields = garden_fields,
                                           .n_fields = ARRAY_SIZE(garden_fields),
                                           .size = sizeof(struct garden),
                                           .finish = garden_finish };

struct visit {
        struct arena *arena;
        struct diag_list diags;
        struct garden garden;
        struct node *root;
};

static struct visit visit_text(const char *text) {
        struct visit v = { .arena = arena_new() };

        assert_int_equal(diag_list_init(&v.diags, "f"), 0);
        assert_int_equal(yaml_read(text, strlen(text), v.arena, &v.diags, &v.root), 0);
        struct walk w = { .arena = v.arena, .nodes = v.arena, .diags = &v.diags, .base_dir = "/base" };
        schema_read(&w, &garden_table, &(struct node_entry){ NULL, v.root }, &v.garden);
        return v;
}

static void visit_done(struct visit *v) {
        diag_list_done(&v->diags);
        arena_free(v->arena);
}
#define _cleanup_visit_ _cleanup_(visit_done)

/* Without keys every field has its default, and finish was called. */
static void defaults(void **state) {
        _cleanup_visit_ struct visit v = visit_text("{}");

        (void)state;
        assert_int_equal(v.diags.n, 0);
        assert_string_equal(v.garden.owner, "nobody");
        assert_true(v.garden.open);
        assert_int_equal(v.garden.trees, 2);
        assert_true(v.garden.area == SIZE_INFINITY);
        assert_int_equal(v.garden.mode, 0750);
        assert_int_equal(v.garden.season, SUMMER);
        assert_null(v.garden.shed);
        assert_string_equal(v.garden.gate, "/gate");
        assert_int_equal(v.garden.rest, 3600 * USEC_PER_SEC);
        assert_int_equal(v.garden.n_beds, 0);
        assert_true(v.garden.finished);
}

/* Each type reads its values; relative host paths become absolute in the struct and in the nodes. */
static void values(void **state) {
        _cleanup_visit_ struct visit v = visit_text(
                "{owner: 1.10, open: false, trees: -5, area: 4K, mode: 0700, season: winter, shed: ./a/../b//c/, gate: //x/./y/,"
                " times: {rest: infinity, shift: -1m30s}, beds: {b1: {plant: yes}, b2: {plant: x, width: 2M}}, pots: [{plant: p}], x-any: 1}");

        (void)state;
        assert_int_equal(v.diags.n, 0);
        assert_string_equal(v.garden.owner, "1.10");
        assert_false(v.garden.open);
        assert_int_equal(v.garden.trees, -5);
        assert_int_equal(v.garden.area, 4096);
        assert_int_equal(v.garden.mode, 0700);
        assert_int_equal(v.garden.season, WINTER);
        assert_string_equal(v.garden.shed, "/base/a/../b/c");
        assert_string_equal(node_get(v.arena, v.root, "shed")->text, "/base/a/../b/c");
        assert_string_equal(v.garden.gate, "/x/y");
        assert_true(v.garden.rest == USEC_INFINITY);
        assert_true(v.garden.shift == -90 * (int64_t)USEC_PER_SEC);
        assert_int_equal(v.garden.n_beds, 2);
        assert_string_equal(v.garden.beds[1].name, "b2");
        assert_string_equal(v.garden.beds[0].plant, "yes");
        assert_int_equal(v.garden.beds[0].width, 1024);
        assert_int_equal(v.garden.beds[1].width, 2 << 20);
        assert_null(v.garden.pots[0].name);
        /* what was a number or a boolean is bare in JSON */
        assert_true(node_get(v.arena, v.root, "trees")->flags & NODE_LITERAL);
        assert_true(node_get(v.arena, v.root, "open")->flags & NODE_LITERAL);
        assert_false(node_get(v.arena, v.root, "owner")->flags & NODE_LITERAL);
}

/* Each kind of wrong value has its complaint, its hint and its place, and leaves the default. */
static void complaints(void **state) {
        static const struct {
                const char *text;
                enum diag_id id;
                const char *path, *message, *hint;
        } cases[] = {
                { "owner: [a]", DIAG_WRONG_TYPE, "owner", "expected text, found a list", NULL },
                { "owner: ", DIAG_WRONG_TYPE, "owner", "expected text, found nothing", NULL },
                { "ownr: a", DIAG_UNKNOWN_KEY, "ownr", "unknown key", "did you mean \"owner\"?" },
                { "pond: a", DIAG_UNSUPPORTED, "pond", "not supported yet", NULL },
                { "open: on", DIAG_WRONG_TYPE, "open", "expected true or false, found \"on\"", "write true" },
                { "open: No", DIAG_WRONG_TYPE, "open", "expected true or false, found \"No\"", "write false" },
                { "open: 'true'", DIAG_WRONG_TYPE, "open", "expected true or false, found \"true\"",
                  "write true, without quotes" },
                { "open: maybe", DIAG_WRONG_TYPE, "open", "expected true or false, found \"maybe\"", NULL },
                { "trees: 11", DIAG_OUT_OF_RANGE, "trees", "11 is out of range, expected a whole number from -5 to 10", NULL },
                { "trees: 99999999999999999999", DIAG_OUT_OF_RANGE, "trees",
                  "99999999999999999999 is out of range, expected a whole number from -5 to 10", NULL },
                { "trees: 010", DIAG_WRONG_TYPE, "trees", "expected a whole number from -5 to 10, found \"010\"", NULL },
                { "trees: 1.5", DIAG_WRONG_TYPE, "trees", "expected a whole number from -5 to 10, found \"1.5\"", NULL },
                { "trees: '1'", DIAG_WRONG_TYPE, "trees", "expected a whole number from -5 to 10, found the text \"1\"",
                  "remove the quotes" },
                { "area: 1MB", DIAG_BAD_SIZE, "area", "\"1MB\" is not a size", "write 1M (K, M, G, T; 1M = 1048576 bytes)" },
                { "area: 2.5 gib", DIAG_BAD_SIZE, "area", "\"2.5 gib\" is not a size",
                  "write 2560M (K, M, G, T; 1M = 1048576 bytes)" },
                { "area: none", DIAG_BAD_SIZE, "area", "\"none\" is not a size", "write max for no limit" },
                { "area: 1", DIAG_TOO_SMALL, "area", "1 is too small, the least is 1K", NULL },
                { "area: 20000000P", DIAG_OUT_OF_RANGE, "area", "20000000P is more than any machine has", NULL },
                { "mode: 750", DIAG_BAD_MODE, "mode", "\"750\" is not a file mode", "write \"0750\"" },
                { "mode: 488", DIAG_BAD_MODE, "mode", "\"488\" is not a file mode", "write \"0750\" (488 is that in decimal)" },
                { "mode: 0o750", DIAG_BAD_MODE, "mode", "\"0o750\" is not a file mode", "write \"0750\"" },
                { "mode: rwx", DIAG_BAD_MODE, "mode", "\"rwx\" is not a file mode", "write four octal digits, such as \"0755\"" },
                { "mode: '1755'", DIAG_BAD_MODE, "mode", "\"1755\" is out of range, expected \"0000\" to \"0777\"", NULL },
                { "season: sumer", DIAG_BAD_VALUE, "season", "expected one of spring, summer, winter, found \"sumer\"",
                  "did you mean \"summer\"?" },
                { "shed: ~/x", DIAG_BAD_VALUE, "shed", "\"~/x\": ~ is not expanded", "write ${HOME}/x" },
                { "gate: x", DIAG_BAD_VALUE, "gate", "\"x\" is not absolute", "write /x" },
                { "gate: /a/..", DIAG_BAD_VALUE, "gate", "\"/a/..\" has a \"..\" in it", NULL },
                { "times: 5", DIAG_WRONG_TYPE, "times", "expected a mapping, found a string", NULL },
                { "times: {rest: 90}", DIAG_BAD_DURATION, "times.rest", "90 has no unit", "write 90s or 1m30s" },
                { "times: {rest: 1 hour}", DIAG_BAD_DURATION, "times.rest", "\"1 hour\" is not a duration", "write 1h" },
                { "times: {rest: -1s}", DIAG_BAD_DURATION, "times.rest", "\"-1s\" is not a duration",
                  "write numbers with w, d, h, m, s, ms or us, the largest first, such as 1m30s" },
                { "times: {rest: forever}", DIAG_BAD_DURATION, "times.rest", "\"forever\" is not a duration",
                  "write numbers with w, d, h, m, s, ms or us, the largest first, such as 1m30s" },
                { "times: {shift: infinity}", DIAG_BAD_DURATION, "times.shift", "\"infinity\" is not a duration",
                  "this one needs a limit" },
                { "beds: [a]", DIAG_WRONG_TYPE, "beds", "expected a mapping, found a list", NULL },
                { "beds: {b: }", DIAG_MISSING_KEY, "beds.b", "missing key \"plant\"", "write plant: rose" },
                { "pots: {a: b}", DIAG_WRONG_TYPE, "pots", "expected a list, found a mapping", NULL },
                { "pots: [rose]", DIAG_WRONG_TYPE, "pots[0]", "expected a mapping, found the short form \"rose\"",
                  "write {plant: rose}" },
                { "pots: [{plant: a}, {}]", DIAG_MISSING_KEY, "pots[1]", "missing key \"plant\"", "write plant: rose" },
                { "pots: [{plant: a}, {plant: b}, {plant: c}]", DIAG_TOO_MANY, "pots", "3 items, more than the 2 allowed", NULL },
                { "[]", DIAG_WRONG_TYPE, "", "expected a mapping, found a list", NULL },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_visit_ struct visit v = visit_text(cases[i].text);
                const struct diag *d = &v.diags.items[0];

                if (v.diags.errors != 1)
                        fail_msg("%s: %zu complaints", cases[i].text, v.diags.errors);
                assert_string_equal(diag_id_name(d->id), diag_id_name(cases[i].id));
                assert_string_equal(d->path, cases[i].path);
                assert_string_equal(d->message, cases[i].message);
                assert_string_equal(d->hint ? d->hint : "", cases[i].hint ? cases[i].hint : "");
                assert_true(d->mark.line > 0);
                assert_int_equal(v.garden.trees, 2);
                assert_int_equal(v.garden.mode, 0750);
        }
}

/* What a struct holds is printed as a file would have it, without what is a default, and reads back. */
static void printed(void **state) {
        static const char text[] =
                "{open: false, trees: -1, mode: \"0700\", season: winter, shed: /s, times: {shift: -1m30s}, beds: {b: {plant: \"5\"}}, pots: "
                "[{plant: p, width: 2M}]}";
        _cleanup_visit_ struct visit v = visit_text(text);
        _cleanup_buf_ struct buf out = BUF_NULL;

        (void)state;
        schema_put(&garden_table, &v.garden, &out);
        assert_string_equal(buf_text(&out), text);
}

/* x- keys go from mappings with known keys, and stay where keys are names. */
static void strip(void **state) {
        static const char text[] =
                "{x-a: 1, owner: o, times: {x-b: 1, rest: 1s}, beds: {x-c: {x-d: 1, plant: p}}, pots: [{x-e: 1, plant: q}]}";
        _cleanup_visit_ struct visit v = visit_text("{}");
        _cleanup_buf_ struct buf out = BUF_NULL;
        struct node *n;

        (void)state;
        assert_int_equal(yaml_read(text, strlen(text), v.arena, &v.diags, &n), 0);
        schema_strip(&garden_table, n);
        render_flow(n, &out);
        assert_string_equal(buf_text(&out), "{owner: o, times: {rest: 1s}, beds: {x-c: {plant: p}}, pots: [{plant: q}]}");
}

/* The same words at the same place are said once; a terminal's control characters are not passed on. */
static void said_once(void **state) {
        _cleanup_visit_ struct visit v = visit_text("a: &a {plant: x, wdth: 1}\nbeds: {a: *a, b: *a}\n\"k\\e[1m\": 1\n");

        (void)state;
        assert_int_equal(v.diags.errors, 3);
        assert_string_equal(v.diags.items[1].path, "beds.a.wdth");
        assert_string_equal(v.diags.items[2].path, "k?[1m");
}

unit_main(cmocka_unit_test(defaults), cmocka_unit_test(values), cmocka_unit_test(complaints), cmocka_unit_test(printed),
          cmocka_unit_test(strip), cmocka_unit_test(said_once));
