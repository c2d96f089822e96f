#include <ctrsup/act/filter.h>

#include <ctrsup/kernel/io.h>
#include <ctrsup/seccomp/filter.h>

#include <fcntl.h>
#include <sys/mman.h>

static int keep(struct act_filters *f, const struct act_filter *made) {
        struct act_filter *item = &f->items[f->n < ACT_FILTERS_MAX ? f->n : f->next];

        if (f->n < ACT_FILTERS_MAX) {
                f->n++;
        } else {
                close_fd(item->fd);
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

static int compile(uint64_t capabilities, int *ret, struct err *err) {
        _cleanup_buf_ struct buf program = BUF_NULL;
        struct seccomp_profile profile;

        int r = seccomp_profile_default(capabilities, &profile);
        if (r < 0)
                return err_oom(err);
        r = seccomp_filter_compile(&profile, &program, err);
        free(profile.rules);
        return r < 0 ? err_wrap(err, "compile the seccomp profile") : seal(&program, ret, err);
}

int act_filter(struct act_filters *f, const struct spec_container *c, int *ret, struct err *err) {
        struct act_filter wanted = { .capabilities = seccomp_profile_capabilities(c->capabilities) };

        if (c->seccomp.mode == SECCOMP_UNCONFINED) {
                *ret = -EBADF;
                return 0;
        }
        for (size_t i = 0; i < f->n; i++)
                if (f->items[i].capabilities == wanted.capabilities) {
                        *ret = f->items[i].fd;
                        return 0;
                }
        int r = compile(wanted.capabilities, &wanted.fd, err);
        if (r < 0)
                return r;
        *ret = keep(f, &wanted);
        return 0;
}

void act_filters_done(struct act_filters *f) {
        for (size_t i = 0; i < f->n; i++)
                close_fd(f->items[i].fd);
        *f = (struct act_filters){ 0 };
}
