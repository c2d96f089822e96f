/* What a container may do beyond the default profile: each key that opens something, and the kernel's word against what is declared. */
#include "unit.h"

#include <cli/audit.h>
#include <linux/capability.h>

#include <string.h>

struct profile {
        struct spec *normal;
        struct stack stack;
        struct diag_list diags;
};

static void load(struct profile *p, const char *body) {
        char text[2048];
        int len = snprintf(text, sizeof(text),
                           "name: s\ncontainers:\n  other: {rootfs: {layers: [{dir: /l}]}, command: [a]}\n"
                           "  c:\n    rootfs: {layers: [{dir: /l}]}\n    command: [a]\n%s",
                           body);

        *p = (struct profile){ .normal = audit_default() };
        assert_non_null(p->normal);
        assert_int_equal(diag_list_init(&p->diags, "s.yaml"), 0);
        assert_int_equal(
                stack_load(text, (size_t)len, &(struct stack_source){ .file = "s.yaml", .base_dir = "/" }, &p->diags, &p->stack),
                0);
}

static void unload(struct profile *p) {
        stack_done(&p->stack);
        diag_list_done(&p->diags);
        p->normal = spec_free(p->normal);
}

static const struct spec_container *c_of(const struct profile *p) {
        return spec_find(p->stack.spec, "c");
}

/* "severity id" of each, the worst first. */
static const char *told(struct audit *a) {
        static char text[2048];

        text[0] = '\0';
        audit_sort(a);
        for (size_t n = 0; n < a->n; n++)
                (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s %s", n ? ", " : "",
                               audit_severity_name(a->items[n].severity), a->items[n].id);
        return text;
}

static void declared(void **state _unused_) {
        static const struct {
                const char *body, *told;
        } cases[] = {
                { "", "note memory" },
                { "    limits: {memory: 1G}\n", "" },
                { "    limits: {memory: 1G, pids: 4096}\n", "note pids" },
                { "    limits: {memory: 1G, pids: max}\n", "medium pids" },
                { "    limits: {memory: 1G, pids: 10}\n", "" },
                /* capabilities: over its own user namespace one less than over the host's */
                { "    cap_add: [SYS_ADMIN]\n    limits: {memory: 1G}\n", "high cap:SYS_ADMIN" },
                { "    cap_add: [SYS_ADMIN]\n    namespaces: {user: host}\n    limits: {memory: 1G}\n",
                  "critical cap:SYS_ADMIN, critical ns:user" },
                { "    cap_add: [NET_RAW]\n    limits: {memory: 1G}\n", "medium cap:NET_RAW" },
                { "    cap_drop: [ALL]\n    cap_add: [CHOWN]\n    limits: {memory: 1G}\n", "" },
                /* namespaces */
                { "    namespaces: {net: host, uts: host}\n    limits: {memory: 1G}\n", "high ns:net, note ns:uts" },
                { "    namespaces: {net: none, time: private}\n    limits: {memory: 1G}\n", "" },
                { "    namespaces: {pid: \"container:other\"}\n    limits: {memory: 1G}\n", "note joins:pid, note joins:user" },
                /* the process */
                { "    no_new_privileges: false\n    limits: {memory: 1G}\n", "medium nnp" },
                { "    seccomp: unconfined\n    limits: {memory: 1G}\n", "high seccomp" },
                { "    devices: [{source: /dev/kvm}]\n    limits: {memory: 1G}\n", "high device:/dev/kvm" },
                { "    masked_paths: []\n    readonly_paths: []\n    limits: {memory: 1G}\n", "high readonly, medium masked" },
                { "    oom_score_adj: -1\n    limits: {memory: 1G}\n", "medium oom" },
                { "    oom_score_adj: 500\n    limits: {memory: 1G}\n", "" },
                { "    ulimits: {core: {soft: 0, hard: infinity}, nofile: {soft: 10, hard: 10}}\n    limits: {memory: 1G}\n",
                  "note ulimit:core" },
        };

        for (size_t n = 0; n < ARRAY_SIZE(cases); n++) {
                _cleanup_audit_ struct audit a = AUDIT_NULL;
                struct profile p;

                load(&p, cases[n].body);
                audit_declared(&a, p.stack.spec, c_of(&p), &p.normal->containers[0]);
                assert_string_equal(told(&a), cases[n].told);
                unload(&p);
        }
}

/* Every capability that is not of the default eight is one deviation; its key is its entry, or ALL's. */
static void all_capabilities(void **state _unused_) {
        _cleanup_audit_ struct audit a = AUDIT_NULL;
        struct profile p;

        load(&p, "    cap_add: [ALL]\n");
        audit_declared(&a, p.stack.spec, c_of(&p), &p.normal->containers[0]);
        assert_int_equal(audit_deviations(&a), CAP_LAST_CAP + 1 - 8);
        for (size_t n = 0; n < a.n; n++)
                if (strncmp(a.items[n].id, "cap:", 4) == 0) {
                        assert_string_equal(a.items[n].path, "containers.c.cap_add[0]");
                        assert_true(strlen(a.items[n].opens) > 10);
                }
        unload(&p);
}

/* Of a bind, the worst place that it is, holds or lies in; a socket is as bad read-only. */
static void binds(void **state _unused_) {
        static const struct {
                const char *source;
                bool read_only;
                const char *severity;
        } cases[] = {
                { "/", false, "critical" },
                { "/", true, "critical" },
                { "/etc", false, "critical" },
                { "/etc", true, "high" },
                { "/etc/ssl/certs", true, "high" },
                { "/etcetera", true, "note" },
                { "/etcetera", false, "medium" },
                { "/srv/data", true, "note" },
                { "/run/docker.sock", true, "critical" },
                { "/run", true, "critical" }, /* has the sockets */
                { "/run/user/7", false, "high" },
                { "/run/ctrsup/ctrsup.sock", true, "critical" },
                { "/var", true, "critical" },      /* /var/run is the same */
                { "/var/lib", false, "critical" }, /* holds our state */
                { "/var/lib/app", false, "medium" },
                { "/dev/kvm", true, "high" },
                { "/home/me/site", true, "medium" },
        };

        for (size_t n = 0; n < ARRAY_SIZE(cases); n++) {
                _cleanup_audit_ struct audit a = AUDIT_NULL;
                char body[256];
                struct profile p;

                (void)snprintf(body, sizeof(body),
                               "    limits: {memory: 1G}\n    volumes: [{type: bind, source: %s, target: /t, read_only: %s}]\n",
                               cases[n].source, cases[n].read_only ? "true" : "false");
                load(&p, body);
                audit_declared(&a, p.stack.spec, c_of(&p), &p.normal->containers[0]);
                assert_int_equal(a.n, 1);
                assert_string_equal(a.items[0].id, "bind:/t");
                assert_string_equal(a.items[0].path, "containers.c.volumes[0]");
                assert_string_equal(audit_severity_name(a.items[0].severity), cases[n].severity);
                unload(&p);
        }
}

#define EIGHT 0x4fb /* chown dac_override fowner fsetid kill setgid setuid net_bind_service */
#define MOUNTS "1 0 0:1 / / rw - overlay o rw\n2 1 0:2 / /t rw - ext4 /dev/vda rw\n"

/* What is true is told with the key that declares it, or as nobody's; what is declared and not true is not told. */
static void truth(void **state _unused_) {
        struct audit_truth fine = {
                .capabilities = EIGHT,
                .no_new_privs = true,
                .filtered = true,
                .root_outside = 268435456,
                .memory_max = 1 << 30,
                .pids_max = 2048,
                .mountinfo = MOUNTS,
        };
        _cleanup_audit_ struct audit none = AUDIT_NULL, known = AUDIT_NULL, unknown = AUDIT_NULL, holds = AUDIT_NULL;
        _cleanup_buf_ struct buf out = BUF_NULL;
        struct audit_truth t = fine;
        struct profile p;

        load(&p, "    cap_add: [NET_RAW, MKNOD]\n    oom_score_adj: -5\n    volumes: [{type: bind, source: /srv, target: /t},"
                 " {type: bind, source: /etc, target: /gone}]\n");
        const struct spec_container *normal = &p.normal->containers[0];
        assert_int_equal(normal->capabilities, EIGHT);
        audit_true(&none, &fine, p.stack.spec, c_of(&p), normal);
        assert_string_equal(told(&none), "medium bind:/t");
        t.capabilities |= 1u << CAP_NET_RAW;
        t.oom_score_adj = -5;
        t.filtered = false;
        audit_true(&known, &t, p.stack.spec, c_of(&p), normal);
        assert_string_equal(told(&known), "high seccomp, medium cap:NET_RAW, medium oom, medium bind:/t");
        audit_put(&known, "s/c", p.stack.spec, &out);
        assert_string_equal(
                buf_text(&out),
                "s/c: high: no system call filter: may try every system call of the kernel\n"
                "s.yaml:7:15: medium: containers.c.cap_add[0]: capability NET_RAW (over its own user namespace): forges and reads "
                "packets on its networks\n"
                "s.yaml:8:20: medium: containers.c.oom_score_adj: oom_score_adj -5: the kernel kills others first when memory is out\n"
                "s.yaml:9:15: medium: containers.c.volumes[0]: /srv of the host, writable, at /t: changes the host's files there\n");
        t = (struct audit_truth){ .root_outside = 0, .memory_max = UINT64_MAX, .pids_max = UINT64_MAX };
        t.of_host[NS_NET] = t.of_host[NS_TIME] = true;
        audit_true(&unknown, &t, NULL, NULL, normal);
        assert_string_equal(told(&unknown), "critical root, high ns:net, high seccomp, medium nnp, medium pids, note memory");
        for (size_t n = 0; n < unknown.n; n++)
                assert_string_equal(unknown.items[n].path, "");
        unload(&p);
}

static void proc_texts(void **state _unused_) {
        struct audit_truth t = { 0 };

        assert_true(
                audit_read_status("Name:\tx\nCapBnd:\t00000000000004fb\nNoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t1\n", &t));
        assert_int_equal(t.capabilities, EIGHT);
        assert_true(t.no_new_privs && t.filtered);
        assert_true(audit_read_status("Name:\tx\nCapBnd:\t000001ffffffffff\nNoNewPrivs:\t0\nSeccomp:\t0\n", &t));
        assert_false(t.no_new_privs || t.filtered);
        assert_false(audit_read_status("", &t));
        assert_true(audit_read_uid_map("         0  268435456      65536\n", &t));
        assert_int_equal(t.root_outside, 268435456);
        assert_true(audit_read_uid_map("5 0 1\n0 7 1\n", &t));
        assert_int_equal(t.root_outside, 7);
        assert_true(audit_read_uid_map("5 0 1\n", &t));
        assert_true(t.root_outside == UINT64_MAX);
        assert_false(audit_read_uid_map("", &t));
}

unit_main(cmocka_unit_test(declared), cmocka_unit_test(all_capabilities), cmocka_unit_test(binds), cmocka_unit_test(truth),
          cmocka_unit_test(proc_texts));
