#include "config.h"

#include <ctrsup/kernel/readfile.h>

#include <dirent.h>
#include <string.h>

#define DEFAULT_FILE CTRSUP_SYSCONFDIR "/ctrsup/ctrsup.conf"
#define DROP_INS CTRSUP_SYSCONFDIR "/ctrsup/ctrsup.conf.d"
enum { CONFIG_SIZE_MAX = 256 * 1024 };

void config_complaints_done(struct config_complaints *c) {
        buf_done(&c->text);
        json_decref(c->list);
        *c = (struct config_complaints){ 0 };
}

static void collect(struct config_complaints *c, const struct diag_list *diags) {
        json_t *list = diag_list_json(diags);

        diag_print(diags, NULL, &c->text);
        for (size_t i = 0; c->n == 0 && i < diags->n; i++) {
                const struct diag *d = &diags->items[i];

                if (d->severity != DIAG_ERROR)
                        continue;
                (void)snprintf(c->file, sizeof(c->file), "%s", diags->file);
                (void)snprintf(c->words, sizeof(c->words), "%s%s%s", d->path, d->path[0] ? ": " : "", d->message);
                c->line = d->mark.line;
                break;
        }
        c->n += diag_errors(diags);
        if (!c->list)
                c->list = json_array();
        if (c->list && list)
                (void)json_array_extend(c->list, list);
        json_decref(list);
}

static int add_file(struct settings *s, const char *path, bool may_miss, struct config_complaints *out, struct err *err) {
        _cleanup_free_ char *text = NULL;
        struct diag_list diags;
        struct err why = { 0 };
        size_t len;

        int r = read_file(path, CONFIG_SIZE_MAX, &text, &len, &why);
        if (r == -ENOENT && may_miss)
                return 0;
        if (r < 0) {
                *err = why;
                return r;
        }
        r = diag_list_init(&diags, path);
        if (r >= 0)
                r = settings_add(s, text, len, &diags);
        if (r == -EBADMSG)
                collect(out, &diags);
        else if (r < 0)
                (void)err_oom(err);
        diag_list_done(&diags);
        return r;
}

static int is_drop_in(const struct dirent *d) {
        size_t n = strlen(d->d_name);

        return d->d_name[0] != '.' && n > 5 && strcmp(d->d_name + n - 5, ".conf") == 0;
}

static int add_drop_ins(struct settings *s, struct config_complaints *out, struct err *err) {
        struct dirent **list = NULL;
        int n = scandir(DROP_INS, &list, is_drop_in, alphasort), r = 0;

        for (int i = 0; i < n; i++) {
                char path[512];

                (void)snprintf(path, sizeof(path), "%s/%s", DROP_INS, list[i]->d_name);
                int e = add_file(s, path, true, out, err);
                r = e < 0 ? e : r;
                free(list[i]);
        }
        free(list);
        return r;
}

int config_load(const char *file, struct settings **ret, struct config_complaints *out, struct err *err) {
        _cleanup_settings_ struct settings *s = settings_new();
        struct diag_list diags;

        if (!s)
                return err_oom(err);
        int r = add_file(s, file ? file : DEFAULT_FILE, !file, out, err);
        if (!file) {
                int e = add_drop_ins(s, out, err);
                r = r < 0 ? r : e;
        }
        if (r < 0)
                return r;
        r = diag_list_init(&diags, file ? file : DEFAULT_FILE);
        if (r >= 0)
                r = settings_check(s, &diags);
        if (r == -EBADMSG)
                collect(out, &diags);
        diag_list_done(&diags);
        if (r < 0)
                return r;
        *ret = take_ptr(s);
        return 0;
}
