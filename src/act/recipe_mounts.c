/* The root, the volumes and the system directories of a container, as operations.
 *
 * Who mounts /proc, /sys, /sys/fs/cgroup and /dev/mqueue: the payload, when the namespace they show is the container's own; the
 * preparer, when it is shared: the kernel lets only the owner of a namespace mount its view, and the host's root always is. */
#include "recipe_plan.h"

#include <string.h>
#include <sys/mount.h>

#define SYSTEM_FLAGS (RECIPE_NOSUID | RECIPE_NODEV | RECIPE_NOEXEC)
#define UPPER_SEALED_SIZE (1024 * 1024) /* of a read-only root: holds mount points only */
#define BY_PAYLOAD UINT32_MAX

static bool is_own(const struct spec_container *c, enum spec_ns ns) {
        return c->namespaces[ns].mode == NS_PRIVATE || c->namespaces[ns].mode == NS_NONE;
}

static unsigned idmap_flag(const struct recipe_input *in) {
        return in->userns_fd >= 0 ? RECIPE_IDMAP : 0;
}

static void open_layers(struct recipe_plan *p, const struct recipe_input *in, struct recipe_slots *s) {
        const struct spec_rootfs *root = &in->container->rootfs;
        char key[64];

        s->first_layer = s->next;
        for (size_t i = 0; i < root->n_layers; i++) {
                (void)snprintf(key, sizeof(key), "rootfs.layers[%zu].dir", i);
                recipe_plan_step(p, OP(LAYER, .flags = idmap_flag(in), .str = { root->layers[i].dir }, .num = { s->next++ }), key,
                                 "open layer %zu of %zu, %s", i + 1, root->n_layers, root->layers[i].dir);
        }
        if (in->upper_dir) {
                s->upper = s->next++;
                recipe_plan_step(p, OP(UPPER, .str = { in->upper_dir }, .num = { s->upper }), "rootfs.mode",
                                 "open the writable layer, %s", in->upper_dir);
        }
}

static void mount_root(struct recipe_plan *p, const struct recipe_input *in, struct recipe_slots *s) {
        const struct spec_rootfs *root = &in->container->rootfs;
        bool sealed = root->mode == ROOTFS_READ_ONLY;

        if (!in->upper_dir) {
                uint64_t size = sealed ? UPPER_SEALED_SIZE : root->size;
                s->upper = s->next++;
                recipe_plan_step(
                        p, OP(MOUNT, .flags = RECIPE_NOSUID | RECIPE_NODEV, .num = { s->upper, RECIPE_FS_TMPFS, size, 0755 }),
                        "rootfs.mode", "make the writable layer in memory");
        }
        s->overlay = s->next++;
        unsigned flags = root->mode == ROOTFS_PERSISTENT ? RECIPE_PERSISTENT : RECIPE_VOLATILE;
        recipe_plan_step(p, OP(OVERLAY, .flags = flags, .num = { s->overlay, s->first_layer, root->n_layers, s->upper }),
                         "rootfs.layers", "mount overlay (%zu layer%s, top %s)", root->n_layers, root->n_layers == 1 ? "" : "s",
                         root->layers[root->n_layers - 1].dir);
}

static unsigned volume_flags(const struct spec_volume *v) {
        return (v->nosuid ? RECIPE_NOSUID : 0) | (v->nodev ? RECIPE_NODEV : 0) | (v->noexec ? RECIPE_NOEXEC : 0) |
               (v->read_only ? RECIPE_RDONLY : 0);
}

static bool is_seeded(const struct spec_volume *v) {
        return v->type == VOLUME_VOLUME && !v->nocopy && !v->subpath;
}

/* Owner and mode of a new volume are the image's, unless the file says. */
static bool has_own_owner(const struct recipe_plan *p, const struct spec_volume *v) {
        static const char *const keys[] = { "user", "mode" };
        char path[256];

        for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
                (void)snprintf(path, sizeof(path), "volumes.%s.%s", v->source, keys[i]);
                if (recipe_path_is_written(p, path))
                        return true;
        }
        return false;
}

static bool is_below(const char *path, const char *dir) {
        size_t n = strlen(dir);

        return strncmp(path, dir, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

/* Validation refused it in words with the place; this is the second lock of the same door. */
static int check_target(const struct spec_volume *v, struct err *err) {
        static const char *const system[] = { "/proc", "/sys", "/dev" };

        for (size_t i = 0; i < ARRAY_SIZE(system); i++)
                if (is_below(v->target, system[i])) {
                        err_set(err, EINVAL, "mount at %s: %s is the system's", v->target, system[i]);
                        return is_below(v->target, "/dev/shm") ? err_hint(err, "its size is shm_size") : -EINVAL;
                }
        return v->target[0] == '/' && v->target[1] != '\0' ? 0
                                                           : err_set(err, EINVAL, "mount at %s: the root is rootfs", v->target);
}

static int open_volume(struct recipe_plan *p, const struct recipe_input *in, size_t i, struct recipe_slots *s, struct err *err) {
        static const unsigned long propagation[_PROPAGATION_MAX] = {
                [PROPAGATION_RPRIVATE] = MS_PRIVATE, [PROPAGATION_RSLAVE] = MS_SLAVE, [PROPAGATION_RSHARED] = MS_SHARED
        };
        const struct spec_volume *v = &in->container->volumes[i];
        struct recipe_args args = { .kind = RECIPE_BIND, .flags = volume_flags(v), .fd = -EBADF };
        char key[64];

        int r = check_target(v, err);
        if (r < 0 || v->type == VOLUME_TMPFS)
                return r;
        s->volumes[i] = s->next++;
        args.num[0] = s->volumes[i];
        args.num[1] = propagation[v->propagation];
        if (in->userns_fd >= 0 && (v->type == VOLUME_VOLUME || v->idmap))
                args.flags |= RECIPE_IDMAP;
        (void)snprintf(key, sizeof(key), "volumes[%zu].source", i);
        if (v->type == VOLUME_BIND) {
                if (v->create_host_path)
                        args.flags |= RECIPE_CREATE;
                args.str[0] = v->source;
                recipe_plan_step(p, &args, key, "open bind %s", v->source);
                return 0;
        }
        if (!in->volume_dirs || !in->volume_dirs[i])
                return err_set(err, EINVAL, "volume %s has no directory", v->source);
        if (is_seeded(v)) /* read-only once it is filled */
                args.flags &= ~(unsigned)RECIPE_RDONLY;
        args.str[0] = in->volume_dirs[i];
        args.str[1] = v->subpath;
        if (v->subpath)
                (void)snprintf(key, sizeof(key), "volumes[%zu].volume.subpath", i);
        recipe_plan_step(p, &args, key, "open volume %s%s%s", v->source, v->subpath ? ", " : "", v->subpath ? v->subpath : "");
        return 0;
}

static void mount_tmpfs_volumes(struct recipe_plan *p, const struct recipe_input *in, struct recipe_slots *s) {
        char key[64];

        for (size_t i = 0; i < in->container->n_volumes; i++) {
                const struct spec_volume *v = &in->container->volumes[i];
                if (v->type != VOLUME_TMPFS)
                        continue;
                s->volumes[i] = s->next++;
                (void)snprintf(key, sizeof(key), "volumes[%zu]", i);
                recipe_plan_step(p,
                                 OP(MOUNT, .flags = volume_flags(v),
                                    .num = { s->volumes[i], RECIPE_FS_TMPFS, v->tmpfs_size, v->tmpfs_mode }),
                                 key, "make the tmpfs for %s", v->target);
        }
}

static void make_devices(struct recipe_plan *p, const struct recipe_input *in, uint32_t dev) {
        char key[64];

        for (size_t i = 0; i < in->container->n_devices; i++) {
                const char *target = in->container->devices[i].target;
                const struct recipe_device *d = &in->devices[i];

                (void)snprintf(key, sizeof(key), "devices[%zu]", i);
                recipe_plan_step(p, OP(DEVICE, .str = { target + strlen("/dev/") }, .num = { dev, d->mode, d->major, d->minor }), key,
                                 "make device %s", target);
        }
}

int recipe_plan_open_mounts(struct recipe_plan *p, const struct recipe_input *in, struct recipe_slots *s, struct err *err) {
        const struct spec_container *c = in->container;

        s->volumes = arena_array_of(p->arena, uint32_t, c->n_volumes);
        if (!s->volumes)
                return err_oom(err);
        /* first all that is opened in the host's mount namespace, then what needs our own: each change costs */
        open_layers(p, in, s);
        for (size_t i = 0; i < c->n_volumes; i++) {
                int r = open_volume(p, in, i, s, err);
                if (r < 0)
                        return r;
        }
        if (in->notify_dir) {
                s->notify = s->next++;
                recipe_plan_step(p,
                                 OP(BIND, .flags = SYSTEM_FLAGS | RECIPE_RDONLY, .str = { in->notify_dir },
                                    .num = { s->notify, MS_PRIVATE }),
                                 "", "open the notify socket");
        }
        s->shm = s->next++;
        if (c->namespaces[NS_IPC].mode == NS_HOST)
                recipe_plan_step(p, OP(BIND, .flags = SYSTEM_FLAGS, .str = { "/dev/shm" }, .num = { s->shm, MS_PRIVATE }),
                                 "namespaces.ipc", "open the host's /dev/shm");
        else if (c->namespaces[NS_IPC].mode == NS_CONTAINER)
                recipe_plan_step(p, OP_FD(PEER_SHM, in->peer_pidfds[NS_IPC], .num = { s->shm }), "namespaces.ipc",
                                 "open /dev/shm of container %s", c->namespaces[NS_IPC].container);
        mount_root(p, in, s);
        mount_tmpfs_volumes(p, in, s);
        if (is_own(c, NS_IPC))
                recipe_plan_step(p, OP(MOUNT, .flags = SYSTEM_FLAGS, .num = { s->shm, RECIPE_FS_TMPFS, c->shm_size, 01777 }),
                                 "shm_size", "make /dev/shm");
        s->dev = s->next++;
        recipe_plan_step(p, OP(DEV, .num = { s->dev }), "", "make /dev");
        make_devices(p, in, s->dev);
        return 0;
}

static uint32_t mount_shared(struct recipe_plan *p, struct recipe_slots *s, enum recipe_fs fs, unsigned flags, const char *key,
                             const char *what) {
        uint32_t slot = s->next++;

        recipe_plan_step(p, OP(MOUNT, .flags = SYSTEM_FLAGS | flags, .num = { slot, fs }), key, "mount %s", what);
        return slot;
}

void recipe_plan_join_mounts(struct recipe_plan *p, const struct recipe_input *in, struct recipe_slots *s) {
        const struct spec_namespace *ns = in->container->namespaces;

        s->proc = s->sysfs = s->cgroup = s->mqueue = BY_PAYLOAD;
        if (!is_own(in->container, NS_PID))
                s->proc = mount_shared(p, s, RECIPE_FS_PROC, ns[NS_PID].mode == NS_CONTAINER ? RECIPE_JOINED_PID : 0,
                                       "namespaces.pid", "/proc of the shared pid namespace");
        if (!is_own(in->container, NS_NET))
                s->sysfs = mount_shared(p, s, RECIPE_FS_SYSFS, RECIPE_RDONLY, "namespaces.net",
                                        "/sys of the shared network namespace");
        if (!is_own(in->container, NS_CGROUP))
                s->cgroup = mount_shared(p, s, RECIPE_FS_CGROUP2, RECIPE_RDONLY, "namespaces.cgroup",
                                         "/sys/fs/cgroup of the shared cgroup namespace");
        if (!is_own(in->container, NS_IPC))
                s->mqueue = mount_shared(p, s, RECIPE_FS_MQUEUE, 0, "namespaces.ipc", "/dev/mqueue of the shared ipc namespace");
}

static void attach_volumes(struct recipe_plan *p, const struct recipe_input *in, const struct recipe_slots *s) {
        const struct spec_container *c = in->container;
        size_t *order = arena_array_of(p->arena, size_t, c->n_volumes);
        char key[64];

        if (!order) {
                p->failed = true;
                return;
        }
        for (size_t i = 0; i < c->n_volumes; i++) { /* /data before /data/tmp, whatever the order in the file */
                size_t at = i;
                for (; at > 0 && strcmp(c->volumes[order[at - 1]].target, c->volumes[i].target) > 0; at--)
                        order[at] = order[at - 1];
                order[at] = i;
        }
        for (size_t i = 0; i < c->n_volumes; i++) {
                const struct spec_volume *v = &c->volumes[order[i]];
                uint32_t slot = s->volumes[order[i]];
                (void)snprintf(key, sizeof(key), "volumes[%zu].target", order[i]);
                if (is_seeded(v))
                        recipe_plan_step(
                                p, OP(SEED, .flags = has_own_owner(p, v) ? RECIPE_OWN : 0, .str = { v->target }, .num = { slot }),
                                key, "copy %s of the image into the new volume %s", v->target, v->source);
                recipe_plan_step(p,
                                 OP(ATTACH, .flags = is_seeded(v) && v->read_only ? RECIPE_RDONLY : 0, .str = { v->target },
                                    .num = { slot }),
                                 key, "mount %s at %s", v->source ? v->source : "tmpfs", v->target);
        }
}

/* Attaches what the preparer made, or makes it here. */
static uint32_t attach_system(struct recipe_plan *p, struct recipe_slots *s, uint32_t slot, enum recipe_fs fs, unsigned flags,
                              const char *path) {
        if (slot == BY_PAYLOAD) {
                slot = s->next++;
                recipe_plan_step(p, OP(MOUNT, .flags = flags, .num = { slot, fs }), "", "mount %s", path);
        }
        recipe_plan_step(p, OP(ATTACH, .flags = RECIPE_SYSTEM, .str = { path }, .num = { slot }), "", "attach %s", path);
        return slot;
}

static void set_sysctls(struct recipe_plan *p, const struct recipe_input *in, uint32_t proc) {
        const struct spec_pairs *sysctls = &in->container->sysctls;
        char key[256], path[256];

        for (size_t i = 0; i < sysctls->n; i++) {
                (void)snprintf(key, sizeof(key), "sysctls.%s", sysctls->items[i].key);
                (void)snprintf(path, sizeof(path), "%s", sysctls->items[i].key);
                for (char *dot = strchr(path, '.'); dot; dot = strchr(dot, '.'))
                        *dot = '/';
                unsigned flags = recipe_key_is_written(p, key) || recipe_key_is_written(p, "sysctls") ? 0 : RECIPE_BEST_EFFORT;
                recipe_plan_step(p, OP(SYSCTL, .flags = flags, .str = { path, sysctls->items[i].value }, .num = { proc }), key,
                                 "set sysctl %s to %s", sysctls->items[i].key, sysctls->items[i].value);
        }
}

const char *const recipe_read_only_paths[] = { "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger", NULL };
const char *const recipe_masked_paths[] = {
        "/proc/acpi",
        "/proc/asound",
        "/proc/interrupts",
        "/proc/kallsyms",
        "/proc/kcore",
        "/proc/keys",
        "/proc/key-users",
        "/proc/kmsg",
        "/proc/latency_stats",
        "/proc/sched_debug",
        "/proc/scsi",
        "/proc/timer_list",
        "/proc/timer_stats",
        "/sys/firmware",
        "/sys/devices/virtual/powercap",
        "/sys/fs/selinux",
        NULL,
};

/* Those that the file names, in place of ours. */
static void hide_given(struct recipe_plan *p, const struct spec_paths *paths, enum recipe_op_kind kind, const char *key) {
        char place[64];

        for (size_t i = 0; i < paths->n; i++) {
                (void)snprintf(place, sizeof(place), "%s[%zu]", key, i);
                recipe_plan_step(p, &(struct recipe_args){ .kind = kind, .fd = -EBADF, .str = { paths->items[i] } }, place,
                                 "%s %s%s", kind == RECIPE_MASK ? "hide" : "make", paths->items[i],
                                 kind == RECIPE_MASK ? "" : " read-only");
        }
}

static void hide_paths(struct recipe_plan *p, const struct recipe_input *in) {
        const struct spec_container *c = in->container;
        char path[80];

        hide_given(p, &c->readonly_paths, RECIPE_READONLY, "readonly_paths");
        hide_given(p, &c->masked_paths, RECIPE_MASK, "masked_paths");
        for (const char *const *at = recipe_read_only_paths; *at && !c->readonly_paths.given; at++)
                recipe_plan_step(p, OP(READONLY, .str = { *at }), "", "make %s read-only", *at);
        if (c->masked_paths.given)
                return;
        for (const char *const *at = recipe_masked_paths; *at; at++)
                recipe_plan_step(p, OP(MASK, .str = { *at }), "", "hide %s", *at);
        for (unsigned i = 0; i < in->n_thermal_cpus; i++) {
                (void)snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/thermal_throttle", i);
                recipe_plan_step(p, OP(MASK, .str = { path }), "", "hide %s", path);
        }
}

void recipe_plan_attach_mounts(struct recipe_plan *p, const struct recipe_input *in, struct recipe_slots *s) {
        recipe_plan_step(p, OP(ROOT, .num = { s->overlay }), "rootfs", "attach the root");
        /* volumes first: none of them can come to lie over /proc, /sys or /dev */
        attach_volumes(p, in, s);
        uint32_t proc = attach_system(p, s, s->proc, RECIPE_FS_PROC, SYSTEM_FLAGS, "/proc");
        attach_system(p, s, s->sysfs, RECIPE_FS_SYSFS, SYSTEM_FLAGS | RECIPE_RDONLY, "/sys");
        attach_system(p, s, s->cgroup, RECIPE_FS_CGROUP2, SYSTEM_FLAGS | RECIPE_RDONLY, "/sys/fs/cgroup");
        attach_system(p, s, s->dev, RECIPE_FS_TMPFS, 0, "/dev");
        attach_system(p, s, BY_PAYLOAD, RECIPE_FS_DEVPTS, RECIPE_NOSUID | RECIPE_NOEXEC, "/dev/pts");
        attach_system(p, s, s->shm, RECIPE_FS_TMPFS, 0, "/dev/shm");
        attach_system(p, s, s->mqueue, RECIPE_FS_MQUEUE, SYSTEM_FLAGS, "/dev/mqueue");
        if (in->notify_dir)
                recipe_plan_step(p, OP(ATTACH, .flags = RECIPE_SYSTEM, .str = { RECIPE_NOTIFY_DIR }, .num = { s->notify }), "",
                                 "attach the notify socket");
        set_sysctls(p, in, proc);
        hide_paths(p, in);
        if (in->container->rootfs.mode == ROOTFS_READ_ONLY)
                recipe_plan_step(p, OP(SEAL), "rootfs.mode", "make the root read-only");
        recipe_plan_step(p, OP(PIVOT), "rootfs", "change root");
}
