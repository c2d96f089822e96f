/* Any bytes as a stack file: an answer and, when it is yes, the same stack again on the supervisor's side and out of render.
 * seeds: tests/bad examples */
#include <ctrsup/spec/diff.h>
#include <ctrsup/spec/load.h>

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *variable(void *userdata, const char *name) {
        (void)userdata;
        return strcmp(name, "SET") == 0 ? "512" : NULL;
}

/* One env file for all, whatever its name. */
static int read_env(void *userdata, const char *path, char **ret, size_t *ret_len, struct err *err) {
        (void)userdata;
        (void)path;
        (void)err;
        *ret = strdup("A=1\nB=\"two\"\n");
        if (!*ret)
                return -ENOMEM;
        *ret_len = strlen(*ret);
        return 0;
}

static void require(bool condition) {
        if (!condition)
                __builtin_trap();
}

static void compare(const struct spec *a, const struct spec *b) {
        _cleanup_arena_ struct arena *arena = arena_new();
        struct spec_changes changes;

        require(a->n_containers == b->n_containers);
        require(spec_diff_stack(arena, a, b, &changes) == 0 && changes.n == 0);
        for (size_t i = 0; i < a->n_containers; i++)
                require(spec_diff_container(arena, &a->containers[i], &b->containers[i], &changes) == 0 && changes.n == 0);
}

static int load(const char *text, size_t len, struct stack *ret) {
        const struct stack_source source = { .file = "f", .base_dir = "/base", .variable = variable, .read_file = read_env };
        _cleanup_buf_ struct buf out = BUF_NULL;
        struct diag_list diags;

        require(diag_list_init(&diags, "f") == 0);
        int r = stack_load(text, len, &source, &diags, ret);
        require(r == 0 || r == -EBADMSG);
        require((r == 0) == (diag_errors(&diags) == 0));
        diag_print(&diags, text, &out);
        json_t *all = diag_list_json(&diags);
        require(all && json_array_size(all) == diags.n);
        json_decref(all);
        diag_list_done(&diags);
        return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_stack_ struct stack stack = STACK_NULL, again = STACK_NULL;
        _cleanup_free_ char *text = strndup((const char *)data, size);
        _cleanup_buf_ struct buf yaml = BUF_NULL;
        struct diag_list diags;
        struct spec *spec = NULL;

        /* diag_print() takes a string; what is behind a NUL is refused anyhow. */
        if (!text || load(text, strlen(text), &stack) < 0)
                return 0;
        require(diag_list_init(&diags, "f") == 0);
        json_t *document = stack_document(&stack);
        require(spec_from_document(document, &diags, &spec) == 0);
        compare(stack.spec, spec);
        json_decref(document);
        spec_free(spec);
        diag_list_done(&diags);

        require(stack_render(&stack, &yaml) == 0);
        require(load(buf_text(&yaml), yaml.len, &again) == 0);
        compare(stack.spec, again.spec);
        return 0;
}
