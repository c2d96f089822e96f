/* Targets, states, terminals, the document of `run`: the small pure parts of the client. */
#include "unit.h"

#include <cli/daemon.h>
#include <cli/document.h>
#include <cli/lines.h>
#include <cli/runspec.h>
#include <cli/statusview.h>
#include <cli/target.h>
#include <cli/terminal.h>
#include <ctrsup/spec/load.h>

static void targets(void **state _unused_) {
        static const char *const bad[] = { "",
                                           "/",
                                           "A",
                                           "shop/",
                                           "/web",
                                           "shop/web.",
                                           "shop/web.0",
                                           "shop/web.01",
                                           "shop/web.x",
                                           "shop//web",
                                           "-a",
                                           "a-",
                                           "shop/web.4294967296",
                                           "shop.1",
                                           "s p",
                                           "shop/web/1" };
        struct target t;
        struct err err = { 0 };
        char text[TARGET_TEXT_SIZE];

        assert_int_equal(target_parse("shop", &t, &err), 0);
        assert_string_equal(t.container, "");
        assert_int_equal(target_parse("shop/web.12", &t, &err), 0);
        assert_string_equal(t.stack, "shop");
        assert_string_equal(t.container, "web");
        assert_int_equal(t.replica, 12);
        assert_true(target_covers(&t, "shop", "web", 12));
        assert_false(target_covers(&t, "shop", "web", 1));
        assert_false(target_covers(&t, "shop", "db", 12));
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                assert_int_equal(target_parse(bad[i], &t, &err), -EINVAL);
                assert_non_null(strstr(err.hint, "STACK/CONTAINER.N"));
        }
        assert_string_equal(target_text("shop", "web", 1, true, text), "shop/web");
        assert_string_equal(target_text("shop", "web", 1, false, text), "shop/web.1");
        assert_string_equal(target_text("shop", "web", 2, true, text), "shop/web.2");
        assert_string_equal(target_text("shop", "web", 0, false, text), "shop/web");
}

/* A flag beats NO_COLOR beats CLICOLOR_FORCE beats what the terminal is. */
static void colors_are_decided(void **state _unused_) {
        assert_true(terminal_wants_color(COLOR_ALWAYS, false, "1", NULL, "dumb"));
        assert_false(terminal_wants_color(COLOR_NEVER, true, NULL, "1", "xterm"));
        assert_true(terminal_wants_color(COLOR_AUTO, true, NULL, NULL, "xterm"));
        assert_true(terminal_wants_color(COLOR_AUTO, true, "", NULL, "xterm"));
        assert_false(terminal_wants_color(COLOR_AUTO, true, "x", "1", "xterm"));
        assert_true(terminal_wants_color(COLOR_AUTO, false, NULL, "1", NULL));
        assert_false(terminal_wants_color(COLOR_AUTO, false, NULL, "0", "xterm"));
        assert_false(terminal_wants_color(COLOR_AUTO, true, NULL, NULL, "dumb"));
        assert_false(terminal_wants_color(COLOR_AUTO, true, NULL, NULL, NULL));
}

static void progress_is_chosen(void **state _unused_) {
        assert_int_equal(terminal_progress(PROGRESS_AUTO, false, true, "xterm"), PROGRESS_TTY);
        assert_int_equal(terminal_progress(PROGRESS_AUTO, false, false, "xterm"), PROGRESS_PLAIN);
        assert_int_equal(terminal_progress(PROGRESS_AUTO, false, true, "dumb"), PROGRESS_PLAIN);
        assert_int_equal(terminal_progress(PROGRESS_AUTO, true, true, "xterm"), PROGRESS_NONE);
        assert_int_equal(terminal_progress(PROGRESS_JSON, true, true, "xterm"), PROGRESS_JSON);
}

static uint64_t at(const char *text) {
        json_t *json = json_string(text);
        uint64_t usec = statusview_time(json);

        json_decref(json);
        return usec;
}

static void times_are_read(void **state _unused_) {
        assert_true(at("1970-01-01T00:00:01Z") == 1000000);
        assert_true(at("2026-11-24T00:02:28.123456Z") == UINT64_C(1795478548123456));
        assert_true(at("1970-01-01T00:00:00.5Z") == 500000);
        assert_true(at("2026-11-24 00:02:28") == 0);
        assert_true(at("2026-11-24T00:02:28+01:00") == 0);
        assert_true(statusview_time(NULL) == 0);
}

/* The state with how it ended and when it tries again; the numbers of a line, "-" where nothing is known. */
static void states_in_words(void **state _unused_) {
        static const struct {
                const char *json, *state, *uptime, *cpu, *memory;
        } cases[] = {
                { "{'state':'ready','pid':5,'started_at':'1970-01-01T00:00:10Z','usage':{'cpu_usec':2500000,'memory':100663296},'limits':{'memory':536870912}}",
                  "ready", "12m", "0.3%", "96M / 512M" },
                { "{'state':'ready','pid':5,'started_at':'1970-01-01T00:12:10Z','usage':{'memory':1024},'limits':{'memory':null}}",
                  "ready", "20s", "-", "1K" },
                { "{'state':'backoff','pid':null,'next_attempt_at':'1970-01-01T00:12:37.5Z','exit':{'code':1,'signal':null,'reason':'exited'},'started_at':null}",
                  "backoff 8s (exit 1)", "-", "-", "-" },
                { "{'state':'failed','exit':{'code':null,'signal':'SIGKILL','reason':'oom'}}", "failed (oom, SIGKILL)", "-", "-",
                  "-" },
                { "{'state':'failed','exit':{'code':null,'signal':'SIGSEGV','reason':'dumped'}}", "failed (SIGSEGV)", "-", "-",
                  "-" },
                { "{'state':'failed','exit':{'code':null,'signal':null,'reason':'not-started'}}", "failed (not-started)", "-",
                  "-", "-" },
                { "{'state':'completed','exit':{'code':0,'signal':null,'reason':'exited'}}", "completed", "-", "-", "-" },
                { "{'state':'scheduled','schedule':'daily','next_run_at':'1970-01-01T00:13:00Z','exit':null}", "next Thu 00:13:00", "-", "-", "-" },
                { "{'state':'completed','schedule':'daily','next_run_at':'1970-01-02T03:30:00.5Z','exit':{'code':0,'signal':null,'reason':'exited'}}",
                  "next Fri 03:30", "-", "-", "-" },
                { "{'state':'failed','schedule':'daily','next_run_at':'1970-02-01T03:30:00Z','exit':{'code':1,'signal':null,'reason':'exited'}}",
                  "next 1970-02-01 03:30 (exit 1)", "-", "-", "-" },
                { "{'state':'scheduled','schedule':'daily','next_run_at':null}", "next never", "-", "-", "-" },
                { "{'state':'completed','schedule':'daily','next_run_at':null}", "completed", "-", "-", "-" },
                { "{'state':'running','schedule':'daily','next_run_at':'1970-01-02T03:30:00Z'}", "running", "-", "-", "-" },
                { "{'state':'stopped','schedule':'daily','next_run_at':null}", "stopped", "-", "-", "-" },
                { "{'state':'completed','schedule':null,'next_run_at':null}", "completed", "-", "-", "-" },
                { "{}", "?", "-", "-", "-" },
        };
        const uint64_t now = UINT64_C(750000000);

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct buf parts[4] = { 0 };
                char text[512];
                size_t n = strlen(cases[i].json);

                for (size_t k = 0; k <= n; k++)
                        text[k] = (char)(cases[i].json[k] == '\'' ? '"' : cases[i].json[k]);
                json_t *c = json_loads(text, 0, NULL);
                statusview_state(c, now, &parts[0]);
                statusview_uptime(c, now, &parts[1]);
                statusview_cpu(c, NULL, 0, now, &parts[2]);
                statusview_memory(c, &parts[3]);
                assert_string_equal(buf_text(&parts[0]), cases[i].state);
                assert_string_equal(buf_text(&parts[1]), cases[i].uptime);
                assert_string_equal(buf_text(&parts[2]), cases[i].cpu);
                assert_string_equal(buf_text(&parts[3]), cases[i].memory);
                for (size_t k = 0; k < 4; k++)
                        buf_done(&parts[k]);
                json_decref(c);
        }
}

/* Between two looks at the same run the CPU is that of the time between; another run starts anew. */
static void cpu_between_two_looks(void **state _unused_) {
        json_t *a = json_loads("{\"pid\":5,\"started_at\":\"1970-01-01T00:00:00.000001Z\",\"usage\":{\"cpu_usec\":1000000}}", 0,
                               NULL);
        json_t *b = json_loads("{\"pid\":5,\"started_at\":\"1970-01-01T00:00:00.000001Z\",\"usage\":{\"cpu_usec\":2000000}}", 0,
                               NULL);
        _cleanup_buf_ struct buf out = BUF_NULL;

        statusview_cpu(b, a, 10000000, 12000000, &out);
        assert_string_equal(buf_text(&out), "50.0%");
        (void)json_object_set_new(a, "pid", json_integer(4));
        buf_reset(&out);
        statusview_cpu(b, a, 10000000, 20000001, &out);
        assert_string_equal(buf_text(&out), "10.0%");
        json_decref(a);
        json_decref(b);
}

/* Containers' lines stand under each other; what was missed is said. */
static void lines_have_names(void **state _unused_) {
        _cleanup_buf_ struct buf out = BUF_NULL;
        struct lines l = { 0 };
        json_t *one = json_pack("{s:s, s:i, s:s}", "container", "database", "replica", 1, "text", "up");
        json_t *two = json_pack("{s:s, s:i, s:s, s:i}", "container", "api", "replica", 2, "text", "x|y", "missed", 3);

        lines_put(&l, one, &out);
        lines_put(&l, two, &out);
        (void)json_object_set_new(one, "several", json_true());
        lines_put(&l, one, &out);
        assert_string_equal(buf_text(&out), "database | up\napi.2    | (3 lines are not shown)\napi.2    | x|y\ndatabase.1 | up\n");
        json_decref(one);
        json_decref(two);
}

/* --set beats files, later beats earlier, both beat the environment. */
static void variables_in_order(void **state _unused_) {
        _cleanup_variables_ struct variables v = VARIABLES_NULL;
        struct err err = { 0 };
        char path[] = "/tmp/ctrsup-unit-XXXXXX";
        int fd = mkstemp(path);

        assert_int_equal(write(fd, "A=file\nB=file\nB=later\nC=file\n", 29), 29);
        close_fd(fd);
        assert_int_equal(setenv("CTRSUP_UNIT_D", "environment", 1), 0);
        assert_int_equal(variables_set(&v, "A=set", &err), 0);
        assert_int_equal(variables_add_file(&v, path, &err), 0);
        assert_int_equal(variables_set(&v, "C=a=b", &err), 0);
        assert_int_equal(variables_set(&v, "A=again", &err), 0);
        assert_string_equal(variables_get(&v, "A"), "again");
        assert_string_equal(variables_get(&v, "B"), "later");
        assert_string_equal(variables_get(&v, "C"), "a=b");
        assert_string_equal(variables_get(&v, "CTRSUP_UNIT_D"), "environment");
        assert_null(variables_get(&v, "CTRSUP_UNIT_NOT_SET"));
        assert_int_equal(variables_set(&v, "novalue", &err), -EINVAL);
        assert_int_equal(variables_set(&v, "=x", &err), -EINVAL);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(variables_add_file(&v, path, &err), -ENOENT);
}

/* Whatever the words of `run` hold, they come out of the stack file as they went in: nothing is YAML, nothing a variable. */
static void words_of_run_survive(void **state _unused_) {
        static const char *const words[] = { "plain",
                                             "",
                                             "a b",
                                             "\"quoted\" 'x'",
                                             "back\\slash",
                                             "${HOME}",
                                             "$${X}",
                                             "$HOME",
                                             "tab\tnewline\nbell\a",
                                             "- list",
                                             "key: value",
                                             "# no comment",
                                             "{a: b}",
                                             "*alias",
                                             "&anchor",
                                             "!tag",
                                             "null",
                                             "true",
                                             "1.10",
                                             "0x10",
                                             "ünïcode",
                                             "\x7f",
                                             "%YAML",
                                             "@at",
                                             "`tick`" };
        const char *layers[] = { "/a \"b\"", "/${c}" }, *environment[] = { "A=1", "B=${x}", "A=2" };
        char *command[ARRAY_SIZE(words)];
        _cleanup_buf_ struct buf text = BUF_NULL, complaints = BUF_NULL;
        struct diag_list diags;
        struct stack stack = STACK_NULL;

        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                command[i] = (char *)(uintptr_t)words[i];
        runspec_put(&(struct runspec){ .name = "run-1",
                                       .layers = layers,
                                       .n_layers = 2,
                                       .environment = environment,
                                       .n_environment = 3,
                                       .command = command,
                                       .n_command = ARRAY_SIZE(words),
                                       .memory = "64M",
                                       .pids = "10",
                                       .cpus = "1.5",
                                       .user = "1000",
                                       .hostname = "box",
                                       .working_dir = "/w",
                                       .net = "host" },
                    &text);
        assert_int_equal(diag_list_init(&diags, "run"), 0);
        int r = stack_load(buf_text(&text), text.len, &(struct stack_source){ .file = "run", .base_dir = "/" }, &diags, &stack);
        runspec_complain(&diags, &complaints);
        assert_string_equal(buf_text(&complaints), "");
        assert_int_equal(r, 0);
        const struct spec_container *c = spec_find(stack.spec, "main");
        assert_int_equal(c->command.n, ARRAY_SIZE(words));
        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                assert_string_equal(c->command.items[i], words[i]);
        assert_string_equal(c->rootfs.layers[0].dir, "/a \"b\"");
        assert_string_equal(c->rootfs.layers[1].dir, "/${c}");
        assert_int_equal(c->environment.n, 2);
        assert_true(c->limits.memory == 64 << 20 && c->limits.pids == 10 && c->limits.cpus_milli == 1500);
        assert_string_equal(c->user, "1000");
        assert_int_equal(c->namespaces[NS_NET].mode, NS_HOST);
        stack_done(&stack);
        diag_list_done(&diags);
}

/* A wrong value is told as the option it came by. */
static void run_complains_of_options(void **state _unused_) {
        const char *layers[] = { "/" };
        char *command[] = { (char *)"true" };
        _cleanup_buf_ struct buf text = BUF_NULL, complaints = BUF_NULL;
        struct diag_list diags;
        struct stack stack = STACK_NULL;

        runspec_put(&(struct runspec){ .name = "run-1",
                                       .layers = layers,
                                       .n_layers = 1,
                                       .command = command,
                                       .n_command = 1,
                                       .memory = "1}, x: {",
                                       .pids = "-5" },
                    &text);
        assert_int_equal(diag_list_init(&diags, "run"), 0);
        assert_int_equal(
                stack_load(buf_text(&text), text.len, &(struct stack_source){ .file = "run", .base_dir = "/" }, &diags, &stack),
                -EBADMSG);
        runspec_complain(&diags, &complaints);
        assert_non_null(strstr(buf_text(&complaints), "ctrsup: run: --memory: \"1}, x: {\" is not a size"));
        assert_non_null(strstr(buf_text(&complaints), "ctrsup: run: --pids: "));
        assert_null(strstr(buf_text(&complaints), "containers.main"));
        diag_list_done(&diags);
}

/* Every error of the interface is an exit code of the table, with words. */
static void errors_have_codes(void **state _unused_) {
        static const struct {
                const char *error, *parameters;
                int code;
                const char *text;
        } errors[] = {
                { "io.ctrsup.Manager.Busy", "{\"message\":\"busy\"}", EXIT_TRY_AGAIN, "busy" },
                { "io.ctrsup.Manager.NotPermitted", "{\"message\":\"no\"}", EXIT_NO_PERMISSION, "no" },
                { "io.ctrsup.Manager.Unsupported", "{\"message\":\"later\"}", EXIT_USAGE, "later" },
                { "io.ctrsup.Manager.NoSuchTarget", "{\"target\":\"shop\"}", EXIT_NO_TARGET, "no such target: shop" },
                { "io.ctrsup.Manager.Failed", "{\"message\":\"m\",\"errno\":28,\"place\":\"f:1:2\"}", EXIT_KERNEL, "f:1:2: m" },
                { "io.ctrsup.Manager.Failed", "{\"message\":\"m\",\"errno\":null}", EXIT_NEGATIVE, "m" },
                { "io.ctrsup.Manager.InvalidDocument", "{\"diagnostics\":[]}", EXIT_DATA, "the daemon refused the stack" },
                { "io.ctrsup.Manager.InvalidDocument", "{\"diagnostics\":[{\"severity\":\"error\",\"id\":\"policy-refused\"}]}", EXIT_NO_PERMISSION,
                  "the policy of this host refuses the stack" },
                { "io.ctrsup.Manager.InvalidDocument",
                  "{\"diagnostics\":[{\"severity\":\"error\",\"id\":\"policy-refused\"},{\"severity\":\"error\",\"id\":\"conflict\"}]}", EXIT_DATA,
                  "the daemon refused the stack" },
                { "org.varlink.service.MethodNotFound", "{\"method\":\"a.B\"}", EXIT_USAGE, "this daemon has no a.B" },
                { "org.varlink.service.InvalidParameter", "{\"parameter\":\"x\"}", EXIT_BUG,
                  "the daemon answered org.varlink.service.InvalidParameter (x)" },
                { "io.ctrsup.Manager.Busy", "{}", EXIT_TRY_AGAIN, "io.ctrsup.Manager.Busy" },
                { "io.ctrsup.Manager.Failed", "{\"message\":5,\"errno\":\"x\"}", EXIT_NEGATIVE, "" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
                struct control_answer a = { .parameters = json_loads(errors[i].parameters, 0, NULL),
                                            .error = strdup(errors[i].error) };
                _cleanup_buf_ struct buf details = BUF_NULL;
                struct err err = { 0 };

                assert_int_equal(daemon_error_code(&a, &err, &details), errors[i].code);
                assert_string_equal(err.text, errors[i].text);
                control_answer_done(&a);
        }
}

unit_main(cmocka_unit_test(targets), cmocka_unit_test(colors_are_decided), cmocka_unit_test(progress_is_chosen),
          cmocka_unit_test(times_are_read), cmocka_unit_test(states_in_words), cmocka_unit_test(cpu_between_two_looks),
          cmocka_unit_test(lines_have_names), cmocka_unit_test(variables_in_order), cmocka_unit_test(words_of_run_survive),
          cmocka_unit_test(run_complains_of_options), cmocka_unit_test(errors_have_codes));
