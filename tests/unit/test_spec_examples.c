/* What we show is right: every file of examples/ loads without a complaint and survives the way to the supervisor, and so
 * does the stack in README.md, which has the six lines that the text promises. */
#include "unit.h"

#include <ctrsup/base/buf.h>
#include <ctrsup/spec/load.h>

#include <glob.h>

static char *read_whole(const char *path) {
        _cleanup_file_ FILE *f = fopen(path, "re");
        _cleanup_buf_ struct buf text = BUF_NULL;
        char bytes[4096];

        assert_non_null(f);
        for (size_t n; (n = fread(bytes, 1, sizeof(bytes), f)) > 0;)
                buf_put(&text, bytes, n);
        return buf_take(&text);
}

static void check_stack(const char *name, const char *text, const char *folder) {
        struct diag_list diags, again;
        _cleanup_stack_ struct stack stack = STACK_NULL;
        _cleanup_buf_ struct buf out = BUF_NULL;
        struct spec *spec = NULL;

        assert_int_equal(diag_list_init(&diags, name), 0);
        int r = stack_load(text, strlen(text), &(struct stack_source){ .file = name, .base_dir = folder }, &diags, &stack);
        diag_print(&diags, text, &out);
        if (r != 0 || out.len > 0)
                fail_msg("%d\n%s", r, buf_text(&out));
        diag_list_done(&diags);

        json_t *document = stack_document(&stack);
        assert_non_null(document);
        assert_int_equal(diag_list_init(&again, name), 0);
        r = spec_from_document(document, &again, &spec);
        diag_print(&again, NULL, &out);
        if (r != 0 || out.len > 0)
                fail_msg("the document of %s: %d\n%s", name, r, buf_text(&out));
        assert_true(spec->n_containers > 0);
        diag_list_done(&again);
        json_decref(document);
        spec_free(spec);
}

static void examples_load(void **state _unused_) {
        glob_t found;

        assert_int_equal(glob("examples/*.yaml", 0, NULL, &found), 0);
        assert_int_equal(glob("examples/*/*.yaml", GLOB_APPEND, NULL, &found), 0);
        assert_true(found.gl_pathc >= 6);
        for (size_t i = 0; i < found.gl_pathc; i++) {
                _cleanup_free_ char *text = read_whole(found.gl_pathv[i]);

                check_stack(found.gl_pathv[i], text, "/examples");
        }
        globfree(&found);
}

static void the_readme_stack_loads(void **state _unused_) {
        _cleanup_free_ char *text = read_whole("README.md");
        size_t lines = 0;

        char *start = strstr(text, "```yaml\n");
        assert_non_null(start);
        start += strlen("```yaml\n");
        char *end = strstr(start, "```");
        assert_non_null(end);
        *end = '\0';
        for (const char *p = start; *p; p++)
                lines += *p == '\n';
        assert_int_equal(lines, 6);
        check_stack("README.md", start, "/");
}

unit_main(cmocka_unit_test(examples_load), cmocka_unit_test(the_readme_stack_loads));
