#include "document.h"

#include "scheduleview.h"

#include <ctrsup/base/num.h>
#include <ctrsup/control/varlink.h>
#include <ctrsup/kernel/readfile.h>
#include <ctrsup/text/envfile.h>
#include <ctrsup/text/yaml.h>

#include <limits.h>
#include <string.h>
#include <time.h>

void variables_done(struct variables *v) {
        arena_free(v->arena);
        free(v->items);
        *v = VARIABLES_NULL;
}

static int add(struct variables *v, const char *name, const char *value, size_t at) {
        if (v->n == v->size) {
                size_t size = v->size ? v->size * 2 : 16;
                struct variable *items = reallocarray(v->items, size, sizeof(*items));

                if (!items)
                        return -ENOMEM;
                v->items = items;
                v->size = size;
        }
        memmove(v->items + at + 1, v->items + at, (v->n - at) * sizeof(*v->items));
        v->items[at] = (struct variable){ name, value };
        v->n++;
        return 0;
}

static struct arena *arena_of(struct variables *v) {
        if (!v->arena)
                v->arena = arena_new();
        return v->arena;
}

int variables_set(struct variables *v, const char *assignment, struct err *err) {
        size_t len = strcspn(assignment, "=");
        struct arena *a = arena_of(v);

        if (len == 0 || assignment[len] != '=')
                return err_set(err, EINVAL, "--set: expected NAME=value, found \"%s\"", assignment);
        char *name = a ? arena_strndup(a, assignment, len) : NULL, *value = a ? arena_strdup(a, assignment + len + 1) : NULL;
        /* In front: found first, so that --set wins over files, and a later --set over an earlier one. */
        if (!name || !value || add(v, name, value, 0) < 0)
                return err_oom(err);
        v->n_set++;
        return 0;
}

int variables_add_file(struct variables *v, const char *path, struct err *err) {
        _cleanup_free_ char *text = NULL;
        struct arena *a = arena_of(v);
        struct envfile file = { 0 };
        size_t len = 0;

        if (!a)
                return err_oom(err);
        int r = read_file(path, YAML_MAX_SIZE, &text, &len, err);
        if (r < 0)
                return r;
        r = envfile_read(text, len, a, &file, err);
        if (r < 0)
                return err_wrap(err, "%s", path);
        /* Behind what --set put in front, before the files read so far. A later line wins over an earlier one too. */
        for (size_t i = 0; i < file.n; i++)
                if (add(v, file.items[i].key, file.items[i].value, v->n_set) < 0)
                        return err_oom(err);
        return 0;
}

const char *variables_get(const struct variables *v, const char *name) {
        for (size_t i = 0; i < v->n; i++)
                if (strcmp(v->items[i].name, name) == 0)
                        return v->items[i].value;
        return getenv(name);
}

static const char *variable(void *userdata, const char *name) {
        return variables_get(userdata, name);
}

static int env_file(void *userdata _unused_, const char *path, char **ret, size_t *ret_len, struct err *err) {
        return read_file(path, YAML_MAX_SIZE, ret, ret_len, err);
}

void document_done(struct document *d) {
        stack_done(&d->stack);
        diag_list_done(&d->diags);
        free(d->text);
        *d = DOCUMENT_NULL;
}

int document_parse(const struct cli *c, const char *file, char *text_taken, size_t len, const char *base_dir,
                   const struct variables *v, struct document *ret) {
        struct variables copy = *v;

        *ret = (struct document){ .file = file, .text = text_taken, .len = len };
        if (diag_list_init(&ret->diags, file) < 0)
                return cli_oom(c);
        const struct stack_source source = {
                .file = file, .base_dir = base_dir, .variable = variable, .read_file = env_file, .userdata = &copy
        };
        int r = stack_load(ret->text, len, &source, &ret->diags, &ret->stack);
        if (r == -ENOMEM)
                return cli_oom(c);
        if (r < 0)
                return EXIT_DATA;
        scheduleview_warn(ret, document_now());
        return EXIT_OK;
}

uint64_t document_now(void) {
        struct timespec t;

        (void)clock_gettime(CLOCK_REALTIME, &t);
        return (uint64_t)t.tv_sec * USEC_PER_SEC + (uint64_t)t.tv_nsec / 1000;
}

/* The absolute folder of the file: where its relative paths start. "-": the working directory. malloc'ed. */
static char *folder_of(const char *file) {
        const char *slash = strcmp(file, "-") == 0 ? NULL : strrchr(file, '/');
        _cleanup_free_ char *folder = slash ? strndup(file, slash == file ? 1 : (size_t)(slash - file)) : strdup(".");

        return folder ? realpath(folder, NULL) : NULL;
}

int document_load(const struct cli *c, const char *file, const struct variables *v, struct document *ret) {
        _cleanup_free_ char *text = NULL, *folder = NULL;
        struct err err = { 0 };
        size_t len = 0;

        /* One byte more than is allowed, so that the complaint about the size is the parser's, with its id. */
        int r = read_file(file, YAML_MAX_SIZE + 1, &text, &len, &err);
        if (r == -EFBIG) {
                *ret = (struct document){ .file = file };
                if (diag_list_init(&ret->diags, file) < 0)
                        return cli_oom(c);
                struct diag *d = diag_add(&ret->diags, DIAG_TOO_LARGE, MARK_NULL, NULL, "longer than %d bytes", YAML_MAX_SIZE);
                diag_hint(&ret->diags, d, "a stack file is at most 1M; use several stacks");
                return EXIT_DATA;
        }
        if (r < 0)
                return cli_fail(c, r == -ENOMEM ? EXIT_KERNEL : EXIT_NO_INPUT, &err);
        folder = folder_of(file);
        if (!folder) {
                err_sys(&err, errno, "find the folder of %s", file);
                return cli_fail(c, EXIT_NO_INPUT, &err);
        }
        return document_parse(c, file, take_ptr(text), len, folder, v, ret);
}

void document_complain(const struct cli *c, const struct document *d) {
        _cleanup_buf_ struct buf text = BUF_NULL;

        diag_print(&d->diags, c->err_tty ? d->text : NULL, &text);
        cli_note(&text);
}

int document_open(const struct cli *c, const char *file, const struct variables *v, struct document *ret) {
        int code = document_load(c, file, v, ret);

        if (code == EXIT_DATA || code == EXIT_OK)
                document_complain(c, ret);
        return code;
}

static int count_bytes(const char *bytes _unused_, size_t len, void *userdata) {
        *(size_t *)userdata += len;
        return 0;
}

json_t *document_json(const struct document *d) {
        json_t *json = stack_document(&d->stack);
        size_t len = 256; /* of the call around it */

        if (json && (json_dump_callback(json, count_bytes, &len, JSON_COMPACT) < 0 || len > VARLINK_MAX_CALL))
                (void)json_object_del(json, "marks"); /* a message of the supervisor then names no line */
        return json;
}

const char *document_file(struct cli *c, const struct args *a) {
        if (args_n_words(a) > 1) {
                (void)cli_usage(c, "one file at a time, found \"%s\" too", args_words(a)[1]);
                return NULL;
        }
        return args_n_words(a) == 1 ? args_words(a)[0] : "ctrsup.yaml";
}
