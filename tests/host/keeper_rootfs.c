/* Root file systems: order of layers, ids, the four modes; volumes; /dev, /proc, /sys; what is hidden and what is read-only. */
#include "host/keeper_rig.h"

#define ROOT "    rootfs: {layers: [{dir: base}]}\n"

static void test_layers(void) {
        static struct rig_box b;
        char body[16384];
        size_t n;

        rig_sh("mkdir -p %s/l1/d %s/l2/d && echo base >%s/l1/who && echo top >%s/l2/who && echo 1 >%s/l1/d/one && echo 2 >%s/l2/d/two",
               rig.dir, rig.dir, rig.dir, rig.dir, rig.dir, rig.dir);
        rig_run(&b,
                "    rootfs: {layers: [{dir: base}, {dir: l1}, {dir: l2}]}\n    command: [probe, read, /who, and, list, /d]\n",
                NULL);
        rig_is(&b, "top\none two\n", "three layers, base first: the last one wins, directories merge");
        rig_free(&b);
        rig_run(&b,
                "    rootfs: {layers: [{dir: base}, {dir: app}]}\n    command: [probe, stat, /app/file, and, stat, /, and, stat, /bin/probe]\n",
                NULL);
        rig_has(&b, "/app/file f0644 5:6", "a file of 5:6 in the layer is of 5:6 inside: layers are idmapped");
        rig_has(&b, "/ d0755 0:0", "/ has owner and mode of the base layer");
        rig_has(&b, "/bin/probe f0755 0:0", "root's files are root's");
        rig_free(&b);

        n = (size_t)snprintf(body, sizeof(body), "    rootfs:\n      layers:\n        - {dir: base}\n");
        for (int i = 1; i < 128; i++) {
                rig_sh("mkdir -p %s/many/%d && touch %s/many/%d/f%d", rig.dir, i, rig.dir, i, i);
                n += (size_t)snprintf(body + n, sizeof(body) - n, "        - {dir: many/%d}\n", i);
        }
        (void)snprintf(body + n, sizeof(body) - n, "    command: [probe, stat, /f1, and, stat, /f127]\n");
        rig_run(&b, body, NULL);
        rig_has(&b, "/f127 f0644 0:0", "128 layers");
        rig_free(&b);
}

static void test_modes(void) {
        static struct rig_box b;
        char upper[160];

        rig_run(&b,
                "    rootfs: {layers: [{dir: base}], mode: read-only}\n    volumes: [{type: tmpfs, target: /new/mount}]\n    command: [probe, write, /x, hello, and, list, /new, and, write, /new/mount/x, y]\n",
                NULL);
        rig_is(&b, "write /x: Read-only file system\nmount\n",
               "read-only: nothing can be written but in volumes, whose mount points are made");
        rig_free(&b);
        rig_run(&b,
                "    rootfs: {layers: [{dir: base}], mode: tmpfs, size: 1M}\n    command: [sh, -c, \"busybox dd if=/dev/zero of=/x bs=64k count=64 2>&1 | busybox tail -n 1; probe stat /x; probe stat /\"]\n",
                NULL);
        rig_has(&b, "/x f0644 0:0", "tmpfs: / can be written");
        rig_has_not(&b, "64+0 records out", "  but not beyond its size");
        rig_free(&b);
        rig_run(&b,
                "    rootfs: {layers: [{dir: base}], mode: ephemeral}\n    command: [probe, write, /x, hello, and, stat, /x]\n",
                NULL);
        rig_is(&b, "/x f0644 0:0 nodev\n", "ephemeral: / can be written");
        rig_free(&b);

        (void)snprintf(upper, sizeof(upper), "%s/kept", rig.dir);
        (void)mkdir(upper, 0700);
        rig_run(&b, "    rootfs: {layers: [{dir: base}], mode: persistent}\n    command: [probe, write, /x, hello]\n",
                &(struct rig_options){ .upper = upper });
        rig_free(&b);
        rig_run(&b, "    rootfs: {layers: [{dir: base}], mode: persistent}\n    command: [probe, read, /x]\n",
                &(struct rig_options){ .upper = upper });
        rig_is(&b, "hello", "persistent: the second start sees what the first wrote");
        rig_free(&b);
        rig_run(&b, "    rootfs: {layers: [{dir: base}], mode: ephemeral}\n    command: [probe, read, /x]\n",
                &(struct rig_options){ .upper = upper });
        rig_has(&b, "mount overlay (1 layer, top ", "ephemeral: a writable layer with something in it is refused");
        rig_has(&b, "the writable layer is not empty", "  in words");
        rig_free(&b);
}

static void test_dev(void) {
        static struct rig_box b;

        rig_run(&b,
                ROOT
                "    shm_size: 2M\n    command: [probe, list, /dev, and, stat, /dev/null, and, stat, /dev/zero, and, stat, /dev/full, and, stat, /dev/random, and, stat, /dev/urandom, and, stat, /dev/tty, and, readlink, /dev/ptmx, and, stat, /dev/shm, and, read, /dev/null, and, write, /dev/null, x, and, list, /dev/pts]\n",
                NULL);
        rig_is(&b,
               "core fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero\n/dev/null c0666 0:0 1:3 nosuid noexec\n/dev/zero c0666 0:0 1:5 nosuid noexec\n"
               "/dev/full c0666 0:0 1:7 nosuid noexec\n/dev/random c0666 0:0 1:8 nosuid noexec\n/dev/urandom c0666 0:0 1:9 nosuid noexec\n/dev/tty c0666 0:0 5:0 nosuid noexec\n"
               "pts/ptmx\n/dev/shm d1777 0:0 nosuid nodev noexec\nptmx\n",
               "/dev: its nodes, links and directories, no more");
        rig_free(&b);
        rig_run(&b, ROOT "    shm_size: 2M\n    command: [sh, -c, \"busybox df -k /dev/shm\"]\n", NULL);
        rig_has(&b, " 2048 ", "/dev/shm has shm_size");
        rig_free(&b);
}

static void test_hidden(void) {
        static struct rig_box b;

        rig_run(&b,
                ROOT
                "    command: [probe, open, /proc/sys/kernel/core_pattern, and, open, /proc/sysrq-trigger, and, open, /sys/kernel/mm/transparent_hugepage/enabled, and, open, /sys/fs/cgroup/cgroup.procs, and, read, /proc/keys, and, read, /proc/timer_list, and, list, /sys/firmware, and, out, end]\n",
                NULL);
        rig_has_not(&b, ": ok", "/proc/sys, sysrq-trigger, /sys and the cgroups cannot be written");
        rig_has(&b, "\n\nend\n", "keys, timer_list and firmware are empty");
        rig_free(&b);
        rig_run(&b,
                ROOT
                "    namespaces: {user: host}\n    command: [probe, open, /proc/sys/kernel/core_pattern, and, open, /proc/sysrq-trigger, and, open, /sys/kernel/mm/transparent_hugepage/enabled, and, open, /sys/fs/cgroup/cgroup.procs, and, read, /proc/keys, and, out, end]\n",
                &(struct rig_options){ .host_user = true });
        rig_has(&b, "open /proc/sys/kernel/core_pattern: Read-only file system\n",
                "the host's root, whom permissions would not stop, finds /proc/sys read-only");
        rig_has(&b,
                "open /sys/kernel/mm/transparent_hugepage/enabled: Read-only file system\nopen /sys/fs/cgroup/cgroup.procs: Read-only file system\nend\n",
                "  /sys and the cgroups too, and /proc/keys empty");
        rig_has_not(&b, ": ok", "  nothing of it can be written");
        rig_free(&b);
        rig_sh("mkdir -p %s/evil/etc && ln -s /etc %s/evil/proc", rig.dir, rig.dir);
        rig_run(&b, "    rootfs: {layers: [{dir: evil}]}\n    command: [x]\n", NULL);
        rig_has(&b, "attach /proc: it is a symbolic link in the layers", "an image whose /proc is a link is refused");
        rig_free(&b);
        rig_run(&b,
                ROOT
                "    sysctls: {net.ipv4.ip_default_ttl: 123, kernel.shmmni: 77}\n    command: [probe, read, /proc/sys/net/ipv4/ip_default_ttl, and, read, /proc/sys/kernel/shmmni, and, read, /proc/sys/net/ipv4/ip_unprivileged_port_start]\n",
                NULL);
        rig_is(&b, "123\n77\n0\n", "sysctls of the file, and the defaults of a network of its own");
        rig_free(&b);
}

static void test_binds(void) {
        static struct rig_box b;
        char body[2048];

        /* A mount below it that every kernel can idmap: tmpfs cannot on 6.1. */
        rig_sh("mkdir -p %s/src/sub %s/other %s/flat && echo f >%s/src/file && chown 7:8 %s/src/file && mount --bind %s/other %s/src/sub && echo s >%s/src/sub/s && chown 7:8 %s/flat",
               rig.dir, rig.dir, rig.dir, rig.dir, rig.dir, rig.dir, rig.dir, rig.dir, rig.dir);
        rig_run(&b,
                ROOT
                "    volumes: [{type: bind, source: src, target: /mnt/a}]\n    command: [probe, stat, /mnt/a/file, and, read, /mnt/a/sub/s, and, write, /mnt/a/new, x, and, stat, /mnt/a/new]\n",
                NULL);
        rig_is(&b, "/mnt/a/file f0644 7:8 nosuid nodev\ns\n/mnt/a/new f0644 0:0 nosuid nodev\n",
               "bind: idmapped, with what is mounted below, nosuid and nodev by default");
        rig_free(&b);
        (void)snprintf(body, sizeof(body), "%s/src/new", rig.dir);
        struct stat st = { 0 };
        rig_result(stat(body, &st) == 0 && st.st_uid == 0, "  what root writes in it is root's on the host");
        rig_run(&b,
                ROOT
                "    volumes: [{type: bind, source: flat, target: /mnt/a, bind: {idmap: false}}]\n    command: [probe, stat, /mnt/a]\n",
                NULL);
        rig_is(&b, "/mnt/a d0755 65534:65534 nosuid nodev\n", "bind with idmap: false: host ids are nobody's");
        rig_free(&b);
        rig_run(&b,
                ROOT
                "    volumes: [{type: bind, source: src, target: /mnt/a, read_only: true, noexec: true}]\n    command: [probe, write, /mnt/a/x, x, and, write, /mnt/a/sub/x, x, and, stat, /mnt/a/sub]\n",
                NULL);
        rig_is(&b,
               "write /mnt/a/x: Read-only file system\nwrite /mnt/a/sub/x: Read-only file system\n/mnt/a/sub d0755 0:0 ro nosuid nodev noexec\n",
               "read_only and noexec hold for what is mounted below, too");
        rig_free(&b);
        rig_run(&b,
                ROOT
                "    volumes: [{type: bind, source: src/file, target: /etc/one/file}]\n    command: [probe, read, /etc/one/file]\n",
                NULL);
        rig_is(&b, "f\n", "a file can be bound, its mount point is made");
        rig_free(&b);
        rig_run(&b, ROOT "    volumes: [{type: bind, source: made/here, target: /a}]\n    command: [probe]\n", NULL);
        rig_has(&b, "no such file or directory on this host\nhint: make it, or write bind: {create_host_path: true}",
                "a missing source is told");
        rig_free(&b);
        rig_run(&b,
                ROOT
                "    volumes: [{type: bind, source: made, target: /a, bind: {create_host_path: true}}]\n    command: [probe, list, /a]\n",
                NULL);
        rig_is(&b, "\n", "  and made when asked for");
        rig_free(&b);
        rig_run(&b,
                ROOT
                "    volumes: [{type: bind, source: src, target: /out}, {type: tmpfs, target: /out/sub/deep, tmpfs: {size: 1M, mode: \"0700\"}}]\n    command: [probe, stat, /out/sub/deep, and, read, /out/file]\n",
                NULL);
        rig_is(&b, "/out/sub/deep d0700 0:0 nosuid nodev\nf\n", "mounts nest, whatever the order; tmpfs has its mode");
        rig_free(&b);
        rig_sh("umount %s/src/sub", rig.dir);
}

static void test_propagation(void) {
        static struct rig_box b;
        int in[2];

        rig_sh("mkdir -p %s/share && mount -t tmpfs ctrsup-rig %s/share && mount --make-shared %s/share && mkdir %s/share/in",
               rig.dir, rig.dir, rig.dir, rig.dir);
        for (int i = 0; i < 2; i++) {
                if (pipe2(in, O_CLOEXEC) < 0)
                        return;
                rig_launch(
                        &b,
                        i ? ROOT
                                "    volumes: [{type: bind, source: share, target: /a, bind: {propagation: rslave, idmap: false}}]\n    command: [sh, -c, \"echo go; read line; probe list /a/in\"]\n"
                          : ROOT
                                "    volumes: [{type: bind, source: share, target: /a, bind: {idmap: false}}]\n    command: [sh, -c, \"echo go; read line; probe list /a/in\"]\n",
                        &(struct rig_options){ .stdin_fd = in[0] });
                if (!rig_wait(&b, &b.started)) {
                        rig_explain(&b);
                        rig_has(&b, "never", "start");
                        return;
                }
                rig_read_line(&b);
                rig_sh("mount -t tmpfs ctrsup-rig %s/share/in && touch %s/share/in/later", rig.dir, rig.dir);
                (void)!write(in[1], "\n", 1);
                (void)rig_wait(&b, &b.exited);
                rig_read_output(&b);
                rig_is(&b, i ? "later\n" : "\n",
                       i ? "rslave: a later mount of the host is seen" : "rprivate: a later mount of the host is not seen");
                rig_sh("umount %s/share/in", rig.dir);
                (void)keeper_client_forget(rig.client, b.id);
                rig_free(&b);
                (void)close(in[0]);
                (void)close(in[1]);
        }
        rig_sh("umount %s/share", rig.dir);
}

static void test_volumes(void) {
        static struct rig_box b;
        char dir[160], path[256];
        const char *dirs[] = { dir };
        struct stat st;

        (void)snprintf(dir, sizeof(dir), "%s/vol", rig.dir);
        rig_sh("mkdir -p %s/vol %s/seed/data/sub && echo image >%s/seed/data/sub/file && chown 70:71 %s/seed/data %s/seed/data/sub/file && chmod 0750 %s/seed/data && ln -s sub/file %s/seed/data/link",
               rig.dir, rig.dir, rig.dir, rig.dir, rig.dir, rig.dir, rig.dir);
#define VOLUME \
        "    rootfs: {layers: [{dir: base}, {dir: seed}]}\n    volumes: [{type: volume, source: d, target: /data%s}]\n    command: [probe, %s]\n"
        char body[512];
        const struct rig_options o = { .volume_dirs = dirs, .peer = "volumes: {d: }\n" };
        (void)snprintf(body, sizeof(body), VOLUME, "",
                       "stat, /data, and, stat, /data/sub/file, and, readlink, /data/link, and, write, /data/kept, v");
        rig_run(&b, body, &o);
        rig_is(&b, "/data d0750 70:71 nosuid nodev\n/data/sub/file f0644 70:71 nosuid nodev\nsub/file\n",
               "an empty volume is filled from the image, with owners, modes and links");
        rig_free(&b);
        (void)snprintf(path, sizeof(path), "%s/sub/file", dir);
        rig_result(stat(path, &st) == 0 && st.st_uid == 70, "  on disk with the container's ids");
        rig_sh("rm %s/vol/sub/file", rig.dir);
        (void)snprintf(body, sizeof(body), VOLUME, "", "list, /data, and, list, /data/sub");
        rig_run(&b, body, &o);
        rig_is(&b, "kept link sub\n\n", "  and kept afterwards, not filled again");
        rig_free(&b);
        (void)snprintf(body, sizeof(body), VOLUME, ", volume: {subpath: sub}", "list, /data");
        rig_run(&b, body, &o);
        rig_is(&b, "\n", "a subpath of a volume");
        rig_free(&b);
        rig_sh("ln -s /etc %s/vol/out", rig.dir);
        (void)snprintf(body, sizeof(body), VOLUME, ", volume: {subpath: out}", "list, /data");
        rig_run(&b, body, &o);
        rig_has(&b, "the subpath goes through a symbolic link", "a subpath that a container made a link is refused");
        rig_free(&b);
        rig_sh("rm -rf %s/vol && mkdir %s/vol", rig.dir, rig.dir);
        (void)snprintf(body, sizeof(body), VOLUME, ", read_only: true", "read, /data/sub/file, and, write, /data/x, y");
        rig_run(&b, body, &o);
        rig_is(&b, "image\nwrite /data/x: Read-only file system\n", "a read-only volume is filled, then read-only");
        rig_free(&b);
        rig_sh("rm -rf %s/vol && mkdir %s/vol", rig.dir, rig.dir);
        (void)snprintf(body, sizeof(body), VOLUME, ", volume: {nocopy: true}", "list, /data");
        rig_run(&b, body, &o);
        rig_is(&b, "\n", "nocopy: stays empty");
        rig_free(&b);
}

/* A target that leads through links of the image stays inside; nothing appears on the host. */
static void test_escape(void) {
        static struct rig_box b;
        char path[128];

        (void)snprintf(path, sizeof(path), "/tmp/ctrsup-escape-%d", (int)getpid());
        rig_sh("mkdir -p %s/links && ln -s ../../../../../../../.. %s/links/up && ln -s /tmp %s/links/abs", rig.dir, rig.dir,
               rig.dir);
        char body[1024];
        (void)snprintf(
                body, sizeof(body),
                "    rootfs: {layers: [{dir: base}, {dir: links}]}\n    volumes: [{type: tmpfs, target: /up%s}, {type: tmpfs, target: /abs%s-2}]\n    command: [probe, stat, %s, and, stat, %s-2]\n",
                path, strrchr(path, '/'), path, path);
        rig_run(&b, body, NULL);
        rig_has(&b, " d1777 0:0", "a mount point through links of the image is inside the container");
        rig_result(access(path, F_OK) < 0, "  and not on the host");
        rig_free(&b);
}

int main(void) {
        rig_begin(false);
        test_layers();
        test_modes();
        test_dev();
        test_hidden();
        test_binds();
        test_propagation();
        test_volumes();
        test_escape();
        return rig_end();
}
