#include "daemon.h"

#include "target.h"

#include <ctrsup/base/diag.h>
#include <ctrsup/base/num.h>

#include <dirent.h>
#include <string.h>

char *daemon_foreground_socket(const char *stack) {
        char *path = NULL;

        return asprintf(&path, "%s/%s/ctrsup.sock", FOREGROUND_DIR, stack) < 0 ? NULL : path;
}

/* Whether somebody answers there: one that was killed leaves its socket. */
static bool is_served(const char *path) {
        _cleanup_control_client_ struct control_client *client = NULL;

        return control_client_connect(path, &client, NULL) == 0;
}

/* The stack of the only foreground supervisor; *ret stays NULL when there is none, -ENOTUNIQ when there are several. */
static int find_only_foreground(char **ret) {
        DIR *dir = opendir(FOREGROUND_DIR);
        struct dirent *entry;
        char *found = NULL;
        int r = 0;

        if (!dir)
                return 0;
        while (r == 0 && (entry = readdir(dir))) {
                _cleanup_free_ char *path = NULL;

                if (entry->d_name[0] == '.')
                        continue;
                path = daemon_foreground_socket(entry->d_name);
                if (!path)
                        r = -ENOMEM;
                else if (!is_served(path))
                        continue;
                else if (found)
                        r = -ENOTUNIQ;
                else if (!(found = strdup(entry->d_name)))
                        r = -ENOMEM;
        }
        (void)closedir(dir);
        if (r < 0)
                free(found);
        else
                *ret = found;
        return r;
}

int daemon_connect(const struct cli *c, const char *stack, struct control_client **ret, struct err *err) {
        _cleanup_free_ char *found = NULL, *path = NULL;
        struct err other = { 0 };
        int r = control_client_connect(c->socket, ret, err);

        if ((r != -ENOENT && r != -ECONNREFUSED) || c->socket_given)
                return r;
        if (!stack) {
                int several = find_only_foreground(&found);

                if (several == -ENOTUNIQ) {
                        err_set(err, ENOENT, "cannot reach the daemon at %s, and several stacks run in the foreground",
                                c->socket);
                        return err_hint(err, "name one, or use --host " FOREGROUND_DIR "/STACK/ctrsup.sock");
                }
                if (several < 0)
                        return err_oom(err);
                stack = found;
        }
        if (!stack)
                return r;
        path = daemon_foreground_socket(stack);
        if (!path)
                return err_oom(err);
        int q = control_client_connect(path, ret, &other);
        if (q == 0)
                return 0;
        if (q == -ENOENT || q == -ECONNREFUSED || q == -ENAMETOOLONG)
                return r; /* what is said is about the daemon */
        *err = other;
        return q;
}

int daemon_unreached(const struct cli *c, int r, const struct err *err) {
        return cli_fail(c, r == -EACCES || r == -EPERM ? EXIT_NO_PERMISSION : EXIT_UNAVAILABLE, err);
}

int daemon_open(const struct cli *c, const char *target, struct control_client **ret) {
        struct err err = { 0 };
        char stack[TARGET_NAME_SIZE];

        if (target)
                target_stack(target, stack);
        int r = daemon_connect(c, target ? stack : NULL, ret, &err);
        return r < 0 ? daemon_unreached(c, r, &err) : 0;
}

json_t *daemon_timeout(const struct cli *c) {
        return c->timeout_usec == USEC_INFINITY ? json_null() : json_real((double)c->timeout_usec / 1e6);
}

static const char *text_of(const json_t *object, const char *key) {
        const char *text = json_string_value(json_object_get(object, key));

        return text ? text : "";
}

/* The GNU form, as `check` prints it for a file of its own. */
void daemon_put_diagnostics(const json_t *list, struct buf *out) {
        size_t errors = 0, i;
        const char *file = "";
        json_t *d;

        json_array_foreach (list, i, d) {
                json_int_t line = json_integer_value(json_object_get(d, "line"));
                const char *path = text_of(d, "path"), *hint = text_of(d, "hint");

                file = text_of(d, "file");
                buf_puts(out, file);
                json_int_t column = json_integer_value(json_object_get(d, "column"));
                if (line > 0)
                        buf_printf(out, ":%lld", (long long)line);
                if (line > 0 && column > 0)
                        buf_printf(out, ":%lld", (long long)column);
                buf_printf(out, ": %s: %s%s%s\n", text_of(d, "severity"), path, *path ? ": " : "", text_of(d, "message"));
                if (*hint)
                        buf_printf(out, "    hint: %s\n", hint);
                errors += strcmp(text_of(d, "severity"), "error") == 0;
        }
        buf_printf(out, "%s: %zu error%s\n", file, errors, errors == 1 ? "" : "s");
}

int daemon_diagnostics_code(const json_t *list) {
        int code = EXIT_DATA;
        const json_t *d;
        size_t i;

        json_array_foreach (list, i, d) {
                if (strcmp(text_of(d, "severity"), "error") != 0)
                        continue;
                if (strcmp(text_of(d, "id"), diag_id_name(DIAG_POLICY_REFUSED)) != 0)
                        return EXIT_DATA;
                code = EXIT_NO_PERMISSION;
        }
        return code;
}

static int failed_code(const json_t *p, struct err *err) {
        json_int_t number = json_integer_value(json_object_get(p, "errno"));
        const char *place = text_of(p, "place");

        err_set(err, number > 0 ? (int)number : EIO, "%s%s%s", place, *place ? ": " : "", text_of(p, "message"));
        if (*text_of(p, "hint"))
                err_hint(err, "%s", text_of(p, "hint"));
        return number > 0 ? EXIT_KERNEL : EXIT_NEGATIVE;
}

int daemon_error_code(const struct control_answer *a, struct err *err, struct buf *details) {
        static const struct {
                const char *name;
                int code, number;
        } plain[] = {
                { CONTROL_METHOD("Busy"), EXIT_TRY_AGAIN, EBUSY },
                { CONTROL_METHOD("NotPermitted"), EXIT_NO_PERMISSION, EPERM },
                { CONTROL_METHOD("Unsupported"), EXIT_USAGE, EOPNOTSUPP },
        };
        const json_t *p = a->parameters;

        if (strcmp(a->error, CONTROL_METHOD("Failed")) == 0)
                return failed_code(p, err);
        if (strcmp(a->error, CONTROL_METHOD("InvalidDocument")) == 0) {
                int code = daemon_diagnostics_code(json_object_get(p, "diagnostics"));

                daemon_put_diagnostics(json_object_get(p, "diagnostics"), details);
                err_set(err, EBADMSG, code == EXIT_NO_PERMISSION ? "the policy of this host refuses the stack" : "the daemon refused the stack");
                return code;
        }
        if (strcmp(a->error, CONTROL_METHOD("InvalidConfig")) == 0) {
                daemon_put_diagnostics(json_object_get(p, "diagnostics"), details);
                err_set(err, EINVAL, "the configuration of the daemon is wrong; the old one stays in force");
                return EXIT_CONFIG;
        }
        if (strcmp(a->error, CONTROL_METHOD("NoSuchTarget")) == 0) {
                err_set(err, ENOENT, "no such target: %s", text_of(p, "target"));
                if (*text_of(p, "hint"))
                        err_hint(err, "%s", text_of(p, "hint"));
                return EXIT_NO_TARGET;
        }
        for (size_t i = 0; i < ARRAY_SIZE(plain); i++) {
                if (strcmp(a->error, plain[i].name) != 0)
                        continue;
                err_set(err, plain[i].number, "%s", *text_of(p, "message") ? text_of(p, "message") : plain[i].name);
                if (*text_of(p, "hint"))
                        err_hint(err, "%s", text_of(p, "hint"));
                return plain[i].code;
        }
        if (strcmp(a->error, "org.varlink.service.MethodNotFound") == 0) {
                err_set(err, EOPNOTSUPP, "this daemon has no %s", text_of(p, "method"));
                err_hint(err, "it is of another version: ctrsup daemon status");
                return EXIT_USAGE;
        }
        err_set(err, EPROTO, "the daemon answered %s (%s)", a->error, text_of(p, "parameter"));
        err_hint(err, "client and daemon may be of different versions: ctrsup daemon status; else please report it");
        return EXIT_BUG;
}

int daemon_fail(const struct cli *c, const struct control_answer *a) {
        _cleanup_buf_ struct buf details = BUF_NULL;
        struct err err = { 0 };
        int code = daemon_error_code(a, &err, &details);

        if (details.len == 0)
                return cli_fail(c, code, &err);
        cli_note(&details);
        return code;
}

int daemon_lost(const struct cli *c, int r, const struct err *err) {
        return cli_fail(c,
                        r == -ETIMEDOUT  ? EXIT_TRY_AGAIN
                        : r == -EBADMSG  ? EXIT_BUG
                        : r == -EMSGSIZE ? EXIT_DATA
                                         : EXIT_UNAVAILABLE,
                        err);
}

int daemon_call(const struct cli *c, struct control_client *client, const char *method, json_t *parameters,
                struct control_answer *ret) {
        struct err err = { 0 };
        int r = control_client_call(client, &(struct control_request){ .method = method, .parameters = parameters },
                                    c->timeout_usec, ret, &err);

        json_decref(parameters);
        if (r < 0)
                return daemon_lost(c, r, &err);
        if (!ret->error)
                return 0;
        r = daemon_fail(c, ret);
        control_answer_done(ret);
        return r;
}

int daemon_send(const struct cli *c, struct control_client *client, const char *method, json_t *parameters) {
        struct err err = { 0 };
        int r = control_client_send(client, &(struct control_request){ .method = method, .parameters = parameters, .more = true },
                                    &err);

        json_decref(parameters);
        return r < 0 ? daemon_lost(c, r, &err) : 0;
}
