/* The field table itself: every row, also those of keys that come later. */
#include "spec_load.h"

#include <ctrsup/spec/explain.h>
#include <ctrsup/spec/fields.h>

#include <ctype.h>

struct row {
        char path[256];
        const struct table *table;
        const struct field *field;
};

static struct row rows[512];
static size_t n_rows;

static void collect(const struct table *t, const char *prefix) {
        for (size_t i = 0; i < t->n_fields; i++) {
                const struct field *f = &t->fields[i];
                struct row *row = &rows[n_rows++];

                assert_true(n_rows < ARRAY_SIZE(rows));
                (void)snprintf(row->path, sizeof(row->path), "%s%s%s", prefix, *prefix ? "." : "", f->key);
                row->table = t;
                row->field = f;
                if (!f->sub || strcmp(f->key, "defaults") == 0)
                        continue;
                char below[256];
                (void)snprintf(below, sizeof(below), "%s%s", row->path,
                               f->type == &type_map    ? ".<name>"
                               : f->type == &type_list ? "[]"
                                                       : "");
                collect(f->sub, below);
        }
}

static int collect_all(void **state) {
        (void)state;
        collect(&stack_table, "");
        return 0;
}

static bool is_later(const struct field *f) {
        return f->flags & FIELD_LATER;
}

/* Each row says what it is: a key, a type, one line of words, an example where one can be given, and a class. */
static void words(void **state) {
        (void)state;
        assert_true(n_rows > 220);
        for (size_t i = 0; i < n_rows; i++) {
                const struct field *f = rows[i].field;

                if (!f->type || !f->type->name || !f->doc || strlen(f->doc) < 3 || strlen(f->doc) > 110 || strchr(f->doc, '\n') ||
                    f->doc[strlen(f->doc) - 1] == '.')
                        fail_msg("%s: doc or type", rows[i].path);
                if (!f->example)
                        fail_msg("%s: no example", rows[i].path);
                assert_true(f->change < _CHANGE_MAX);
                for (const char *p = f->key; *p; p++)
                        assert_true(islower((unsigned char)*p) || isdigit((unsigned char)*p) || *p == '_');
                for (size_t j = 0; j < rows[i].table->n_fields; j++)
                        if (&rows[i].table->fields[j] != f)
                                assert_string_not_equal(rows[i].table->fields[j].key, f->key);
        }
}

/* A row that is read has everything that reading needs, and stays within its struct. */
static void sound(void **state) {
        (void)state;
        for (size_t i = 0; i < n_rows; i++) {
                const struct field *f = rows[i].field;
                bool below = f->type == &type_group || f->type == &type_list || f->type == &type_map;

                if (below)
                        assert_non_null(f->sub);
                if (is_later(f))
                        continue;
                assert_non_null(f->type->read);
                if (!(f->flags & FIELD_CLIENT) && rows[i].table->size > 0 && f->type != &type_group &&
                    f->at >= rows[i].table->size)
                        fail_msg("%s: outside of its struct", rows[i].path);
                if (!below && (!f->type->put || !f->type->schema))
                        fail_msg("%s: cannot be printed or described", rows[i].path);
                if (f->type == &type_enum)
                        assert_true(f->n_words > 0);
                if ((f->type == &type_list || f->type == &type_map) && !(f->flags & FIELD_CLIENT))
                        assert_true(f->n_at > f->at);
                assert_true(f->min <= f->max || f->max == 0);
        }
}

/* Two rows of one struct never share memory. Groups are flat: their rows belong to the struct above. */
static void apart(void **state) {
        (void)state;
        for (size_t i = 0; i < n_rows; i++)
                for (size_t j = 0; j < rows[i].table->n_fields; j++) {
                        const struct field *a = rows[i].field, *b = &rows[i].table->fields[j];

                        if (a != b && !((a->flags | b->flags) & (FIELD_LATER | FIELD_CLIENT)) && a->type != &type_group &&
                            b->type != &type_group && a->at == b->at)
                                fail_msg("%s and %s share their place", rows[i].path, b->key);
                }
}

/* Every example of a supported key of a container is right: the file that holds it loads. */
static void examples_load(void **state) {
        (void)state;
        for (size_t i = 0; i < container_table.n_fields; i++) {
                const struct field *f = &container_table.fields[i];
                char text[1024];

                if (is_later(f) || strcmp(f->key, "env_file") == 0 || strcmp(f->key, "time_offsets") == 0)
                        continue;
                static const char *const of_jobs[] = { "max_runtime", "rerun", "schedule", "keep_runs" };
                const char *type = "";
                for (size_t k = 0; k < ARRAY_SIZE(of_jobs); k++)
                        type = strcmp(f->key, of_jobs[k]) == 0 ? "    type: job\n" : type;
                bool own = strcmp(f->key, "rootfs") == 0 || strcmp(f->key, "command") == 0;
                (void)snprintf(
                        text, sizeof(text),
                        "name: a\ndefaults: {rootfs: {layers: [{dir: /r}]}, command: [x]}\ncontainers:\n  db: {}\n  web:\n%s    %s: %s\n%s",
                        type, f->key, f->example, own ? "" : "volumes: {pgdata: {}}\n");
                _cleanup_loaded_ struct loaded l = load_good(text);
                assert_non_null(web_of(&l));
        }
        for (size_t i = 0; i < n_rows; i++) {
                const struct field *f = rows[i].field;
                char text[1024];

                if (is_later(f) || strncmp(rows[i].path, "containers.<name>.limits.", 25) != 0 || strchr(rows[i].path, '['))
                        continue;
                (void)snprintf(text, sizeof(text), WEB "    limits: {%s: %s}\n", f->key, f->example);
                _cleanup_loaded_ struct loaded l = load_good(text);
                assert_non_null(web_of(&l));
        }
}

/* Every later key answers so, at its own place, and nothing else about it is said. */
static void later_keys(void **state) {
        (void)state;
        for (size_t i = 0; i < container_table.n_fields; i++) {
                const struct field *f = &container_table.fields[i];
                char text[1024];

                if (!is_later(f))
                        continue;
                (void)snprintf(text, sizeof(text), WEB "    %s: %s\n", f->key, f->example);
                _cleanup_loaded_ struct loaded l = load_bytes("f", text, strlen(text));
                assert_int_equal(l.result, -EBADMSG);
                assert_int_equal(l.diags.errors, 1);
                assert_int_equal(l.diags.items[0].id, DIAG_UNSUPPORTED);
                assert_string_equal(l.diags.items[0].message, "not supported yet");
                assert_int_equal(l.diags.items[0].mark.line, 6);
        }
}

/* A file that says nothing gets the defaults of the reference. */
static void defaults(void **state) {
        _cleanup_loaded_ struct loaded l = load_good(WEB);
        const struct spec_container *c = web_of(&l);

        (void)state;
        assert_int_equal(c->type, TYPE_SERVICE);
        assert_int_equal(c->restart, RESTART_ALWAYS);
        assert_string_equal(c->user, "0:0");
        assert_string_equal(c->working_dir, "/");
        assert_int_equal(c->umask, 0022);
        assert_null(c->hostname);
        assert_int_equal(c->rootfs.mode, ROOTFS_EPHEMERAL);
        assert_true(c->rootfs.size == UINT64_MAX);
        assert_int_equal(c->shm_size, 64 << 20);
        assert_int_equal(c->limits.pids, 2048);
        assert_true(c->limits.memory == UINT64_MAX && c->limits.memory_high == UINT64_MAX && c->limits.memory_swap == UINT64_MAX);
        assert_true(c->limits.cpus_milli == UINT64_MAX);
        assert_int_equal(c->limits.cpu_period_usec, 100000);
        assert_int_equal(c->limits.cpu_weight, 0);
        assert_true(c->limits.oom_group);
        assert_true(c->no_new_privileges);
        assert_int_equal(c->capabilities, 0x4fb); /* CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID NET_BIND_SERVICE */
        assert_int_equal(c->stop_signal, 15);
        assert_int_equal(c->stop_grace_period_usec, 10000000);
        assert_int_equal(c->restart_policy.delay_usec, 100000);
        assert_int_equal(c->restart_policy.max_delay_usec, 60000000);
        assert_int_equal(c->restart_policy.window_usec, 10000000);
        assert_int_equal(c->restart_policy.max_attempts, 0);
        assert_int_equal(c->logging.driver, LOG_DRIVER_AUTO);
        assert_int_equal(c->logging.rate_interval_usec, 30000000);
        assert_int_equal(c->logging.rate_burst, 10000);
        assert_int_equal(c->logging.file_max_size, 10 << 20);
        assert_int_equal(c->logging.file_max_files, 3);
        for (int ns = 0; ns < _NS_MAX; ns++)
                assert_int_equal(c->namespaces[ns].mode, ns == NS_TIME ? NS_HOST : NS_PRIVATE);
        assert_int_equal(c->n_ulimits, 3);
        assert_string_equal(c->ulimits[0].name, "nofile");
        assert_int_equal(c->ulimits[0].soft, 1024);
        assert_int_equal(c->ulimits[0].hard, 524288);
        assert_int_equal(c->ulimits[1].hard, 0);
        assert_int_equal(c->ulimits[2].hard, 8 << 20);
        assert_int_equal(c->sysctls.n, 2);
        assert_string_equal(c->sysctls.items[0].value, "0 65535");
}

/* explain knows every row by its full path; the man page and the tree name it. */
static void explained(void **state) {
        _cleanup_buf_ struct buf man = BUF_NULL, tree = BUF_NULL;

        (void)state;
        explain_man(&man);
        explain_tree(&tree);
        for (size_t i = 0; i < n_rows; i++) {
                _cleanup_buf_ struct buf out = BUF_NULL;
                struct err err = { 0 };

                if (explain_key(rows[i].path, &out, &err) < 0)
                        fail_msg("%s: %s", rows[i].path, err.text);
                assert_memory_equal(buf_text(&out), rows[i].path, strlen(rows[i].path));
                assert_non_null(strstr(buf_text(&out), rows[i].field->doc));
                assert_int_equal(strstr(buf_text(&out), "not supported yet") != NULL,
                                 is_later(rows[i].field) || strstr(buf_text(&out), "(not supported yet)"));
                assert_non_null(strstr(buf_text(&tree), rows[i].field->key));
                assert_non_null(strstr(buf_text(&man), rows[i].field->type->name));
        }
        size_t bold = 0;
        for (const char *p = buf_text(&man); (p = strstr(p, ".TP\n.B ")); p++)
                bold++;
        assert_int_equal(bold, n_rows);
}

static const json_t *schema_at(const json_t *root, const char *path) {
        const json_t *at = root;
        char copy[256], *save, *word;

        (void)snprintf(copy, sizeof(copy), "%s", path);
        for (word = strtok_r(copy, ".", &save); at && word; word = strtok_r(NULL, ".", &save)) {
                bool item = strlen(word) > 2 && strcmp(word + strlen(word) - 2, "[]") == 0;

                if (item)
                        word[strlen(word) - 2] = '\0';
                at = strcmp(word, "<name>") == 0 ? json_object_get(at, "additionalProperties")
                                                 : json_object_get(json_object_get(at, "properties"), word);
                if (item)
                        at = json_object_get(at, "items");
                if (json_object_get(at, "$ref"))
                        at = json_object_get(json_object_get(root, "definitions"), "container");
        }
        return at;
}

/* The JSON Schema has every row: later ones allow nothing and say so, those below them are left out. */
static void schema(void **state) {
        json_t *root = explain_schema();

        (void)state;
        assert_non_null(root);
        for (size_t i = 0; i < n_rows; i++) {
                const struct field *f = rows[i].field;
                const json_t *at = schema_at(root, rows[i].path);
                const char *text = json_string_value(json_object_get(at, "description"));
                bool inside_later = false;

                for (size_t j = 0; j < n_rows; j++)
                        inside_later = inside_later || (is_later(rows[j].field) && rows[j].field->sub &&
                                                        strlen(rows[i].path) > strlen(rows[j].path) &&
                                                        strncmp(rows[i].path, rows[j].path, strlen(rows[j].path)) == 0);
                if (inside_later)
                        continue;
                if (!text || !strstr(text, f->doc))
                        fail_msg("%s: not in the schema", rows[i].path);
                assert_int_equal(json_object_get(at, "not") != NULL, is_later(f));
                assert_int_equal(strncmp(text, "Not supported yet.", 18) == 0, is_later(f));
        }
        assert_string_equal(json_string_value(json_object_get(root, "$schema")), "http://json-schema.org/draft-07/schema#");
        json_decref(root);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(words),         cmocka_unit_test(sound),      cmocka_unit_test(apart),
                cmocka_unit_test(examples_load), cmocka_unit_test(later_keys), cmocka_unit_test(defaults),
                cmocka_unit_test(explained),     cmocka_unit_test(schema),
        };

        return cmocka_run_group_tests(tests, collect_all, NULL);
}
