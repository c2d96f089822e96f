#include "daemon_reload.h"
#include "document.h"
#include "watch.h"

#include <ctrsup/control/varlink.h>

#include <dirent.h>
#include <string.h>

struct reading {
        struct cli *cli;
        json_t *documents;
        int code;               /* the first failure's */
};

static int is_stack_file(const struct dirent *d) {
        size_t n = strlen(d->d_name);

        return d->d_name[0] != '.' && n > 5 && strcmp(d->d_name + n - 5, ".yaml") == 0;
}

static const char *name_of(const json_t *document) {
        return json_string_value(json_object_get(json_object_get(document, "stack"), "name"));
}

static void failed(struct reading *r, int code) {
        if (r->code == EXIT_OK)
                r->code = code;
}

/* Two files of one stack would undo each other at every reload. */
static bool is_first(const struct reading *r, const char *file, const char *name) {
        size_t n;
        json_t *d;

        json_array_foreach (r->documents, n, d) {
                _cleanup_buf_ struct buf text = BUF_NULL;

                if (strcmp(name_of(d), name) != 0)
                        continue;
                buf_printf(&text, "%s: error: name: stack \"%s\" is declared by %s too\n", file, name, json_string_value(json_object_get(d, "file")));
                cli_note(&text);
                return false;
        }
        return true;
}

static void read_one(struct reading *r, const char *file) {
        _cleanup_document_ struct document d = DOCUMENT_NULL;
        const struct variables none = VARIABLES_NULL;
        int code = document_open(r->cli, file, &none, &d);

        if (code != EXIT_OK) {
                failed(r, code);
                return;
        }
        if (!is_first(r, file, d.stack.spec->name)) {
                failed(r, EXIT_DATA);
                return;
        }
        json_t *json = document_json(&d);
        if (!json || json_array_append_new(r->documents, json) < 0)
                failed(r, cli_oom(r->cli));
}

static void read_folder(struct reading *r, const char *folder) {
        struct dirent **list = NULL;
        struct err err = { 0 };
        int n = scandir(folder, &list, is_stack_file, alphasort);

        if (n < 0 && errno != ENOENT) {
                err_sys(&err, errno, "read %s", folder);
                failed(r, cli_fail(r->cli, EXIT_NO_INPUT, &err));
        }
        for (int i = 0; i < n; i++) {
                _cleanup_free_ char *file = NULL;

                if (asprintf(&file, "%s/%s", folder, list[i]->d_name) < 0) {
                        file = NULL;
                        failed(r, cli_oom(r->cli));
                } else
                        read_one(r, file);
                free(list[i]);
        }
        free(list);
}

static int count_bytes(const char *bytes _unused_, size_t len, void *userdata) {
        *(size_t *)userdata += len;
        return 0;
}

/* Together they may be longer than a call: then without the marks, whose lines only a late message would name. */
static void fit(json_t *documents) {
        size_t len = 256, n;
        json_t *d;

        if (json_dump_callback(documents, count_bytes, &len, JSON_COMPACT) < 0 || len > VARLINK_MAX_CALL)
                json_array_foreach (documents, n, d)
                        (void)json_object_del(d, "marks");
}

static void put_names(struct buf *out, const char *words, const json_t *names, const char *hint) {
        size_t n;
        json_t *v;

        if (json_array_size(names) == 0)
                return;
        buf_printf(out, "%s: ", words);
        json_array_foreach (names, n, v)
                buf_printf(out, "%s%s", n ? ", " : "", json_string_value(v));
        buf_puts(out, "\n");
        if (hint)
                buf_printf(out, "    hint: %s\n", hint);
}

static int take(void *userdata, struct watch *w, const json_t *reply) {
        const json_t *reload = json_object_get(reply, "reload");
        _cleanup_buf_ struct buf text = BUF_NULL;
        struct reading *r = userdata;

        if (!json_is_object(reload))
                return EXIT_OK;
        if (json_array_size(json_object_get(reload, "diagnostics")) > 0) {
                daemon_put_diagnostics(json_object_get(reload, "diagnostics"), &text);
                failed(r, daemon_diagnostics_code(json_object_get(reload, "diagnostics")));
        }
        put_names(&text, "changed", json_object_get(reload, "applied"), NULL);
        put_names(&text, "not in force before a restart", json_object_get(reload, "need_restart"), "systemctl restart ctrsup");
        put_names(&text, "the file is gone, the stack stays", json_object_get(reload, "without_file"), "ctrsup remove STACK");
        watch_note(w, &text);
        return EXIT_OK;
}

static int send_and_watch(struct reading *r, struct control_client *client, bool keep_going) {
        _cleanup_watch_ struct watch w = { .signal_fd = -EBADF };
        struct err err = { 0 };

        if (watch_init(&w, r->cli, &err) < 0)
                return cli_fail(r->cli, EXIT_KERNEL, &err);
        fit(r->documents);
        int code = daemon_send(r->cli, client, CONTROL_METHOD("Reload"),
                               json_pack("{s:O, s:b, s:o}", "documents", r->documents, "keep_going", keep_going, "timeout",
                                         daemon_timeout(r->cli)));
        if (code == EXIT_OK)
                code = watch_until_done(&w, client,
                                        &(struct watch_work){ .asked = "ready", .goes_on = "stopped watching; what was begun goes on",
                                                              .take = take, .userdata = r },
                                        NULL);
        return code;
}

/* Which folder that is, is the daemon's to say: its configuration may be another than the one on disk now. */
static int ask_folder(struct cli *c, struct control_client *client, char **ret) {
        _cleanup_control_answer_ struct control_answer answer = CONTROL_ANSWER_NULL;
        int code = daemon_call(c, client, CONTROL_METHOD("Status"), json_object(), &answer);
        const char *folder = code ? NULL : json_string_value(json_object_get(json_object_get(answer.parameters, "daemon"), "stacks_dir"));

        if (code)
                return code;
        *ret = strdup(folder ? folder : "");
        return *ret ? EXIT_OK : cli_oom(c);
}

int daemon_reload(struct cli *c, bool keep_going) {
        _cleanup_control_client_ struct control_client *client = NULL;
        _cleanup_(json_decrefp) json_t *documents = json_array();
        _cleanup_free_ char *folder = NULL;
        struct reading r = { .cli = c, .documents = documents };

        if (!documents)
                return cli_oom(c);
        int code = daemon_open(c, NULL, &client);
        if (code == EXIT_OK)
                code = ask_folder(c, client, &folder);
        if (code != EXIT_OK)
                return code;
        if (*folder)
                read_folder(&r, folder);
        if (r.code != EXIT_OK && !keep_going) {
                cli_say(c, "nothing was changed");
                return r.code;
        }
        code = send_and_watch(&r, client, keep_going);
        return code != EXIT_OK ? code : r.code;
}
