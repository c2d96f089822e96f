#include <ctrsup/store/jobs.h>

#include "record.h"

#include <ctrsup/base/cleanup.h>
#include <ctrsup/store/dir.h>

static int open_stack(int state_fd, const char *stack, int *ret, struct err *err) {
        _cleanup_fd_ int stacks = -EBADF;
        int r = dir_open_at(state_fd, "stacks", 0, &stacks, err);

        return r < 0 ? r : dir_open_at(stacks, stack, 0, ret, err);
}

static int read_record(int state_fd, const char *stack, json_t **ret, struct err *err) {
        _cleanup_json_ json_t *j = NULL;
        _cleanup_fd_ int fd = -EBADF;

        int r = open_stack(state_fd, stack, &fd, err);
        if (r >= 0)
                r = record_read(fd, "jobs", &j, err);
        if (r >= 0 && !json_is_object(json_object_get(j, "succeeded")))
                r = err_set(err, EBADMSG, "jobs: it names none");
        if (r == -EBADMSG)
                r = record_set_aside(fd, "jobs", err);
        if (r >= 0)
                *ret = json_incref(json_object_get(j, "succeeded"));
        return r;
}

int jobs_read(int state_fd, const char *stack, json_t **ret, struct err *err) {
        int r = read_record(state_fd, stack, ret, err);

        if (r >= 0 || r == -ENOMEM || r == -EMFILE || r == -ENFILE)
                return r;
        if (r == -ENOENT)
                *err = (struct err){ 0 };
        else
                (void)err_wrap(err, "stack %s: which jobs have succeeded is not known", stack);
        *ret = json_object();
        return *ret ? 0 : err_oom(err);
}

int jobs_write(int state_fd, const char *stack, json_t *succeeded, struct err *err) {
        _cleanup_json_ json_t *j = json_pack("{s:O}", "succeeded", succeeded);
        _cleanup_fd_ int fd = -EBADF;

        if (!j)
                return err_oom(err);
        int r = open_stack(state_fd, stack, &fd, err);
        return r < 0 ? r : record_write(fd, "jobs", j, err);
}
