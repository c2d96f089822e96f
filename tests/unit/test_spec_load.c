#include "spec_load.h"

#include <ctrsup/text/render.h>

#include <glob.h>

static const char *value_of(const struct spec_pairs *pairs, const char *key) {
        for (size_t i = 0; i < pairs->n; i++)
                if (strcmp(pairs->items[i].key, key) == 0)
                        return pairs->items[i].value;
        return NULL;
}

/* `defaults` goes under every container: mappings key by key, lists and scalars are replaced, a null mapping takes all. */
static void defaults_merge(void **state) {
        _cleanup_loaded_ struct loaded l = load_good("name: shop\n"
                                                     "defaults:\n"
                                                     "  restart: on-failure\n"
                                                     "  rootfs: {mode: read-only, layers: [{dir: /base}]}\n"
                                                     "  environment: {A: default, B: default}\n"
                                                     "  limits: {memory: 1G, pids: 10}\n"
                                                     "  cap_drop: [ALL]\n"
                                                     "containers:\n"
                                                     "  web:\n"
                                                     "    command: [x]\n"
                                                     "    restart: always\n"
                                                     "    environment: {B: own}\n"
                                                     "    rootfs: {layers: [{dir: /a}, {dir: /b}]}\n"
                                                     "    limits:\n"
                                                     "    cap_drop: [KILL]\n"
                                                     "  db: {command: [y]}\n");
        const struct spec_container *web = web_of(&l), *db = spec_find(l.stack.spec, "db");

        (void)state;
        assert_int_equal(web->restart, RESTART_ALWAYS);
        assert_int_equal(db->restart, RESTART_ON_FAILURE);
        assert_int_equal(web->rootfs.mode, ROOTFS_READ_ONLY);
        assert_int_equal(web->rootfs.n_layers, 2);
        assert_string_equal(web->rootfs.layers[0].dir, "/a");
        assert_string_equal(db->rootfs.layers[0].dir, "/base");
        assert_string_equal(value_of(&web->environment, "A"), "default");
        assert_string_equal(value_of(&web->environment, "B"), "own");
        assert_string_equal(value_of(&db->environment, "B"), "default");
        assert_int_equal(web->limits.memory, 1 << 30);
        assert_int_equal(web->limits.pids, 10);
        assert_int_equal(web->capabilities >> 5 & 1, 0);
        assert_int_equal(web->capabilities & 1, 1);
        assert_int_equal(db->capabilities, 0);
}

/* env files: a later one wins, environment wins over all, nothing is expanded; the document has only their values. */
static void env_files(void **state) {
        _cleanup_loaded_ struct loaded l =
                load_good(WEB "    env_file: [{path: one.env}, {path: ./two.env}, {path: none.env, required: false}]\n"
                              "    environment: {C: own}\n"
                              "  db:\n    rootfs: {layers: [{dir: /r}]}\n    command: [x]\n    env_file: [{path: one.env}]\n");
        const struct spec_container *web = web_of(&l), *db = spec_find(l.stack.spec, "db");
        _cleanup_buf_ struct buf out = BUF_NULL;

        (void)state;
        assert_string_equal(value_of(&web->environment, "A"), "2");
        assert_string_equal(value_of(&web->environment, "B"), "last of one");
        assert_string_equal(value_of(&web->environment, "C"), "own");
        assert_string_equal(value_of(&web->environment, "D"), "$HOME ${SET}");
        assert_int_equal(web->environment.n, 4);
        assert_string_equal(value_of(&db->environment, "A"), "1");
        render_yaml(l.stack.nodes, &out);
        assert_null(strstr(buf_text(&out), "env_file"));
        assert_int_equal(spec_mark(l.stack.spec, "containers.web.environment.A").line, 6);
}

/* Host paths are absolute, from the stack file's folder; paths in the container are as they are. */
static void paths(void **state) {
        _cleanup_loaded_ struct loaded l = load_good(
                "name: shop\ncontainers:\n  web:\n    rootfs: {layers: [{dir: ./base}, {dir: ../app}]}\n    command: [./x]\n"
                "    volumes: [{type: bind, source: data, target: /data/}, {type: volume, source: v, target: /v}]\n"
                "    limits: {io_max: [{device: ., read_bps: 1M}]}\nvolumes: {v: }\n");
        const struct spec_container *web = web_of(&l);

        (void)state;
        assert_string_equal(web->rootfs.layers[0].dir, "/srv/stack/base");
        assert_string_equal(web->rootfs.layers[1].dir, "/srv/stack/../app");
        assert_string_equal(web->volumes[0].source, "/srv/stack/data");
        assert_string_equal(web->volumes[0].target, "/data");
        assert_string_equal(web->volumes[1].source, "v");
        assert_string_equal(web->limits.io_max[0].device, "/srv/stack");
        assert_string_equal(web->command.items[0], "./x");
        assert_string_equal(l.stack.spec->volumes[0].name, "shop_v");
}

/* What other keys decide: job and restart, root file system in memory, the first wait, shared pid and user namespaces, idmapped binds. */
static void derived(void **state) {
        _cleanup_loaded_ struct loaded l = load_good(
                "name: shop\n"
                "defaults: {rootfs: {layers: [{dir: /r}]}, command: [x]}\n"
                "containers:\n"
                "  web: {type: job, rootfs: {mode: tmpfs}, restart_policy: {delay: 5m}}\n"
                "  side: {namespaces: {pid: \"container:web\", net: \"container:web\"}, volumes: [{type: bind, source: /a, target: /a}]}\n"
                "  third: {namespaces: {pid: \"container:side\", user: \"container:web\"}}\n"
                "  root: {namespaces: {user: host, net: host}, volumes: [{type: bind, source: /a, target: /a}]}\n"
                "  mapped: {user_mapping: {uids: [{container: 0, host: 700000, size: 10}]}}\n");
        const struct spec *s = l.stack.spec;
        const struct spec_container *web = web_of(&l), *side = spec_find(s, "side"), *root = spec_find(s, "root"),
                                    *mapped = spec_find(s, "mapped");

        (void)state;
        assert_int_equal(web->restart, RESTART_NO);
        assert_int_equal(web->rootfs.size, 64 << 20);
        assert_int_equal(web->restart_policy.max_delay_usec, web->restart_policy.delay_usec);
        assert_int_equal(side->namespaces[NS_USER].mode, NS_CONTAINER);
        assert_string_equal(side->namespaces[NS_USER].container, "web");
        assert_ptr_equal(spec_ns_owner(s, spec_find(s, "third"), NS_USER), web);
        assert_ptr_equal(spec_ns_owner(s, spec_find(s, "third"), NS_PID), web);
        assert_null(spec_ns_owner(s, root, NS_USER));
        assert_true(side->volumes[0].idmap);
        assert_false(root->volumes[0].idmap);
        assert_int_equal(root->sysctls.n, 0);
        assert_int_equal(side->sysctls.n, 0);
        assert_int_equal(web->sysctls.n, 2);
        assert_int_equal(mapped->n_gids, 1);
        assert_string_equal(value_of(&mapped->sysctls, "net.ipv4.ping_group_range"), "0 9");
}

/* The capability set: drop ALL first, then add, then drop. */
static void capabilities(void **state) {
        static const struct {
                const char *keys;
                uint64_t set;
        } cases[] = {
                { "", 0x4fb },
                { "cap_drop: [ALL]", 0 },
                { "cap_drop: [ALL]\n    cap_add: [NET_ADMIN]", 1 << 12 },
                { "cap_add: [NET_ADMIN]\n    cap_drop: [CHOWN]", 0x14fa },
                { "cap_add: [ALL]", (UINT64_C(1) << 41) - 1 },
                { "cap_add: [ALL]\n    cap_drop: [SYS_ADMIN]", ((UINT64_C(1) << 41) - 1) & ~(UINT64_C(1) << 21) },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                char text[256];

                (void)snprintf(text, sizeof(text), WEB "    %s\n", cases[i].keys);
                _cleanup_loaded_ struct loaded l = load_good(text);
                assert_true(web_of(&l)->capabilities == cases[i].set);
        }
}

/* Marks: of the value for a scalar, of the key for more, of the nearest parent for what the file does not have. */
static void marks(void **state) {
        _cleanup_loaded_ struct loaded l =
                load_good(WEB "    limits:\n      memory: 512M\n    volumes: [{type: tmpfs, target: /t}]\n");
        const struct spec *s = l.stack.spec;

        (void)state;
        assert_int_equal(spec_mark(s, "containers.web.limits.memory").line, 7);
        assert_int_equal(spec_mark(s, "containers.web.limits.memory").column, 15);
        assert_int_equal(spec_mark(s, "containers.web.limits").column, 5);
        assert_int_equal(spec_mark(s, "containers.web.limits.pids").line, 6);
        assert_int_equal(spec_mark(s, "containers.web.volumes[0].target").column, 37);
        assert_int_equal(spec_mark(s, "containers.web.volumes[7].target").line, 8);
        assert_int_equal(spec_mark(s, "containers.web.hostname").line, 3);
        assert_int_equal(spec_mark(s, "containers.web.rootfs.layers[0].dir").line, 4);
        assert_int_equal(spec_mark(s, "nothing.here").line, 0);
        assert_int_equal(web_of(&l)->mark.line, 3);
}

static void assert_round_trip(const struct loaded *l) {
        _cleanup_buf_ struct buf yaml = BUF_NULL;
        struct diag_list diags;
        struct spec *s = NULL;

        /* file -> document -> supervisor */
        json_t *document = stack_document(&l->stack), *again;
        assert_non_null(document);
        _cleanup_free_ char *text = json_dumps(document, JSON_COMPACT), *text_again = NULL;
        assert_int_equal(diag_list_init(&diags, "x"), 0);
        json_t *received = json_loads(text, 0, NULL);
        int r = spec_from_document(received, &diags, &s);
        if (r != 0)
                fail_msg("%s: %s: %s", l->stack.spec->file, diags.n ? diags.items[0].path : "",
                         diags.n ? diags.items[0].message : "?");
        assert_same_spec(l->stack.spec, s);
        assert_string_equal(s->file, l->stack.spec->file);
        assert_int_equal(s->n_marks, l->stack.spec->n_marks);
        for (size_t i = 0; i < s->n_marks; i++) {
                assert_string_equal(s->marks[i].path, l->stack.spec->marks[i].path);
                assert_memory_equal(&s->marks[i].mark, &l->stack.spec->marks[i].mark, sizeof(struct mark));
        }
        /* file -> render -> file */
        assert_int_equal(stack_render(&l->stack, &yaml), 0);
        _cleanup_loaded_ struct loaded rendered = load_good(buf_text(&yaml));
        assert_same_spec(l->stack.spec, rendered.stack.spec);
        /* the document of the same file is the same, byte by byte */
        again = stack_document(&l->stack);
        text_again = json_dumps(again, JSON_COMPACT);
        assert_string_equal(text, text_again);
        json_decref(document);
        json_decref(again);
        json_decref(received);
        spec_free(s);
        diag_list_done(&diags);
}

/* Every example survives the way to the supervisor and the way through render. */
static void examples(void **state) {
        glob_t files;

        (void)state;
        assert_int_equal(glob("examples/*.yaml", 0, NULL, &files), 0);
        assert_int_equal(glob("examples/*/*.yaml", GLOB_APPEND, NULL, &files), 0);
        for (size_t i = 0; i < files.gl_pathc; i++) {
                _cleanup_free_ char *text = NULL;
                size_t len;

                assert_int_equal(slurp(files.gl_pathv[i], &text, &len), 0);
                _cleanup_loaded_ struct loaded l = load_good(text);
                assert_round_trip(&l);
        }
        globfree(&files);
}

/* The same with every supported key. */
static void everything(void **state) {
        _cleanup_loaded_ struct loaded l = load_good(
                "name: all\nformat: 1\ndescription: 'it: all'\nlabels: {com.acme.a: 'yes', empty: ''}\n"
                "defaults: {annotations: {a: b}, env_file: [{path: one.env}]}\n"
                "containers:\n"
                "  web:\n"
                "    type: service\n    command: ['', 'a b', \"\\n\", '${SET}', '$${SET}', ünï]\n    entrypoint: [/e]\n    environment: {N: 1.10, T: true, Z: \"~\"}\n"
                "    working_dir: /w\n    user: 10:users\n    group_add: [5, render]\n    umask: 0077\n    hostname: h.lan\n    domainname: lan\n    init: true\n"
                "    labels: {x: y}\n    rootfs: {layers: [{dir: /a}, {dir: b}], mode: tmpfs, size: 1G}\n"
                "    volumes:\n      - {type: volume, source: v, target: /v, read_only: true, volume: {subpath: a/b, nocopy: true}}\n"
                "      - {type: bind, source: /s, target: /b, nosuid: false, nodev: false, noexec: true, bind: {propagation: rslave, create_host_path: true, idmap: false}}\n"
                "      - {type: tmpfs, target: /t, tmpfs: {size: 1M, mode: 0700}}\n"
                "    shm_size: 1M\n    namespaces: {time: private, net: none}\n    time_offsets: {monotonic: -1h, boottime: 24h}\n"
                "    user_mapping: {uids: [{container: 0, host: 700000, size: 5}, {container: 5, host: 800000, size: 1}], gids: [{container: 0, host: 700000, size: 7}]}\n"
                "    limits: {memory: 1G, memory_high: 900M, memory_low: 1M, memory_min: 2M, memory_swap: 0, memory_zswap: max, cpus: 1.5, cpu_period: 20ms,\n"
                "      cpu_weight: idle, cpuset: 0-3, cpuset_mems: 0, pids: max, io_weight: 5, io_max: [{device: /d, read_bps: 1M, write_iops: 5}], hugetlb: {2M: 4M, 1G: max}, "
                "oom_group: false}\n"
                "    oom_score_adj: -500\n    ulimits: {nofile: {soft: 5, hard: infinity}}\n    cap_add: [SYS_TIME]\n    cap_drop: [ALL]\n    no_new_privileges: false\n"
                "    sysctls: {net.core.somaxconn: 5, kernel.sem: 1 2 3 4}\n    restart: \"no\"\n    restart_policy: {delay: 1s, max_delay: 2s, max_attempts: 5, window: 1m}\n"
                "    stop_signal: SIGRTMIN+3\n    stop_grace_period: 1m30s\n"
                "    logging: {driver: file, tag: t, rate_limit: {interval: 0s, burst: 5}, file: {max_size: 1M, max_files: 9}}\n"
                "  peer: {rootfs: {layers: [{dir: /r}]}, command: [x], namespaces: {ipc: 'container:web'}}\n"
                "volumes: {v: {name: other, user: 5:6, mode: 0700, labels: {a: b}}, w: {external: true}, x: }\n");
        const struct spec_container *web = web_of(&l);

        (void)state;
        assert_string_equal(web->command.items[3], "512");
        assert_string_equal(web->command.items[4], "${SET}");
        assert_string_equal(value_of(&web->environment, "N"), "1.10");
        assert_string_equal(value_of(&web->environment, "A"), "1");
        assert_int_equal(web->stop_signal, 37);
        assert_true(web->time_monotonic_usec == -3600 * (int64_t)1000000);
        assert_int_equal(web->limits.cpu_weight, CPU_WEIGHT_IDLE);
        assert_true(web->limits.pids == UINT64_MAX);
        assert_int_equal(web->limits.hugetlb[1].page_size, 1 << 30);
        assert_int_equal(web->volumes[2].tmpfs_mode, 0700);
        assert_true(web->ulimits[0].hard == UINT64_MAX);
        assert_round_trip(&l);
}

/* A document is checked like a file: a client that leaves the checks out gets no further. */
static void wrong_documents(void **state) {
        static const struct {
                const char *text, *path, *message;
        } cases[] = {
                { "[]", "", "expected a document with \"file\" and \"stack\"" },
                { "{\"file\":\"f\",\"stack\":[]}", "", "expected a document with \"file\" and \"stack\"" },
                { "{\"stack\":{}}", "", "expected a document with \"file\" and \"stack\"" },
                { "{\"file\":\"f\",\"stack\":{\"containers\":{\"w\":{\"command\":[\"x\"],\"rootfs\":{\"layers\":[{\"dir\":\"/r\"}]}}}}}",
                  "", "missing key \"name\"" },
                { "{\"file\":\"f\",\"stack\":{\"name\":\"a\",\"defaults\":{},\"containers\":{\"w\":{\"command\":[\"x\"],\"rootfs\":{\"layers\":[{\"dir\":\"/r\"}]}}}}}",
                  "defaults", "has to be resolved before a stack is sent" },
                { "{\"file\":\"f\",\"stack\":{\"name\":\"a\",\"containers\":{\"w\":{\"env_file\":[],\"command\":[\"x\"],\"rootfs\":{\"layers\":[{\"dir\":\"/r\"}]}}}}}",
                  "containers.w.env_file", "has to be resolved before a stack is sent" },
                { "{\"file\":\"f\",\"stack\":{\"name\":\"a\",\"containers\":{\"w\":{\"command\":[\"x\"],\"rootfs\":{\"layers\":[{\"dir\":\"r\"}]}}}}}",
                  "containers.w.rootfs.layers[0].dir", "\"r\" is not absolute" },
                { "{\"file\":\"f\",\"stack\":{\"name\":\"../x\",\"containers\":{\"w\":{\"command\":[\"x\"],\"rootfs\":{\"layers\":[{\"dir\":\"/r\"}]}}}}}",
                  "name", "\"../x\" is not a name: a-z, 0-9 and - inside, at most 63" },
                { "{\"file\":\"f\",\"stack\":{\"name\":\"a\",\"containers\":{\"w\":{\"command\":[\"x\"],\"rootfs\":{\"layers\":[{\"dir\":\"/r\"}]},\"init\":\"true\"}}}}",
                  "containers.w.init", "expected true or false, found \"true\"" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                json_t *document = json_loads(cases[i].text, 0, NULL);
                struct diag_list diags;
                struct spec *s = NULL;

                assert_int_equal(diag_list_init(&diags, "document"), 0);
                assert_int_equal(spec_from_document(document, &diags, &s), -EBADMSG);
                assert_null(s);
                assert_string_equal(diags.items[0].path, cases[i].path);
                assert_string_equal(diags.items[0].message, cases[i].message);
                diag_list_done(&diags);
                json_decref(document);
        }
}

/* What was accepted once is read where its time zone is gone since; what is wrong in other ways is wrong there, too. */
static void records(void **state) {
        static const char text[] = "{\"file\":\"f\",\"stack\":{\"name\":\"a\",\"containers\":{\"w\":{\"type\":\"job\",\"command\":[\"x\"],"
                                   "\"rootfs\":{\"layers\":[{\"dir\":\"/r\"}]},\"schedule\":{\"on_calendar\":\"10:00 Europe/Nowhere\"}}}}}";
        json_t *document = json_loads(text, 0, NULL);
        struct diag_list diags;
        struct spec *s = NULL;

        (void)state;
        assert_int_equal(diag_list_init(&diags, "record"), 0);
        assert_int_equal(spec_from_record(document, &diags, &s), 0);
        assert_string_equal(s->containers[0].schedule.on_calendar.text, "10:00 Europe/Nowhere");
        spec_free(s);
        s = NULL;
        assert_int_equal(spec_from_document(document, &diags, &s), -EBADMSG);
        (void)json_object_del(json_object_get(document, "stack"), "name");
        assert_int_equal(spec_from_record(document, &diags, &s), -EBADMSG);
        diag_list_done(&diags);
        json_decref(document);
}

/* Complaints as JSON keep every part, and are valid whatever the file had. */
static void complaints_as_json(void **state) {
        static const char text[] =
                "name: a\ncontainers: {web: {\"\\x01ü\\u2028kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkкккк\": 1, restart: alwys}}\n";
        _cleanup_loaded_ struct loaded l = load_bytes("f.yaml", text, strlen(text));
        json_t *all = diag_list_json(&l.diags), *d;

        (void)state;
        assert_int_equal(json_array_size(all), 4);
        d = json_array_get(all, 1);
        assert_string_equal(json_string_value(json_object_get(d, "file")), "f.yaml");
        assert_int_equal(json_integer_value(json_object_get(d, "line")), 2);
        assert_string_equal(json_string_value(json_object_get(d, "path")), "containers.web.restart");
        assert_string_equal(json_string_value(json_object_get(d, "id")), "bad-value");
        assert_string_equal(json_string_value(json_object_get(d, "severity")), "error");
        assert_string_equal(json_string_value(json_object_get(d, "hint")), "did you mean \"always\"?");
        assert_true(json_is_null(json_object_get(json_array_get(all, 0), "hint")));
        assert_int_equal(json_object_size(d), 10);
        json_decref(all);
}

/* CVE-2024-40635 and its kin: what is no plain number and no name is no user, and least of all root. */
static void users(void **state) {
        static const struct {
                const char *text;
                bool good;
        } cases[] = {
                { "0", true },           { "1", true },         { "65534", true },      { "0:0", true },        { "1000:1000", true },
                { "root", true },        { "root:root", true }, { "_apt", true },       { "www-data:33", true }, { "user.name", true },
                { "65535", false },      { "65536", false },    { "4294967295", false }, { "4294967296", false }, { "18446744073709551616", false },
                { "-1", false },         { "-0", false },       { "+0", false },        { "+1", false },        { "00", false },
                { "007", false },        { "0x0", false },      { "0b1", false },       { "1e3", false },       { "1.0", false },
                { "1_000", false },      { " 0", false },       { "0 ", false },        { "\\t0", false },      { "0\\n", false },
                { "\\\"1\\\"", false }, { "0root", false },    { "", false },          { ":", false },         { ":0", false },
                { "0:", false },         { "0:0:0", false },    { "root:-1", false },   { "0:65535", false },   { "\\u0660", false },
                { "a b", false },        { "a/b", false },      { "Root", false },      { "..", false },        { "-x", false },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                char text[512];

                (void)snprintf(text, sizeof(text), WEB "    user: \"%s\"\n", cases[i].text);
                _cleanup_loaded_ struct loaded l = load_bytes("stack.yaml", text, strlen(text));
                if ((l.result >= 0) != cases[i].good || (!cases[i].good && l.diags.n == 0))
                        fail_msg("user: \"%s\" is %s", cases[i].text, l.result >= 0 ? "taken" : "refused");
                if (cases[i].good)
                        assert_string_equal(web_of(&l)->user, cases[i].text);
        }
}

unit_main(cmocka_unit_test(defaults_merge), cmocka_unit_test(env_files), cmocka_unit_test(paths), cmocka_unit_test(derived),
          cmocka_unit_test(capabilities), cmocka_unit_test(users), cmocka_unit_test(marks), cmocka_unit_test(examples), cmocka_unit_test(everything),
          cmocka_unit_test(wrong_documents), cmocka_unit_test(records), cmocka_unit_test(complaints_as_json));
