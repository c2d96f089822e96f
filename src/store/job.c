#include <ctrsup/store/job.h>

#include "record.h"

#include <ctrsup/base/cleanup.h>
#include <ctrsup/store/dir.h>

#include <fcntl.h>
#include <string.h>

enum { FILE_NAME_SIZE = NAME_SIZE + 8 };

static int open_stack(int state_fd, const char *stack, int *ret, struct err *err) {
        _cleanup_fd_ int stacks = -EBADF;
        int r = dir_open_at(state_fd, "stacks", 0, &stacks, err);

        return r < 0 ? r : dir_open_at(stacks, stack, 0, ret, err);
}

static const char *file_name(char buf[FILE_NAME_SIZE], const char *container) {
        (void)snprintf(buf, FILE_NAME_SIZE, "job.%s", container);
        return buf;
}

static json_t *run_json(const struct job_run *r) {
        return json_pack("{s:I, s:I, s:I, s:I, s:s, s:i, s:i, s:i}", "started_usec", (json_int_t)r->started_usec, "ended_usec",
                         (json_int_t)r->ended_usec, "duration_usec", (json_int_t)r->duration_usec, "attempts", (json_int_t)r->attempts,
                         "exit", exit_reason_name(r->exit.reason), "code", r->exit.code, "signal", r->exit.signal, "cause", (int)r->cause);
}

static bool take_u64(const json_t *object, const char *key, uint64_t *ret) {
        const json_t *j = json_object_get(object, key);

        *ret = (uint64_t)json_integer_value(j);
        return json_is_integer(j) && json_integer_value(j) >= 0;
}

static bool take_int(const json_t *object, const char *key, int min, int max, int *ret) {
        const json_t *j = json_object_get(object, key);

        *ret = (int)json_integer_value(j);
        return json_is_integer(j) && json_integer_value(j) >= min && json_integer_value(j) <= max;
}

static bool take_run(const json_t *j, struct job_run *ret) {
        const char *word = json_string_value(json_object_get(j, "exit"));
        int reason = word ? exit_reason_value(word) : -EINVAL, cause;

        if (!take_u64(j, "started_usec", &ret->started_usec) || !take_u64(j, "ended_usec", &ret->ended_usec) ||
            !take_u64(j, "duration_usec", &ret->duration_usec) || !take_u64(j, "attempts", &ret->attempts) ||
            !take_int(j, "code", -1, 255, &ret->exit.code) || !take_int(j, "signal", 0, 64, &ret->exit.signal) ||
            !take_int(j, "cause", 0, _STOP_CAUSE_MAX - 1, &cause) || reason < 0)
                return false;
        ret->exit.reason = (enum exit_reason)reason;
        ret->cause = (enum stop_cause)cause;
        return true;
}

static bool take_record(const json_t *j, struct job_record *ret) {
        const json_t *runs = json_object_get(j, "runs"), *run;
        size_t n;

        if (!take_u64(j, "taken_usec", &ret->schedule.taken_usec) || !take_u64(j, "schedule", &ret->schedule.id) || !json_is_array(runs) ||
            json_array_size(runs) > JOB_RUNS_MAX)
                return false;
        json_array_foreach (runs, n, run)
                if (!take_run(run, &ret->runs[ret->n_runs++]))
                        return false;
        return true;
}

static int read_record(int state_fd, const char *stack, const char *container, struct job_record *ret, struct err *err) {
        _cleanup_json_ json_t *j = NULL;
        _cleanup_fd_ int fd = -EBADF;
        char name[FILE_NAME_SIZE];

        int r = open_stack(state_fd, stack, &fd, err);
        if (r >= 0)
                r = record_read(fd, file_name(name, container), &j, err);
        if (r >= 0) {
                struct job_record record = { .runs = calloc(JOB_RUNS_MAX, sizeof(*record.runs)) };

                if (!record.runs)
                        return err_oom(err);
                if (take_record(j, &record)) {
                        *ret = record;
                        return 0;
                }
                free(record.runs);
                r = err_set(err, EBADMSG, "%s: it is no record of a job", name);
        }
        return r == -EBADMSG ? record_set_aside(fd, name, err) : r;
}

int job_read(int state_fd, const char *stack, const char *container, struct job_record *ret, struct err *err) {
        int r = read_record(state_fd, stack, container, ret, err);

        if (r >= 0 || r == -ENOMEM || r == -EMFILE || r == -ENFILE)
                return r;
        if (r == -ENOENT)
                *err = (struct err){ 0 };
        else
                (void)err_wrap(err, "%s/%s: when it ran last is not known", stack, container);
        *ret = (struct job_record){ 0 };
        return 0;
}

int job_write(int state_fd, const char *stack, const char *container, const struct job_record *record, struct err *err) {
        _cleanup_json_ json_t *runs = json_array(), *j = NULL;
        _cleanup_fd_ int fd = -EBADF;
        char name[FILE_NAME_SIZE];

        for (size_t n = 0; n < record->n_runs; n++)
                if (json_array_append_new(runs, run_json(&record->runs[n])) < 0)
                        return err_oom(err);
        j = json_pack("{s:I, s:I, s:O}", "taken_usec", (json_int_t)record->schedule.taken_usec, "schedule",
                      (json_int_t)record->schedule.id, "runs", runs);
        if (!j)
                return err_oom(err);
        int r = open_stack(state_fd, stack, &fd, err);
        return r < 0 ? r : record_write(fd, file_name(name, container), j, err);
}

int job_remove(int state_fd, const char *stack, const char *container, struct err *err) {
        _cleanup_fd_ int fd = -EBADF;
        char name[FILE_NAME_SIZE];

        int r = open_stack(state_fd, stack, &fd, NULL);
        if (r == -ENOENT)
                return 0;
        if (r < 0 || (unlinkat(fd, file_name(name, container), 0) < 0 && errno != ENOENT))
                return err_sys(err, r < 0 ? -r : errno, "remove the record of job %s/%s", stack, container);
        return 0;
}
