#include <ctrsup/store/runs.h>

#include "record.h"

#include <ctrsup/base/cleanup.h>
#include <ctrsup/store/dir.h>

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

enum { FILE_NAME_SIZE = NAME_SIZE + 16, BOOT_ID_SIZE = 37 };

static int boot_id(char ret[BOOT_ID_SIZE], struct err *err) {
        _cleanup_fd_ int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, ret, BOOT_ID_SIZE - 1);

        if (n < 0)
                return err_sys(err, errno, "read the boot id");
        ret[n] = '\0';
        return 0;
}

static int open_stack(int runtime_fd, const char *stack, mode_t mode, int *ret, struct err *err) {
        _cleanup_fd_ int runs = -EBADF;
        int r = dir_open_at(runtime_fd, "runs", mode, &runs, err);

        return r < 0 ? r : dir_open_at(runs, stack, mode, ret, err);
}

static const char *file_name(char buf[FILE_NAME_SIZE], const char *container, uint32_t replica) {
        (void)snprintf(buf, FILE_NAME_SIZE, "%s.%" PRIu32, container, replica);
        return buf;
}

/* --- one record as JSON: a row a number, the rest by hand --- */

enum kind { U64, U32, BOOL, INT, PID };

#define NUMBER(key, kind, member) \
        { key, kind, offsetof(struct run, member), false }
/* Not in the records of the first release: 0 there. */
#define NEWER(key, kind, member) \
        { key, kind, offsetof(struct run, member), true }
static const struct number {
        const char *key;
        enum kind kind;
        size_t offset;
        bool newer;
} numbers[] = {
        NUMBER("generation", U64, instance.generation),
        NUMBER("revision", U64, instance.revision),
        NUMBER("again", BOOL, instance.again),
        NEWER("leaving", BOOL, instance.leaving),
        NEWER("cause", INT, instance.cause),
        NEWER("hook", INT, instance.hook),
        NEWER("hooks_ended", U32, instance.hooks_ended),
        NEWER("ran", BOOL, instance.ran),
        NEWER("unnamed", BOOL, instance.unnamed),
        NEWER("ready_early", BOOL, instance.ready_early),
        NEWER("unhealthy_early", BOOL, instance.unhealthy_early),
        NUMBER("launching", BOOL, instance.launching),
        NUMBER("killed", BOOL, instance.killed),
        NUMBER("oom", BOOL, instance.oom),
        NUMBER("stop_signal", INT, instance.stop_signal),
        NUMBER("pid", PID, instance.pid),
        NUMBER("started_usec", U64, instance.started_usec),
        NUMBER("started_real_usec", U64, instance.started_real_usec),
        NUMBER("deadline_usec", U64, instance.deadline_usec),
        NUMBER("stop_grace_usec", U64, instance.stop_grace_usec),
        NEWER("stop_limit_usec", U64, instance.stop_limit_usec),
        NUMBER("attempts", U32, instance.attempts),
        NUMBER("kills", U32, instance.kills),
        NUMBER("restarts", U64, instance.restarts),
        NUMBER("exit_code", INT, instance.last_exit.code),
        NUMBER("exit_signal", INT, instance.last_exit.signal),
        NUMBER("start_ticks", U64, start_ticks),
        NUMBER("oom_kills", U64, oom_kills),
        NEWER("memory_peak", U64, memory_peak),
        NEWER("launched_real_usec", U64, launched_real_usec),
        NEWER("end_launched_real_usec", U64, last_end.launched_real_usec),
        NEWER("end_real_usec", U64, last_end.real_usec),
        NEWER("end_uptime_usec", U64, last_end.uptime_usec),
        NEWER("end_memory_peak", U64, last_end.memory_peak),
        NEWER("end_memory_max", U64, last_end.memory_max),
        NEWER("end_shared_peak", U64, last_end.shared_peak),
        NUMBER("log", INT, log),
        NUMBER("root_uid", U32, root_uid),
        NUMBER("root_gid", U32, root_gid),
        NUMBER("guessed", BOOL, guessed),
        NUMBER("kept", BOOL, instance.kept),
        NEWER("waiting", BOOL, instance.waiting),
        NEWER("schedule", U64, schedule.id),
        NEWER("taken_usec", U64, schedule.taken_usec),
        NEWER("queued", BOOL, schedule.queued),
        NEWER("began_usec", U64, began_usec),
        NEWER("began_real_usec", U64, began_real_usec),
        NEWER("watchdog_usec", U64, watchdog_usec),
        NEWER("reloading", BOOL, reloading),
        NEWER("stopping", BOOL, stopping),
};

/* UINT64_MAX is "never", and JSON's integers end at INT64_MAX: it is -1 there. */
static json_t *number_json(const struct run *r, const struct number *n) {
        const char *at = (const char *)r + n->offset;

        switch (n->kind) {
        case U64:
                return json_integer(*(const uint64_t *)(const void *)at == UINT64_MAX
                                            ? -1
                                            : (json_int_t) * (const uint64_t *)(const void *)at);
        case U32:
                return json_integer(*(const uint32_t *)(const void *)at);
        case BOOL:
                return json_boolean(*(const bool *)at);
        case INT:
                return json_integer(*(const int *)(const void *)at);
        case PID:
                return json_integer(*(const pid_t *)(const void *)at);
        }
        return NULL;
}

static bool take_number(struct run *r, const struct number *n, const json_t *j) {
        char *at = (char *)r + n->offset;
        json_int_t v = json_integer_value(j);

        if (n->kind == BOOL ? !json_is_boolean(j) : !json_is_integer(j))
                return false;
        switch (n->kind) {
        case U64:
                *(uint64_t *)(void *)at = v < 0 ? UINT64_MAX : (uint64_t)v;
                return v >= -1;
        case U32:
                *(uint32_t *)(void *)at = (uint32_t)v;
                return v >= 0 && v <= UINT32_MAX;
        case BOOL:
                *(bool *)at = json_is_true(j);
                return true;
        case INT:
        case PID:
                *(int *)(void *)at = (int)v;
                return v >= INT32_MIN && v <= INT32_MAX && (n->kind == INT || v >= 0);
        }
        return false;
}

static void id_text(char text[2 * sizeof(((struct instance *)0)->id) + 1], const uint8_t *id) {
        for (size_t n = 0; n < sizeof(((struct instance *)0)->id); n++)
                (void)snprintf(text + 2 * n, 3, "%02x", id[n]);
}

static bool take_id(struct instance *i, const char *text) {
        if (!text || strlen(text) != 2 * sizeof(i->id) || strspn(text, "0123456789abcdef") != 2 * sizeof(i->id))
                return false;
        for (size_t n = 0; n < sizeof(i->id); n++) {
                unsigned byte;

                (void)sscanf(text + 2 * n, "%2x", &byte);
                i->id[n] = (uint8_t)byte;
        }
        return true;
}

/* Cut at the end of its array, perhaps within a character: json_string() wants whole ones. */
static json_t *message_json(const char *text) {
        size_t len = strlen(text);
        json_t *j = NULL;

        for (size_t cut = 0; cut < 4 && cut <= len && !j; cut++)
                j = json_stringn(text, len - cut);
        return j ? j : json_string("");
}

static json_t *health_json(const struct run *r) {
        return json_pack("{s:s, s:b, s:I, s:o}", "status", health_status_name(r->health), "succeeded", r->health_succeeded, "failures",
                         (json_int_t)r->health_failures, "reason", message_json(r->health_reason));
}

static bool take_health(struct run *r, const json_t *j) {
        const char *status = json_string_value(json_object_get(j, "status")), *reason = json_string_value(json_object_get(j, "reason"));
        const json_t *failures = json_object_get(j, "failures"), *succeeded = json_object_get(j, "succeeded");
        int value = status ? health_status_value(status) : -EINVAL;

        if (!j) /* there was no check */
                return true;
        if (value < 0 || !reason || !json_is_boolean(succeeded) || !json_is_integer(failures) || json_integer_value(failures) < 0 ||
            json_integer_value(failures) > UINT32_MAX)
                return false;
        r->health = (enum health_status)value;
        r->health_succeeded = json_is_true(succeeded);
        r->health_failures = (uint32_t)json_integer_value(failures);
        (void)snprintf(r->health_reason, sizeof(r->health_reason), "%s", reason);
        return true;
}

/* The words of its ending; none in the records of the first release, nor of what never ended. */
static json_t *last_end_json(const struct last_end *e) {
        return json_pack("{s:s, s:s, s:o, s:s, s:s, s:o, s:o, s:o}", "by", end_by_name(e->by), "asked", end_by_name(e->asked), "words", message_json(e->words),
                         "cause", e->cause, "step", e->step, "hint", message_json(e->hint), "probe", message_json(e->probe), "asked_probe", message_json(e->asked_probe));
}

static bool take_word(const json_t *j, const char *key, char *ret, size_t size) {
        const char *text = json_string_value(json_object_get(j, key));

        (void)snprintf(ret, size, "%s", text ? text : "");
        return text;
}

static bool take_last_end(struct last_end *e, const json_t *j) {
        const char *by = json_string_value(json_object_get(j, "by")), *asked = json_string_value(json_object_get(j, "asked"));
        int by_value = by ? end_by_value(by) : -EINVAL, asked_value = asked ? end_by_value(asked) : -EINVAL;

        if (!j)
                return true;
        if (by_value < 0 || asked_value < 0)
                return false;
        e->by = (enum end_by)by_value;
        e->asked = (enum end_by)asked_value;
        return take_word(j, "words", e->words, sizeof(e->words)) && take_word(j, "cause", e->cause, sizeof(e->cause)) && take_word(j, "step", e->step, sizeof(e->step)) &&
               take_word(j, "hint", e->hint, sizeof(e->hint)) && take_word(j, "probe", e->probe, sizeof(e->probe)) &&
               take_word(j, "asked_probe", e->asked_probe, sizeof(e->asked_probe));
}

static bool is_last_end(const struct last_end *e) {
        return e->real_usec > 0 || e->asked != END_BY_ITSELF || e->asked_probe[0];
}

int runs_write(int runtime_fd, const struct run *r, struct err *err) {
        const struct instance *i = &r->instance;
        char boot[BOOT_ID_SIZE], id[2 * sizeof(i->id) + 1], name[FILE_NAME_SIZE];
        _cleanup_fd_ int fd = -EBADF;

        id_text(id, i->id);
        int e = boot_id(boot, err);
        if (e < 0)
                return e;
        _cleanup_json_ json_t *j = json_pack("{s:s, s:s, s:s, s:s, s:s, s:o}", "boot", boot, "id", id, "phase",
                                             phase_name(i->phase), "desire", desire_name(i->desire), "exit",
                                             exit_reason_name(i->last_exit.reason), "message", message_json(i->message));
        for (size_t n = 0; j && n < ARRAY_SIZE(numbers); n++)
                if (json_object_set_new(j, numbers[n].key, number_json(r, numbers + n)) < 0)
                        return err_oom(err);
        if (!j || (r->health != HEALTH_NONE && json_object_set_new(j, "health", health_json(r)) < 0) ||
            (is_last_end(&r->last_end) && json_object_set_new(j, "last_end", last_end_json(&r->last_end)) < 0))
                return err_oom(err);
        if (r->status[0] && json_object_set_new(j, "status", message_json(r->status)) < 0)
                return err_oom(err);
        e = open_stack(runtime_fd, i->stack, 0700, &fd, err);
        if (e >= 0)
                e = record_write_volatile(fd, file_name(name, i->container, i->replica), j, err);
        return e < 0 && err ? err_wrap(err, "run record of %s/%s", i->stack, i->container) : e;
}

/* The numbers are compared with the others. */
static bool last_ends_equal(const struct last_end *a, const struct last_end *b) {
        return a->by == b->by && a->asked == b->asked && strcmp(a->words, b->words) == 0 && strcmp(a->cause, b->cause) == 0 && strcmp(a->step, b->step) == 0 &&
               strcmp(a->hint, b->hint) == 0 && strcmp(a->probe, b->probe) == 0 && strcmp(a->asked_probe, b->asked_probe) == 0;
}

bool runs_equal(const struct run *a, const struct run *b) {
        const struct instance *x = &a->instance, *y = &b->instance;

        for (size_t n = 0; n < ARRAY_SIZE(numbers); n++) {
                _cleanup_json_ json_t *p = number_json(a, numbers + n), *q = number_json(b, numbers + n);

                if (!json_equal(p, q))
                        return false;
        }
        return memcmp(x->id, y->id, sizeof(x->id)) == 0 && x->phase == y->phase && x->desire == y->desire &&
               x->last_exit.reason == y->last_exit.reason && strcmp(x->message, y->message) == 0 && a->health == b->health &&
               a->health_succeeded == b->health_succeeded && a->health_failures == b->health_failures &&
               strcmp(a->health_reason, b->health_reason) == 0 && strcmp(a->status, b->status) == 0 &&
               last_ends_equal(&a->last_end, &b->last_end);
}

static bool take(struct run *r, const json_t *j) {
        struct instance *i = &r->instance;
        const char *message = json_string_value(json_object_get(j, "message")), *word;

        for (size_t n = 0; n < ARRAY_SIZE(numbers); n++) {
                const json_t *number = json_object_get(j, numbers[n].key);

                if ((number || !numbers[n].newer) && !take_number(r, numbers + n, number))
                        return false;
        }
        if (i->cause >= _STOP_CAUSE_MAX || i->hook >= _HOOK_MAX)
                return false;
        word = json_string_value(json_object_get(j, "phase"));
        i->phase = word ? phase_value(word) : _PHASE_INVALID;
        word = json_string_value(json_object_get(j, "desire"));
        int desire = word ? desire_value(word) : -EINVAL;
        word = json_string_value(json_object_get(j, "exit"));
        int reason = word ? exit_reason_value(word) : -EINVAL;
        if (i->phase < 0 || desire < 0 || reason < 0 || !message || !take_id(i, json_string_value(json_object_get(j, "id"))))
                return false;
        i->desire = (enum desire)desire;
        i->last_exit.reason = (enum exit_reason)reason;
        (void)snprintf(i->message, sizeof(i->message), "%s", message);
        word = json_string_value(json_object_get(j, "status"));
        (void)snprintf(r->status, sizeof(r->status), "%s", word ? word : "");
        return take_health(r, json_object_get(j, "health")) && take_last_end(&r->last_end, json_object_get(j, "last_end"));
}

int runs_read(int runtime_fd, const char *stack, const char *container, uint32_t replica, struct run *ret, struct err *err) {
        char boot[BOOT_ID_SIZE], name[FILE_NAME_SIZE];
        _cleanup_json_ json_t *j = NULL;
        _cleanup_fd_ int fd = -EBADF;

        int r = open_stack(runtime_fd, stack, 0, &fd, err);
        if (r >= 0)
                r = boot_id(boot, err);
        if (r >= 0)
                r = record_read(fd, file_name(name, container, replica), &j, err);
        if (r >= 0) {
                const char *written = json_string_value(json_object_get(j, "boot"));
                struct run run = { .instance.replica = replica };

                (void)snprintf(run.instance.stack, NAME_SIZE, "%s", stack);
                (void)snprintf(run.instance.container, NAME_SIZE, "%s", container);
                if (written && strcmp(written, boot) != 0) {
                        (void)unlinkat(fd, name, 0);
                        return err_set(err, ENOENT, "it is of another boot");
                }
                if (written && take(&run, j)) {
                        *ret = run;
                        return 0;
                }
                r = err_set(err, EBADMSG, "%s: it is no run record", name);
        }
        if (r == -EBADMSG)
                (void)record_set_aside(fd, name, err);
        return r < 0 && err ? err_wrap(err, "run record of %s/%s", stack, container) : r;
}

int runs_remove(int runtime_fd, const char *stack, const char *container, uint32_t replica, struct err *err) {
        char name[FILE_NAME_SIZE];
        _cleanup_fd_ int runs = -EBADF, fd = -EBADF;

        if (dir_open_at(runtime_fd, "runs", 0, &runs, NULL) < 0 || dir_open_at(runs, stack, 0, &fd, NULL) < 0)
                return 0;
        if (unlinkat(fd, file_name(name, container, replica), 0) < 0 && errno != ENOENT)
                return err_sys(err, errno, "remove the run record of %s/%s", stack, container);
        (void)unlinkat(runs, stack, AT_REMOVEDIR);
        return 0;
}

int runs_remove_stack(int runtime_fd, const char *stack, struct err *err) {
        _cleanup_fd_ int runs = -EBADF, fd = -EBADF;
        _cleanup_free_ char **names = NULL;
        size_t n = 0;

        if (dir_open_at(runtime_fd, "runs", 0, &runs, NULL) < 0 || dir_open_at(runs, stack, 0, &fd, NULL) < 0)
                return 0;
        int r = dir_list(fd, true, &names, &n, err);
        for (size_t k = 0; r >= 0 && k < n; k++)
                if (unlinkat(fd, names[k], 0) < 0 && errno != ENOENT)
                        r = err_sys(err, errno, "remove the run record %s/%s", stack, names[k]);
        (void)unlinkat(runs, stack, AT_REMOVEDIR);
        return r;
}

int runs_stacks(int runtime_fd, char ***ret, size_t *ret_n, struct err *err) {
        _cleanup_fd_ int runs = -EBADF;
        int r = dir_open_at(runtime_fd, "runs", 0, &runs, err);

        if (r == -ENOENT) {
                *ret = NULL;
                *ret_n = 0;
                return 0;
        }
        return r < 0 ? r : dir_list(runs, false, ret, ret_n, err);
}

static bool parse_name(const char *name, struct run_name *ret) {
        int end = 0;

        return sscanf(name, "%63[a-z0-9-].%9" SCNu32 "%n", ret->container, &ret->replica, &end) == 2 && name[end] == '\0';
}

int runs_list(int runtime_fd, const char *stack, struct run_name **ret, size_t *ret_n, struct err *err) {
        _cleanup_free_ char **names = NULL;
        _cleanup_fd_ int fd = -EBADF;
        size_t n = 0, count = 0;

        *ret = NULL;
        *ret_n = 0;
        int r = open_stack(runtime_fd, stack, 0, &fd, err);
        if (r >= 0)
                r = dir_list(fd, false, &names, &n, err);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        struct run_name *list = calloc(n + 1, sizeof(*list));
        if (!list)
                return err_oom(err);
        for (size_t k = 0; k < n; k++)
                count += parse_name(names[k], list + count);
        *ret = list;
        *ret_n = count;
        return 0;
}
