#include <ctrsup/store/revisions.h>

#include "record.h"

#include <ctrsup/base/num.h>
#include <ctrsup/spec/spec.h>
#include <ctrsup/store/dir.h>
#include <ctrsup/store/trash.h>

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>

enum { NUMBER_NAME_SIZE = 32 };

void revision_done(struct revision *r) {
        json_decref(r->document);
        json_decref(r->ends);
        *r = REVISION_NULL;
}

static int open_stacks(int state_fd, mode_t mode, int *ret, struct err *err) {
        return dir_open_at(state_fd, "stacks", mode, ret, err);
}

static int open_stack(int state_fd, const char *stack, mode_t mode, int *ret, struct err *err) {
        _cleanup_fd_ int stacks = -EBADF;
        int r = open_stacks(state_fd, mode, &stacks, err);

        if (r >= 0)
                r = dir_open_at(stacks, stack, mode, ret, err);
        return r;
}

static const char *number_name(char buf[NUMBER_NAME_SIZE], uint64_t number) {
        (void)snprintf(buf, NUMBER_NAME_SIZE, "%" PRIu64 ".json", number);
        return buf;
}

/* "12.json" -> 12; 0: another file. */
static uint64_t number_of(const char *name) {
        const char *dot = strchr(name, '.');
        char digits[NUMBER_NAME_SIZE];
        uint64_t number;

        if (!dot || strcmp(dot, ".json") != 0 || (size_t)(dot - name) >= sizeof(digits))
                return 0;
        (void)snprintf(digits, sizeof(digits), "%.*s", (int)(dot - name), name);
        return num_parse_u64(digits, &number) < 0 ? 0 : number;
}

static int list_numbers(int fd, uint64_t **ret, size_t *ret_n, struct err *err) {
        _cleanup_free_ char **names = NULL;
        size_t n = 0, kept = 0;
        int r = dir_list(fd, false, &names, &n, err);

        if (r < 0)
                return r;
        uint64_t *numbers = calloc(n + 1, sizeof(*numbers));
        if (!numbers)
                return err_oom(err);
        for (size_t i = n; i-- > 0;) /* strverscmp's order, so: newest first */
                if (number_of(names[i]) > 0)
                        numbers[kept++] = number_of(names[i]);
        *ret = numbers;
        *ret_n = kept;
        return 0;
}

static int write_current(int fd, const struct revision_current *c, struct err *err) {
        _cleanup_json_ json_t *list = json_array();

        for (size_t i = 0; i < c->n_stopped; i++)
                if (json_array_append_new(list, json_string(c->stopped[i])) < 0)
                        return err_oom(err);
        _cleanup_json_ json_t *j = json_pack("{s:I, s:O, s:o*, s:o*}", "revision", (json_int_t)c->number, "stopped", list, "fallback",
                                             c->fallback ? json_integer((json_int_t)c->fallback) : NULL, "paused",
                                             c->paused ? json_true() : NULL);
        return j ? record_write(fd, "current", j, err) : err_oom(err);
}

/* It was there: an earlier look set it aside. */
static int missing(int fd, const char *name, struct err *err) {
        char aside[NAME_MAX + 1];

        (void)snprintf(aside, sizeof(aside), "%s.bad", name);
        if (faccessat(fd, aside, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
                return -ENOENT;
        return err_set(err, EBADMSG, "%s could not be read and was set aside as %s", name, aside);
}

/* *ret: the record; its revision is checked. */
static int read_current(int fd, uint64_t *ret_number, json_t **ret, struct err *err) {
        _cleanup_json_ json_t *j = NULL;
        int r = record_read(fd, "current", &j, err);

        if (r == -ENOENT)
                return missing(fd, "current", err);
        if (r >= 0) {
                json_int_t number = json_integer_value(json_object_get(j, "revision"));

                if (number > 0) {
                        *ret_number = (uint64_t)number;
                        if (ret)
                                *ret = take_ptr(j);
                        return 0;
                }
                r = err_set(err, EBADMSG, "current: it names no revision");
        }
        return r == -EBADMSG ? record_set_aside(fd, "current", err) : r;
}

static bool is_there(int fd, const char *name) {
        return faccessat(fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT;
}

int revisions_stacks(int state_fd, char ***ret, size_t *ret_n, struct err *err) {
        _cleanup_fd_ int stacks = -EBADF;
        int r = open_stacks(state_fd, 0, &stacks, err);

        if (r == -ENOENT) { /* nothing was ever applied; a disk that is read-only does not matter then */
                *ret_n = 0;
                *ret = calloc(1, sizeof(**ret));
                return *ret ? 0 : err_oom(err);
        }
        if (r >= 0)
                r = dir_list(stacks, false, ret, ret_n, err);
        if (r < 0)
                return r;
        size_t kept = 0;
        for (size_t i = 0; i < *ret_n; i++) {
                _cleanup_fd_ int fd = -EBADF;

                /* Without `current` the first apply never got to its end. What cannot be read is for revisions_read() to tell. */
                if (dir_open_at(stacks, (*ret)[i], 0, &fd, NULL) >= 0 && !is_there(fd, "current") && !is_there(fd, "current.bad"))
                        continue;
                (*ret)[kept++] = (*ret)[i];
        }
        (*ret)[kept] = NULL;
        *ret_n = kept;
        return 0;
}

/* Of a first apply that never got to its end: no `current`, and no revision but the first. */
static bool is_abandoned(int stacks, const char *stack) {
        _cleanup_fd_ int fd = -EBADF;
        _cleanup_free_ uint64_t *numbers = NULL;
        size_t n = 0;

        if (dir_open_at(stacks, stack, 0, &fd, NULL) < 0 || is_there(fd, "current") || is_there(fd, "current.bad"))
                return false;
        return list_numbers(fd, &numbers, &n, NULL) >= 0 && (n == 0 || (n == 1 && numbers[0] == 1));
}

int revisions_sweep(int state_fd, struct err *err) {
        _cleanup_fd_ int stacks = -EBADF;
        _cleanup_free_ char **names = NULL;
        size_t n = 0;

        int r = open_stacks(state_fd, 0, &stacks, err);
        if (r >= 0)
                r = dir_list(stacks, false, &names, &n, err);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        for (size_t i = 0; i < n; i++)
                if (name_is_label(names[i]) && is_abandoned(stacks, names[i])) {
                        int e = trash_put(stacks, stacks, names[i], false, err);
                        r = e < 0 ? e : r;
                }
        return r;
}

int revisions_add(int state_fd, const char *stack, const struct revision *r, struct err *err) {
        _cleanup_fd_ int fd = -EBADF;
        char name[NUMBER_NAME_SIZE];
        int e = open_stack(state_fd, stack, 0700, &fd, err);

        if (e < 0)
                return err ? err_wrap(err, "stack %s", stack) : e;
        _cleanup_json_ json_t *j =
                json_pack("{s:I, s:I, s:I, s:O}", "revision", (json_int_t)r->number, "applied_usec",
                          (json_int_t)r->applied_real_usec, "uid", (json_int_t)r->uid, "document", r->document);
        if (!j)
                return err_oom(err);
        e = record_write(fd, number_name(name, r->number), j, err);
        if (e >= 0)
                e = write_current(fd, &(struct revision_current){ .number = r->number, .fallback = r->fallback }, err);
        if (e < 0)
                return err ? err_wrap(err, "stack %s", stack) : e;
        return 0;
}

int revisions_mark_failed(int state_fd, const char *stack, uint64_t number, bool failed, json_t *ends, struct err *err) {
        _cleanup_fd_ int fd = -EBADF;
        _cleanup_json_ json_t *j = NULL;
        char name[NUMBER_NAME_SIZE];
        int r = open_stack(state_fd, stack, 0, &fd, err);

        if (r >= 0)
                r = record_read(fd, number_name(name, number), &j, err);
        if (r < 0 || (!failed && !json_is_true(json_object_get(j, "failed"))))
                return r;
        if (json_object_set_new(j, "failed", json_boolean(failed)) < 0 || json_object_set_new(j, "ends", ends ? json_incref(ends) : json_null()) < 0)
                return err_oom(err);
        return record_write(fd, name, j, err);
}

void revisions_drop(int state_fd, const char *stack, uint64_t history, bool (*is_used)(void *userdata, uint64_t number),
                    void *userdata) {
        _cleanup_fd_ int fd = -EBADF;
        _cleanup_free_ uint64_t *numbers = NULL;
        uint64_t current;
        size_t n = 0, seen = 0;
        char name[NUMBER_NAME_SIZE];

        if (open_stack(state_fd, stack, 0, &fd, NULL) < 0 || read_current(fd, &current, NULL, NULL) < 0 ||
            list_numbers(fd, &numbers, &n, NULL) < 0)
                return; /* too many are no harm; the next apply tries again */
        for (size_t i = 0; i < n; i++)
                if (numbers[i] != current && ++seen >= (history ? history : 1) && !is_used(userdata, numbers[i]))
                        (void)unlinkat(fd, number_name(name, numbers[i]), 0);
}

static int peek_number(int fd, uint64_t number, struct revision *ret, struct err *err) {
        _cleanup_json_ json_t *j = NULL;
        char name[NUMBER_NAME_SIZE];
        int r = record_read(fd, number_name(name, number), &j, err);

        if (r >= 0) {
                json_t *document = json_object_get(j, "document");

                if (json_is_object(document) && json_integer_value(json_object_get(j, "revision")) == (json_int_t)number) {
                        *ret = (struct revision){
                                .number = number,
                                .applied_real_usec = (uint64_t)json_integer_value(json_object_get(j, "applied_usec")),
                                .uid = (uid_t)json_integer_value(json_object_get(j, "uid")),
                                .failed = json_is_true(json_object_get(j, "failed")),
                                .ends = json_incref(json_object_get(j, "ends")),
                                .document = json_incref(document),
                        };
                        return 0;
                }
                r = err_set(err, EBADMSG, "%s: it holds no stack", name);
        }
        return r;
}

static int read_number(int fd, uint64_t number, struct revision *ret, struct err *err) {
        char name[NUMBER_NAME_SIZE];
        int r = peek_number(fd, number, ret, err);

        if (r == -ENOENT)
                return missing(fd, number_name(name, number), err);
        return r == -EBADMSG ? record_set_aside(fd, number_name(name, number), err) : r;
}

/* Which other revision could be read, for whoever decides what to do. */
static void say_cure(int fd, const char *stack, uint64_t number, struct err *err) {
        _cleanup_free_ uint64_t *numbers = NULL;
        char name[NUMBER_NAME_SIZE], cure[ERR_HINT_MAX];
        size_t n = 0;

        if (!err || list_numbers(fd, &numbers, &n, NULL) < 0)
                return;
        (void)snprintf(cure, sizeof(cure), "ctrsup remove %s, then apply its file again", stack);
        for (size_t i = 0; i < n; i++) {
                _cleanup_json_ json_t *j = NULL;

                if (numbers[i] == number || record_read(fd, number_name(name, numbers[i]), &j, NULL) < 0)
                        continue;
                (void)snprintf(cure, sizeof(cure),
                               "ctrsup remove %s, then apply its file again; revision %" PRIu64
                               " can be read (stacks/%s/%s: keep a copy)",
                               stack, numbers[i], stack, name);
                break;
        }
        (void)err_hint(err, "%s", cure);
}

int revisions_read(int state_fd, const char *stack, uint64_t number, struct revision *ret, struct err *err) {
        _cleanup_fd_ int fd = -EBADF;
        int r = open_stack(state_fd, stack, 0, &fd, err);

        if (r < 0)
                return err ? err_wrap(err, "stack %s", stack) : r;
        bool wanted = number == 0;
        if (wanted)
                r = read_current(fd, &number, NULL, err);
        if (r >= 0)
                r = read_number(fd, number, ret, err);
        /* Not the one before in its place: it may well be what was applied away, on purpose. */
        if (r < 0 && wanted && r != -EPROTO)
                say_cure(fd, stack, number, err);
        if (r < 0 && err)
                (void)err_wrap(err, "stack %s", stack);
        return r;
}

int revisions_peek(int state_fd, const char *stack, uint64_t number, struct revision *ret, struct err *err) {
        _cleanup_fd_ int fd = -EBADF;
        int r = open_stack(state_fd, stack, 0, &fd, err);

        return r < 0 ? r : peek_number(fd, number, ret, err);
}

int revisions_list(int state_fd, const char *stack, uint64_t **ret, size_t *ret_n, struct err *err) {
        _cleanup_fd_ int fd = -EBADF;
        int r = open_stack(state_fd, stack, 0, &fd, err);

        return r < 0 ? r : list_numbers(fd, ret, ret_n, err);
}

int revisions_set_current(int state_fd, const char *stack, const struct revision_current *c, struct err *err) {
        _cleanup_fd_ int fd = -EBADF;
        int r = open_stack(state_fd, stack, 0, &fd, err);

        if (r >= 0)
                r = write_current(fd, c, err);
        if (r < 0 && err)
                (void)err_wrap(err, "stack %s", stack);
        return r;
}

bool revisions_is_current(int state_fd, const char *stack, const struct revision_current *c) {
        _cleanup_fd_ int fd = -EBADF;
        _cleanup_json_ json_t *j = NULL;

        if (open_stack(state_fd, stack, 0, &fd, NULL) < 0 || record_read(fd, "current", &j, NULL) < 0)
                return false;
        const json_t *stopped = json_object_get(j, "stopped");
        if (json_integer_value(json_object_get(j, "revision")) != (json_int_t)c->number ||
            json_integer_value(json_object_get(j, "fallback")) != (json_int_t)c->fallback ||
            json_is_true(json_object_get(j, "paused")) != c->paused || json_array_size(stopped) != c->n_stopped)
                return false;
        for (size_t i = 0; i < c->n_stopped; i++) {
                const char *name = json_string_value(json_array_get(stopped, i));

                if (!name || strcmp(name, c->stopped[i]) != 0)
                        return false;
        }
        return true;
}

int revisions_stopped(int state_fd, const char *stack, char ***ret, size_t *ret_n, struct err *err) {
        _cleanup_fd_ int fd = -EBADF;
        _cleanup_json_ json_t *j = NULL;
        uint64_t number = 0;
        size_t bytes = 0, n = 0, i;
        json_t *item;
        int r = open_stack(state_fd, stack, 0, &fd, err);

        if (r >= 0)
                r = read_current(fd, &number, &j, err);
        if (r < 0)
                return r;
        json_t *list = json_object_get(j, "stopped");
        json_array_foreach (list, i, item)
                if (json_is_string(item))
                        bytes += strlen(json_string_value(item)) + 1, n++;
        char **block = malloc((n + 1) * sizeof(char *) + bytes);
        if (!block)
                return err_oom(err);
        char *text = (char *)(block + n + 1);
        n = 0;
        json_array_foreach (list, i, item)
                if (json_is_string(item)) {
                        block[n++] = text;
                        text = stpcpy(text, json_string_value(item)) + 1;
                }
        block[n] = NULL;
        *ret = block;
        *ret_n = n;
        return 0;
}

int revisions_fallback(int state_fd, const char *stack, uint64_t *ret, bool *ret_paused, struct err *err) {
        _cleanup_fd_ int fd = -EBADF;
        _cleanup_json_ json_t *j = NULL;
        uint64_t number = 0;
        int r = open_stack(state_fd, stack, 0, &fd, err);

        if (r >= 0)
                r = read_current(fd, &number, &j, err);
        json_int_t fallback = r < 0 ? 0 : json_integer_value(json_object_get(j, "fallback"));
        *ret = fallback > 0 ? (uint64_t)fallback : 0;
        *ret_paused = r >= 0 && json_is_true(json_object_get(j, "paused"));
        return r;
}

int revisions_forget(int state_fd, const char *stack, struct err *err) {
        _cleanup_fd_ int stacks = -EBADF, fd = -EBADF;
        int r = open_stacks(state_fd, 0, &stacks, err);

        if (r < 0)
                return r == -ENOENT ? 0 : r;
        r = dir_open_at(stacks, stack, 0, &fd, err);
        if (r == -EPERM || r == -ENOTDIR) { /* no folder of ours, but under its name: out of the way as it is */
                return trash_put(stacks, stacks, stack, true, err);
        }
        /* This is what forgets it. The rest is room given back, which a full disk may not even have the room for. */
        if (r >= 0)
                r = file_remove(fd, "current", err);
        if (r >= 0) {
                (void)unlinkat(fd, "current.bad", 0);
                (void)trash_put(stacks, stacks, stack, false, NULL);
        }
        return r == -ENOENT ? 0 : r;
}
