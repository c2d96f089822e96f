#include "unit.h"

#include <ctrsup/base/num.h>
#include <ctrsup/spec/settings.h>

#include <stdio.h>

/* The complaints about text as a file of that name, as they are printed; "" when it is right. */
static const char *complaints(const char *text, struct buf *out) {
        _cleanup_settings_ struct settings *s = settings_new();
        struct diag_list diags;

        assert_non_null(s);
        assert_int_equal(diag_list_init(&diags, "ctrsup.conf"), 0);
        int r = settings_add(s, text, strlen(text), &diags);
        if (r == 0)
                r = settings_check(s, &diags);
        assert_int_equal(r, diag_errors(&diags) ? -EBADMSG : 0);
        diag_print(&diags, NULL, out);
        diag_list_done(&diags);
        return buf_text(out);
}

static void add(struct settings *s, const char *file, const char *text) {
        struct diag_list diags;

        assert_int_equal(diag_list_init(&diags, file), 0);
        assert_int_equal(settings_add(s, text, strlen(text), &diags), 0);
        diag_list_done(&diags);
}

/* No file at all: every setting has its documented value. */
static void defaults(void **state _unused_) {
        _cleanup_settings_ struct settings *s = settings_new();

        assert_int_equal(s->log.level, 6);
        assert_int_equal(s->log.target, LOG_TARGET_AUTO);
        assert_string_equal(s->control.socket, "/run/ctrsup/ctrsup.sock");
        assert_int_equal(s->control.admin_groups.n, 1);
        assert_string_equal(s->control.read_groups.items[1], "systemd-journal");
        assert_int_equal(s->control.max_clients, 64);
        assert_string_equal(s->paths.state, "/var/lib/ctrsup");
        assert_int_equal(s->reconcile.interval_usec, 30 * USEC_PER_SEC);
        assert_int_equal(s->reconcile.parallel, 4);
        assert_int_equal(s->reconcile.shutdown, SHUTDOWN_STOP);
        assert_int_equal(s->reconcile.history, 10);
        assert_string_equal(s->cgroup.root, "auto");
        assert_int_equal(s->userns.base, 0x10000000);
        assert_int_equal(s->userns.count, 2048);
        assert_true(s->policy.allow_privileged_namespaces);
        assert_string_equal(s->policy.bind_roots.items[0], "/");
        assert_int_equal(s->policy.max_containers, 1000);
}

/* Every setting of the manual with another value than its default. */
static void all_settings(void **state _unused_) {
        _cleanup_settings_ struct settings *s = settings_new();

        add(s, "ctrsup.conf",
            "log = { level = \"debug\"; target = \"stderr\"; };\n"
            "control = { socket = \"/run/x.sock\"; admin_groups = []; read_groups = [\"a\", \"b\", \"c\"]; max_clients = 7; };\n"
            "paths = { stacks = \"/s\"; state = \"/t\"; runtime = \"/r\"; logs = \"/l\"; };\n"
            "reconcile = { interval = \"1m30s\"; parallel = 16; shutdown = \"leave\"; history = 3; };\n"
            "cgroup = { root = \"/machine/ctrsup\"; };\n"
            "userns = { base = 0x20000000; count = 5; };\n"
            "policy = { allow_privileged_namespaces = false; bind_roots = (\"/srv\", \"/home\"); max_containers = 9; };\n");
        assert_int_equal(s->log.level, 7);
        assert_int_equal(s->log.target, LOG_TARGET_STDERR);
        assert_string_equal(s->control.socket, "/run/x.sock");
        assert_int_equal(s->control.admin_groups.n, 0);
        assert_int_equal(s->control.read_groups.n, 3);
        assert_int_equal(s->control.max_clients, 7);
        assert_string_equal(s->paths.stacks, "/s");
        assert_string_equal(s->paths.logs, "/l");
        assert_int_equal(s->reconcile.interval_usec, 90 * USEC_PER_SEC);
        assert_int_equal(s->reconcile.shutdown, SHUTDOWN_LEAVE);
        assert_string_equal(s->cgroup.root, "/machine/ctrsup");
        assert_int_equal(s->userns.base, 0x20000000);
        assert_int_equal(s->userns.count, 5);
        assert_false(s->policy.allow_privileged_namespaces);
        assert_int_equal(s->policy.bind_roots.n, 2);
        assert_int_equal(s->policy.max_containers, 9);
}

/* Settings of features that come later may say what is done anyway: the manual's file with all defaults in it loads. */
static void later_settings_by_their_defaults(void **state _unused_) {
        _cleanup_buf_ struct buf out = BUF_NULL;

        assert_string_equal(
                complaints(
                        "network = { enabled = true; pools = ( { base = \"10.90.0.0/16\"; size = 24; }, { base = \"fd90:c75::/48\"; size = 64; } );\n"
                        "  firewall = \"nftables\"; table = \"ctrsup\"; dns = \"hosts-file\"; };\n"
                        "storage = { unpack_jobs = 2; unpack_user = \"_ctrsup\"; min_free = \"1G\"; verify = true; };\n"
                        "defaults = { pids = 2048; memory = \"max\"; stop_grace_period = \"10s\"; seccomp = \"/usr/share/ctrsup/seccomp.json\";\n"
                        "  no_new_privileges = true; user_namespace = \"private\"; log_driver = \"journald\"; };\n"
                        "policy = { allow_devices = [\"/dev/fuse\", \"/dev/net/tun\", \"/dev/kvm\", \"/dev/dri/*\"]; };\n"
                        "metrics = { enabled = true; per_container = true; };\n",
                        &out),
                "");
}

/* One wrong file each, and every word that is said about it. */
static void wrong_files(void **state _unused_) {
        static const struct {
                const char *text, *expected;
        } cases[] = {
                { "userns = {\n  bse = 1;\n};",
                  "ctrsup.conf:2: error: userns.bse: unknown setting\n    hint: did you mean \"base\"?\n" },
                { "lgo = { level = \"info\"; };",
                  "ctrsup.conf:1: error: lgo: unknown setting\n    hint: did you mean \"log\"?\n" },
                { "\n\nmax_clients = 3;",
                  "ctrsup.conf:3: error: max_clients: unknown setting\n    hint: it belongs into a group: control = { max_clients = …; };\n" },
                { "paths = { socket = \"/x\"; };",
                  "ctrsup.conf:1: error: paths.socket: unknown setting\n    hint: there is control.socket\n" },
                { "quux = 1;", "ctrsup.conf:1: error: quux: unknown setting\n" },
                { "log = \"debug\";", "ctrsup.conf:1: error: log: expected a group of settings\n    hint: write log = { … };\n" },
                { "log = { level = 7; };",
                  "ctrsup.conf:1: error: log.level: expected a word in quotes, found a number\n    hint: the default is \"info\"\n" },
                { "log = { level = \"debgu\"; };",
                  "ctrsup.conf:1: error: log.level: \"debgu\" is none of emerg, alert, crit, err, warning, notice, info, debug\n    hint: did you mean \"debug\"?\n" },
                { "log = { level = \"Info\"; };",
                  "ctrsup.conf:1: error: log.level: \"Info\" is none of emerg, alert, crit, err, warning, notice, info, debug\n    hint: did you mean \"info\"?\n" },
                { "log = { target = \"syslog\"; };",
                  "ctrsup.conf:1: error: log.target: \"syslog\" is none of auto, journal, stderr\n" },
                { "control = { max_clients = \"64\"; };",
                  "ctrsup.conf:1: error: control.max_clients: expected a whole number, found a string\n    hint: the default is 64\n" },
                { "control = { max_clients = 6.5; };",
                  "ctrsup.conf:1: error: control.max_clients: expected a whole number, found a number with a point\n    hint: the default is 64\n" },
                { "control = { max_clients = 0; };",
                  "ctrsup.conf:1: error: control.max_clients: 0 is not in the range 1 to 4096\n" },
                { "control = { max_clients = -1; };",
                  "ctrsup.conf:1: error: control.max_clients: -1 is not in the range 1 to 4096\n" },
                { "control = { max_clients = 99999999999L; };",
                  "ctrsup.conf:1: error: control.max_clients: 99999999999 is not in the range 1 to 4096\n" },
                { "control = { admin_groups = \"wheel\"; };",
                  "ctrsup.conf:1: error: control.admin_groups: expected a list, found a string\n    hint: write [ \"wheel\" ]\n" },
                { "control = { admin_groups = [1, 2]; };",
                  "ctrsup.conf:1: error: control.admin_groups: expected strings in the list, found a number\n    hint: the default is [ \"ctrsup\" ]\n" },
                { "control = { admin_groups = [\"\"]; };",
                  "ctrsup.conf:1: error: control.admin_groups: an empty string names nothing\n" },
                { "paths = { state = \"var/lib\"; };",
                  "ctrsup.conf:1: error: paths.state: \"var/lib\" is not an absolute path\n" },
                { "paths = { state = true; };",
                  "ctrsup.conf:1: error: paths.state: expected a path in quotes, found true\n    hint: the default is \"/var/lib/ctrsup\"\n" },
                { "cgroup = { root = \"Auto\"; };", "ctrsup.conf:1: error: cgroup.root: \"Auto\" is not an absolute path\n" },
                { "reconcile = { interval = 30; };",
                  "ctrsup.conf:1: error: reconcile.interval: 30 has no unit\n    hint: write \"30s\"\n" },
                { "reconcile = { interval = \"30\"; };",
                  "ctrsup.conf:1: error: reconcile.interval: \"30\" is not a duration\n    hint: write it like 30s, 500ms or 1m30s\n" },
                { "reconcile = { interval = \"10ms\"; };",
                  "ctrsup.conf:1: error: reconcile.interval: \"10ms\" is not in the range 1s to 1d\n" },
                { "reconcile = { shutdown = \"kill\"; };",
                  "ctrsup.conf:1: error: reconcile.shutdown: \"kill\" is none of stop, leave\n" },
                { "userns = { base = 1000000; };",
                  "ctrsup.conf:1: error: userns.base: 1000000 is not a multiple of 65536\n    hint: write 983040\n" },
                { "userns = { base = 65536; };",
                  "ctrsup.conf:1: error: userns.base: 65536 is not in the range 524288 to 1878982656\n" },
                { "userns = { base = 0x60000000; count = 20000; };",
                  "ctrsup.conf: error: userns.count: 20000 blocks from 1610612736 on reach beyond 1879048191\n    hint: at most 4096 blocks fit\n" },
                { "policy = { allow_privileged_namespaces = \"yes\"; };",
                  "ctrsup.conf:1: error: policy.allow_privileged_namespaces: expected true or false, found a string\n" },
                { "policy = { bind_roots = [\"srv\"]; };",
                  "ctrsup.conf:1: error: policy.bind_roots: \"srv\" is not an absolute path\n" },
                { "network = { enabled = false; };",
                  "ctrsup.conf:1: error: network.enabled: not supported yet\n    hint: remove it, or write true\n" },
                { "defaults = { pids = 4096; };",
                  "ctrsup.conf:1: error: defaults.pids: not supported yet\n    hint: remove it, or write 2048\n" },
                { "metrics = { port = 1; };", "ctrsup.conf:1: error: metrics.port: unknown setting\n" },
                { "log = {\n  level = \"info\";\n  level = \"debug\";\n};", "ctrsup.conf:3: error: duplicate setting name\n" },
                { "log = {\n  level = info;\n};", "ctrsup.conf:2: error: syntax error\n" },
                { "log = { level = \"info\"", "ctrsup.conf:1: error: syntax error\n" },
                { "# x\n\t@include \"/etc/shadow\"\n",
                  "ctrsup.conf:2: error: @include is not supported\n    hint: put the file into ctrsup.conf.d: its *.conf are read after this one\n" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_buf_ struct buf out = BUF_NULL, expected = BUF_NULL;

                buf_printf(&expected, "%sctrsup.conf: 1 error\n", cases[i].expected);
                assert_string_equal(complaints(cases[i].text, &out), buf_text(&expected));
        }
}

/* All complaints of a file, not only the first; what is right in it still counts. */
static void complaints_are_collected(void **state _unused_) {
        static const char text[] = "log = { level = 1; target = \"x\"; };\nreconcile = { parallel = 2; histroy = 1; };\n";
        _cleanup_settings_ struct settings *s = settings_new();
        struct diag_list diags;

        assert_int_equal(diag_list_init(&diags, "f"), 0);
        assert_int_equal(settings_add(s, text, strlen(text), &diags), -EBADMSG);
        assert_int_equal(diag_errors(&diags), 3);
        assert_int_equal(s->reconcile.parallel, 2);
        assert_int_equal(s->log.level, 6);
        diag_list_done(&diags);
        assert_int_equal(diag_list_init(&diags, "f"), 0);
        assert_int_equal(settings_add(s, "log = {};\0x", 11, &diags), -EBADMSG);
        assert_string_equal(diags.items[0].message, "there is a NUL byte in it, at offset 9");
        diag_list_done(&diags);
}

/* Drop-ins win setting by setting, and the print says where each value is from. The print is a file that loads. */
static void later_files_win(void **state _unused_) {
        _cleanup_settings_ struct settings *s = settings_new(), *again = settings_new();
        _cleanup_buf_ struct buf out = BUF_NULL, twice = BUF_NULL;

        add(s, "/etc/c.conf", "log = { level = \"debug\"; };\nuserns = {\n  count = 0x10;\n};\n");
        add(s, "/etc/c.conf.d/9.conf", "log = { level = \"err\"; };\ncontrol = { admin_groups = [\"a \\\"q\\\"\"]; };");
        assert_int_equal(s->log.level, 3);
        assert_int_equal(s->userns.count, 16);
        settings_print(s, &out);
        assert_non_null(strstr(buf_text(&out), "log = {\n  level = \"err\";                            # /etc/c.conf.d/9.conf:1\n"
                                               "  target = \"auto\";                          # default\n};\n"));
        assert_non_null(strstr(buf_text(&out), "  count = 16;                               # /etc/c.conf:3\n"));
        assert_non_null(strstr(buf_text(&out), "[ \"a \\\"q\\\"\" ];"));
        add(again, "printed", buf_text(&out));
        assert_string_equal(again->control.admin_groups.items[0], "a \"q\"");
        settings_print(again, &twice);
        assert_non_null(strstr(buf_text(&twice), "# printed:2\n"));
}

static void what_needs_a_restart(void **state _unused_) {
        _cleanup_settings_ struct settings *a = settings_new(), *b = settings_new();
        _cleanup_buf_ struct buf out = BUF_NULL;

        settings_need_restart(a, b, &out);
        assert_string_equal(buf_text(&out), "");
        add(b, "f",
            "log = { level = \"debug\"; }; userns = { base = 0x10000000; count = 2; }; paths = { logs = \"/l\"; }; cgroup = { root = \"/c\"; };");
        settings_need_restart(a, b, &out);
        assert_string_equal(buf_text(&out), "paths.logs\ncgroup.root\nuserns.count\n");

        /* Kept, they are as they were, with their origins; what is live is the new one's. */
        assert_int_equal(settings_keep_fixed(b, a), 0);
        assert_string_equal(b->paths.logs, "/var/log/ctrsup");
        assert_string_equal(b->cgroup.root, "auto");
        assert_int_equal(b->userns.count, 2048);
        assert_int_equal(b->log.level, 7);
        buf_done(&out);
        out = BUF_NULL;
        settings_need_restart(a, b, &out);
        assert_string_equal(buf_text(&out), "");
}

static void policy_refuses(void **state _unused_) {
        struct spec_volume volumes[] = {
                { .type = VOLUME_BIND, .source = "/srv/www", .target = "/a" },
                { .type = VOLUME_BIND, .source = "/srv", .target = "/b" },
                { .type = VOLUME_BIND, .source = "/srvx", .target = "/c" },
                { .type = VOLUME_BIND, .source = "/srv/../etc", .target = "/d" },
                { .type = VOLUME_VOLUME, .source = "data", .target = "/e" },
                { .type = VOLUME_BIND, .source = "/srv/x/..", .target = "/f" },
        };
        struct spec_layer layers[] = { { "/srv/images/a" }, { "/etc" } };
        struct spec_container c = {
                .replicas = 1,
                .rootfs = { .layers = layers, .n_layers = ARRAY_SIZE(layers) },
                .name = "web", .volumes = volumes, .n_volumes = ARRAY_SIZE(volumes), .namespaces[NS_NET].mode = NS_HOST
        };
        struct spec spec = { .file = "s.yaml", .name = "shop", .containers = &c, .n_containers = 1 };
        _cleanup_settings_ struct settings *s = settings_new();
        _cleanup_buf_ struct buf out = BUF_NULL;
        struct diag_list diags;

        assert_int_equal(diag_list_init(&diags, "s.yaml"), 0);
        assert_int_equal(settings_check_policy(s, &spec, 999, &diags), 0); /* by default everything */
        add(s, "f", "policy = { allow_privileged_namespaces = false; bind_roots = [\"/srv/\"]; layer_roots = [\"/srv\"]; max_containers = 3; };");
        assert_int_equal(settings_check_policy(s, &spec, 3, &diags), -EACCES);
        diag_print(&diags, NULL, &out);
        assert_string_equal(
                buf_text(&out),
                "s.yaml: error: containers.web.rootfs.layers[1].dir: this host allows no layer \"/etc\"\n"
                "    hint: policy.layer_roots of ctrsup.conf allows what is below: /srv\n"
                "s.yaml: error: containers.web.volumes[2].source: this host allows no bind mount of \"/srvx\"\n"
                "    hint: policy.bind_roots of ctrsup.conf allows what is below: /srv/\n"
                "s.yaml: error: containers.web.volumes[3].source: this host allows no bind mount of \"/srv/../etc\"\n"
                "    hint: policy.bind_roots of ctrsup.conf allows what is below: /srv/\n"
                "s.yaml: error: containers.web.volumes[5].source: this host allows no bind mount of \"/srv/x/..\"\n"
                "    hint: policy.bind_roots of ctrsup.conf allows what is below: /srv/\n"
                "s.yaml: error: containers.web.namespaces.net: this host lends no container its own net namespace\n"
                "    hint: policy.allow_privileged_namespaces of ctrsup.conf is false\n"
                "s.yaml: error: containers: this host runs 3 containers at most: 1 here and 3 in other stacks are more\n"
                "    hint: policy.max_containers of ctrsup.conf\n"
                "s.yaml: 6 errors\n");
        diag_list_done(&diags);
}

/* Devices by their paths, with patterns that a slash ends. */
static void devices_are_lent(void **state) {
        static struct spec_device devices[] = { { "/dev/fuse", "/dev/fuse", "rwm" }, { "/dev/dri/card0", "/dev/dri/card0", "rw" }, { "/dev/dri/by-path/x", "/dev/x", "r" } };
        struct spec_container c = { .replicas = 1, .name = "web", .devices = devices, .n_devices = ARRAY_SIZE(devices) };
        struct spec spec = { .file = "s.yaml", .name = "shop", .containers = &c, .n_containers = 1 };
        _cleanup_settings_ struct settings *s = settings_new();
        _cleanup_buf_ struct buf out = BUF_NULL;
        struct diag_list diags;

        (void)state;
        assert_int_equal(diag_list_init(&diags, "s.yaml"), 0);
        assert_int_equal(settings_check_policy(s, &spec, 0, &diags), -EACCES);
        add(s, "f", "policy = { allow_devices = []; };");
        c.n_devices = 1;
        assert_int_equal(settings_check_policy(s, &spec, 0, &diags), -EACCES);
        diag_print(&diags, NULL, &out);
        assert_string_equal(buf_text(&out),
                            "s.yaml: error: containers.web.devices[2].source: this host lends no container the device \"/dev/dri/by-path/x\"\n"
                            "    hint: policy.allow_devices of ctrsup.conf allows /dev/fuse, /dev/net/tun, /dev/kvm, /dev/dri/*\n"
                            "s.yaml: error: containers.web.devices[0].source: this host lends no container the device \"/dev/fuse\"\n"
                            "    hint: policy.allow_devices of ctrsup.conf allows none; ask its owner\n"
                            "s.yaml: 2 errors\n");
        diag_list_done(&diags);
}

unit_main(cmocka_unit_test(defaults), cmocka_unit_test(all_settings), cmocka_unit_test(later_settings_by_their_defaults),
          cmocka_unit_test(wrong_files), cmocka_unit_test(complaints_are_collected), cmocka_unit_test(later_files_win),
          cmocka_unit_test(what_needs_a_restart), cmocka_unit_test(policy_refuses), cmocka_unit_test(devices_are_lent));
