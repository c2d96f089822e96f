#include <ctrsup/act/devices.h>

#include <ctrsup/base/cleanup.h>

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

int act_devices_find(const struct spec_container *c, struct recipe_device ret[ACT_DEVICES_MAX], size_t *ret_at, struct err *err) {
        struct stat st;

        for (size_t i = 0; i < c->n_devices; i++) {
                *ret_at = i;
                if (i == ACT_DEVICES_MAX)
                        return err_set(err, E2BIG, "more than %d devices", ACT_DEVICES_MAX);
                _cleanup_fd_ int fd = open(c->devices[i].source, O_PATH | O_CLOEXEC);
                if (fd < 0 || fstat(fd, &st) < 0)
                        return err_sys(err, errno, "device %s", c->devices[i].source);
                if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
                        return err_set(err, ENODEV, "device %s: it is not a device", c->devices[i].source);
                ret[i] = (struct recipe_device){ .mode = st.st_mode & (S_IFMT | 0777),
                                                 .major = major(st.st_rdev),
                                                 .minor = minor(st.st_rdev) };
        }
        return 0;
}

static unsigned access_of(const char *permissions) {
        return (strchr(permissions, 'r') ? (unsigned)DEVICE_READ : 0) | (strchr(permissions, 'w') ? (unsigned)DEVICE_WRITE : 0) |
               DEVICE_MKNOD; /* by the launch; for the container that is not enough */
}

static void put_rules(struct act_device_filter *f, const struct spec_container *c, const struct recipe_device *devices) {
        memcpy(f->rules, device_standard, device_n_standard * sizeof(*f->rules));
        f->n = device_n_standard;
        for (size_t i = 0; i < c->n_devices && f->n < DEVICE_RULES_MAX; i++)
                f->rules[f->n++] = (struct device_rule){ .block = S_ISBLK(devices[i].mode),
                                                         .major = devices[i].major,
                                                         .minor = devices[i].minor,
                                                         .access = access_of(c->devices[i].permissions) };
}

static bool same_rules(const struct act_device_filter *a, const struct act_device_filter *b) {
        if (a->n != b->n)
                return false;
        for (size_t i = 0; i < a->n; i++)
                if (a->rules[i].block != b->rules[i].block || a->rules[i].major != b->rules[i].major ||
                    a->rules[i].minor != b->rules[i].minor || a->rules[i].access != b->rules[i].access)
                        return false;
        return true;
}

static int keep(struct act_device_filters *f, const struct act_device_filter *made) {
        struct act_device_filter *item = &f->items[f->n < ACT_DEVICE_FILTERS_MAX ? f->n : f->next];

        if (f->n < ACT_DEVICE_FILTERS_MAX) {
                f->n++;
        } else {
                close_fd(item->fd);
                f->next = (f->next + 1) % ACT_DEVICE_FILTERS_MAX;
        }
        *item = *made;
        return item->fd;
}

static int filter_of(struct act_device_filters *f, struct act_device_filter *wanted, struct err *err) {
        for (size_t i = 0; i < f->n; i++)
                if (same_rules(&f->items[i], wanted))
                        return f->items[i].fd;
        int r = device_filter_load(wanted->rules, wanted->n, &wanted->fd, err);
        return r < 0 ? r : keep(f, wanted);
}

int act_devices_confine(struct act_device_filters *f, int leaf_fd, const struct spec_container *c,
                        const struct recipe_device *devices, struct err *err) {
        struct act_device_filter wanted = { .fd = -EBADF };
        int r;

        if (f->missing && c->n_devices == 0)
                return 0;
        put_rules(&wanted, c, devices);
        int fd = filter_of(f, &wanted, err);
        r = fd < 0 ? fd : device_filter_attach(leaf_fd, fd, err);
        if (r != -EPERM && r != -ENOSYS && r != -EINVAL)
                return r;
        f->missing = -r;
        return c->n_devices == 0 ? 0 : err_hint(err, "the kernel lets us load no BPF program (CONFIG_CGROUP_BPF, CAP_BPF)");
}

void act_device_filters_done(struct act_device_filters *f) {
        for (size_t i = 0; i < f->n; i++)
                close_fd(f->items[i].fd);
        *f = (struct act_device_filters){ 0 };
}
