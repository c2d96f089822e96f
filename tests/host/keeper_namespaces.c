/* Each namespace private, the host's, and another container's; asserted from outside by /proc/PID/ns and from inside. */
#include "host/keeper_rig.h"

#include <linux/nsfs.h>
#include <sys/ioctl.h>

#define ROOT "    rootfs: {layers: [{dir: base}]}\n"

static const char *const all[] = { "pid", "ipc", "uts", "net", "cgroup", "user", "mnt", "time" };

static bool start(struct rig_box *b, const char *body, const struct rig_options *o) {
        rig_launch(b, body, o);
        if (rig_wait(b, &b->started))
                return true;
        rig_explain(b);
        rig_result(false, "start");
        rig_show(b->text);
        return false;
}

static bool same(pid_t a, pid_t b, const char *ns) {
        char x[64], y[64];

        return strcmp(rig_ns(a, ns, x), rig_ns(b, ns, y)) == 0 && x[0] != '\0';
}

/* The user namespace that owns a namespace of the process is the process's own. */
static bool is_owned(pid_t pid, const char *ns) {
        char path[64];
        struct stat owner, user;

        (void)snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, ns);
        _cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        _cleanup_fd_ int parent = fd < 0 ? -EBADF : ioctl(fd, NS_GET_USERNS);
        (void)snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
        return parent >= 0 && fstat(parent, &owner) == 0 && stat(path, &user) == 0 && owner.st_ino == user.st_ino;
}

static void test_private(void) {
        static struct rig_box b;
        char want[128], text[64];

        if (!start(&b,
                   ROOT
                   "    command: [probe, ns, pid, and, ns, ipc, and, ns, uts, and, ns, net, and, ns, cgroup, and, ns, user, and, ns, mnt, and, ns, time, and, sleep]\n",
                   NULL))
                return;
        for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
                bool time = strcmp(all[i], "time") == 0;
                rig_result(same(getpid(), b.pid, all[i]) == time, "%s: %s by default", all[i], time ? "the host's" : "its own");
                if (!time && strcmp(all[i], "user") != 0)
                        rig_result(is_owned(b.pid, all[i]), "%s: belongs to the container's user namespace", all[i]);
                rig_read_line(&b);
                (void)snprintf(want, sizeof(want), "%s\n", rig_ns(b.pid, all[i], text));
                rig_is(&b, want, "  and is the same seen from inside");
        }
        rig_stop(&b);
}

static void test_host(const char *key, const char *ns) {
        static struct rig_box b;
        char body[512];
        bool user = strcmp(key, "user") == 0;

        (void)snprintf(body, sizeof(body),
                       ROOT "    namespaces: {%s: host}\n    command: [probe, stat, /proc/self/status, and, sleep]\n", key);
        if (!start(&b, body, &(struct rig_options){ .host_user = user }))
                return;
        rig_result(same(getpid(), b.pid, ns), "%s: host is the host's", key);
        for (size_t i = 0; i < ARRAY_SIZE(all); i++)
                if (strcmp(all[i], ns) != 0 && strcmp(all[i], "time") != 0 && same(getpid(), b.pid, all[i]))
                        rig_result(false, "%s: host leaves %s private", key, all[i]);
        rig_read_line(&b);
        rig_has(&b, "/proc/self/status f0444", "  /proc works in it");
        rig_stop(&b);
}

static void test_shared(const struct rig_box *peer, const char *key, const char *ns) {
        static struct rig_box b;
        char body[512];

        (void)snprintf(
                body, sizeof(body),
                ROOT
                "    namespaces: {%s: \"container:x\", user: \"container:x\"}\n    command: [probe, stat, /proc/self/status, and, stat, /sys/fs/cgroup, and, sleep]\n",
                key);
        if (!start(&b, body,
                   &(struct rig_options){ .share = peer,
                                          .peer = "  x:\n    rootfs: {layers: [{dir: base}]}\n    command: [probe]\n" }))
                return;
        rig_result(same(peer->pid, b.pid, ns), "%s: container:x is that of x", key);
        rig_read_line(&b);
        rig_has(&b, "/proc/self/status f0444", "  /proc works in it");
        rig_read_line(&b);
        rig_has(&b, " ro nosuid nodev noexec", "  /sys/fs/cgroup is there, read-only");
        rig_stop(&b);
}

/* With an own user namespace beside a shared one of the others: who mounts what changes. */
static void test_shared_other_user(const struct rig_box *peer) {
        static struct rig_box b;

        if (!start(&b,
                   ROOT
                   "    namespaces: {net: \"container:x\", ipc: \"container:x\", uts: \"container:x\", cgroup: \"container:x\"}\n    command: [probe, ids, and, shm, /seg, and, mq, /queue, and, lo, and, sleep]\n",
                   &(struct rig_options){
                           .share = peer,
                           .other_user = true,
                           .peer = "  x:\n    hostname: peerhost\n    rootfs: {layers: [{dir: base}]}\n    command: [probe]\n" }))
                return;
        rig_result(same(peer->pid, b.pid, "net") && same(peer->pid, b.pid, "ipc") && same(peer->pid, b.pid, "uts") &&
                           same(peer->pid, b.pid, "cgroup"),
                   "net, ipc, uts and cgroup shared at once");
        for (int i = 0; i < 8; i++) {
                rig_read_line(&b);
                if (strncmp(b.text, "host=", 5) == 0)
                        rig_is(&b, "host=peerhost\n", "  the host name is x's");
        }
        rig_read_line(&b);
        if (strncmp(b.text, "groups", 6) == 0)
                rig_read_line(&b);
        rig_is(&b, "shm=found\n", "  /dev/shm is x's");
        rig_read_line(&b);
        rig_is(&b, "mq=found visible=1\n", "  /dev/mqueue is x's");
        rig_read_line(&b);
        rig_is(&b, "lo_up=1\n", "  the network is x's");
        rig_stop(&b);
}

static void test_details(void) {
        static struct rig_box b;

        rig_run(&b,
                ROOT
                "    hostname: db1\n    domainname: shop.lan\n    command: [probe, ids, and, lo, and, list, /sys/class/net, and, shm, /a, and, mq, /a, and, read, /proc/self/cgroup]\n",
                NULL);
        rig_has(&b, "pid=1\nppid=0\nhost=db1\ndomain=shop.lan\n", "own pid and uts namespace: PID 1, the names of the file");
        rig_has(&b, "lo_up=1\nlo\n", "own network: lo alone, up");
        rig_has(&b, "shm=made\nmq=made visible=1\n", "own ipc: empty /dev/shm and /dev/mqueue");
        rig_has(&b, "0::/\n", "own cgroup namespace: the leaf is the root");
        rig_free(&b);
        rig_run(&b, ROOT "    namespaces: {net: none}\n    command: [probe, lo, and, list, /sys/class/net]\n", NULL);
        rig_has(&b, "lo_up=1\nlo\n", "net: none has lo, up");
        rig_free(&b);
        rig_run(&b,
                ROOT
                "    namespaces: {time: private}\n    time_offsets: {monotonic: 24h, boottime: -1s}\n    command: [probe, clock]\n",
                NULL);
        struct timespec m;
        (void)clock_gettime(CLOCK_MONOTONIC, &m);
        const char *at = strstr(b.text, "monotonic=");
        long long inside = at ? atoll(at + 10) : 0;
        rig_result(inside >= m.tv_sec + 86400 - 60 && inside <= m.tv_sec + 86400, "time: private, monotonic a day ahead");
        rig_free(&b);
}

/* pid shared, but not the user namespace: /proc comes from a helper in there. Validation asks for a shared user namespace, the
 * keeper does not need it. */
static void test_joined_proc(const struct rig_box *peer) {
        static struct rig_box b;

        if (!start(&b,
                   ROOT
                   "    namespaces: {pid: \"container:x\", user: \"container:x\"}\n    command: [probe, read, /proc/1/comm, and, sleep]\n",
                   &(struct rig_options){ .share = peer,
                                          .other_user = true,
                                          .peer = "  x:\n    rootfs: {layers: [{dir: base}]}\n    command: [probe]\n" }))
                return;
        rig_read_line(&b);
        rig_is(&b, "probe\n", "pid: container:x, PID 1 of its /proc is x's");
        rig_stop(&b);
}

int main(void) {
        static struct rig_box x;

        rig_begin(false);
        test_private();
        test_host("pid", "pid");
        test_host("ipc", "ipc");
        test_host("uts", "uts");
        test_host("net", "net");
        test_host("cgroup", "cgroup");
        test_host("user", "user");
        if (start(&x, ROOT "    hostname: peerhost\n    command: [probe, shm, /seg, and, mq, /queue, and, sleep]\n", NULL)) {
                rig_read_line(&x);
                test_shared(&x, "pid", "pid");
                test_shared(&x, "ipc", "ipc");
                test_shared(&x, "uts", "uts");
                test_shared(&x, "net", "net");
                test_shared(&x, "cgroup", "cgroup");
                test_shared_other_user(&x);
                test_joined_proc(&x);
                rig_stop(&x);
        }
        test_details();
        return rig_end();
}
