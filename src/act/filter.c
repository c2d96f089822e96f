#include <ctrsup/act/filter.h>

#include <ctrsup/kernel/io.h>
#include <ctrsup/seccomp/filter.h>
#include <ctrsup/seccomp/read.h>

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>

static void filter_done(struct act_filter *filter) {
        close_fd(filter->fd);
        free(filter->profile);
}

static int keep(struct act_filters *f, const struct act_filter *made) {
        struct act_filter *item = &f->items[f->n < ACT_FILTERS_MAX ? f->n : f->next];

        if (f->n < ACT_FILTERS_MAX) {
                f->n++;
        } else {
                filter_done(item);
                f->next = (f->next + 1) % ACT_FILTERS_MAX;
        }
        *item = *made;
        return item->fd;
}

static int seal(const struct buf *program, int *ret, struct err *err) {
        _cleanup_fd_ int fd = memfd_create("ctrsup-filter", MFD_CLOEXEC | MFD_ALLOW_SEALING);

        if (fd < 0)
                return err_sys(err, errno, "make a memfd");
        int r = io_write_all(fd, program->data, program->len);
        if (r == 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
                r = -errno;
        if (r < 0)
                return err_sys(err, -r, "write the filter");
        *ret = take_fd(&fd);
        return 0;
}

static int compile_default(uint64_t capabilities, struct buf *out, struct err *err) {
        struct seccomp_profile profile;

        int r = seccomp_profile_default(capabilities, &profile);
        if (r < 0)
                return err_oom(err);
        r = seccomp_filter_compile(&profile, out, err);
        free(profile.rules);
        return r;
}

static int read_profile(const char *text, uint64_t capabilities, struct arena *a, struct seccomp_profile *ret, struct err *err) {
        struct seccomp_machine here = { .capabilities = capabilities };
        struct diag_list found;
        struct utsname name;

        if (uname(&name) == 0)
                (void)sscanf(name.release, "%u.%u", &here.major, &here.minor);
        if (diag_list_init(&found, "profile") < 0)
                return err_oom(err);
        int r = seccomp_profile_read(text, strlen(text), &here, a, &found, ret);
        if (r < 0)
                err_set(err, r == -ENOMEM ? ENOMEM : EINVAL, "%s", found.n > 0 ? found.items[0].message : "out of memory");
        diag_list_done(&found);
        return r;
}

static int compile_file(const char *text, uint64_t capabilities, struct buf *out, struct err *err) {
        _cleanup_arena_ struct arena *a = arena_new();
        struct seccomp_profile profile;

        if (!a)
                return err_oom(err);
        int r = read_profile(text, capabilities, a, &profile, err);
        if (r < 0)
                return r;
        r = seccomp_filter_compile(&profile, out, err);
        if (r < 0)
                return r;
        const char *missing = seccomp_filter_missing(out);
        if (!missing)
                return 0;
        err_set(err, EPERM, "it does not let %s through", missing);
        return err_hint(err, "the command is executed under it: allow execve, write and exit_group at least");
}

int act_filter(struct act_filters *f, const struct spec_container *c, int *ret, struct err *err) {
        const char *text = c->seccomp.mode == SECCOMP_FILE ? c->seccomp.profile : NULL;
        struct act_filter wanted = { .capabilities = text ? c->capabilities : seccomp_profile_capabilities(c->capabilities) };
        _cleanup_buf_ struct buf program = BUF_NULL;

        if (c->seccomp.mode == SECCOMP_UNCONFINED) {
                *ret = -EBADF;
                return 0;
        }
        for (size_t i = 0; i < f->n; i++) {
                const struct act_filter *item = &f->items[i];
                if (item->capabilities == wanted.capabilities &&
                    (text ? item->profile && strcmp(item->profile, text) == 0 : !item->profile)) {
                        *ret = item->fd;
                        return 0;
                }
        }
        int r = text ? compile_file(text, wanted.capabilities, &program, err)
                     : compile_default(wanted.capabilities, &program, err);
        if (r < 0)
                return err_wrap(err, "seccomp profile %s", text ? c->seccomp.file : "default");
        r = seal(&program, &wanted.fd, err);
        if (r < 0)
                return r;
        wanted.profile = text ? strdup(text) : NULL;
        if (text && !wanted.profile) {
                close_fd(wanted.fd);
                return err_oom(err);
        }
        *ret = keep(f, &wanted);
        return 0;
}

void act_filters_done(struct act_filters *f) {
        for (size_t i = 0; i < f->n; i++)
                filter_done(&f->items[i]);
        *f = (struct act_filters){ 0 };
}
