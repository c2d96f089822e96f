#include "unit.h"

#include <ctrsup/spec/explain.h>

static void assert_explained(const char *key, const char *expected) {
        _cleanup_buf_ struct buf out = BUF_NULL;
        struct err err = { 0 };

        if (explain_key(key, &out, &err) < 0)
                fail_msg("%s: %s", key, err.text);
        assert_string_equal(buf_text(&out), expected);
}

static const char memory[] = "containers.<name>.limits.memory\n"
                             "    memory.max: an OOM kill above\n"
                             "\n"
                             "    type:     size (bytes, or K M G T P (1024-based)), or max\n"
                             "    default:  max\n"
                             "    allowed:  at least 6M\n"
                             "    change:   live: takes effect without a restart\n"
                             "    example:  memory: 512M\n";

/* A key is found by its full path, with a name or an index in it, from the container, or by a last part that only it has. */
static void paths(void **state) {
        (void)state;
        assert_explained("containers.<name>.limits.memory", memory);
        assert_explained("containers.web.limits.memory", memory);
        assert_explained("limits.memory", memory);
        assert_explained("memory", memory);
}

/* What is shown, for each kind of key. */
static void kinds(void **state) {
        (void)state;
        assert_explained("restart", "containers.<name>.restart\n"
                                    "    when to start it again\n"
                                    "\n"
                                    "    type:     word\n"
                                    "    default:  always (service), \"no\" (job)\n"
                                    "    allowed:  no, on-failure, always\n"
                                    "    change:   meta: the running container is not touched\n"
                                    "    example:  restart: on-failure\n");
        assert_explained("volumes[].bind", "containers.<name>.volumes[].bind\n"
                                           "    only for type: bind\n"
                                           "\n"
                                           "    type:     mapping\n"
                                           "    change:   replace: the container is started anew\n"
                                           "    example:  bind: {propagation: rslave}\n"
                                           "\n"
                                           "Keys:\n"
                                           "    propagation        whether later mounts below the source show up inside (default: rprivate)\n"
                                           "    create_host_path   make a missing directory (0755, root) (default: false)\n"
                                           "    idmap              files keep their owners as seen inside (idmapped mount) (default: true, with a user namespace)\n");
        assert_explained("volumes.data.mode", "volumes.<name>.mode\n"
                                              "    mode of a new volume's directory\n"
                                              "\n"
                                              "    type:     file mode (four octal digits)\n"
                                              "    default:  \"0755\"\n"
                                              "    allowed:  \"0000\" to \"7777\"\n"
                                              "    change:   meta: the running container is not touched\n"
                                              "    example:  mode: \"0700\"\n");
        assert_explained("delegate", "containers.<name>.delegate\n"
                                     "    make the cgroup writable inside (systemd in a container)\n"
                                     "\n"
                                     "    type:     boolean\n"
                                     "    default:  false\n"
                                     "    change:   replace: the container is started anew\n"
                                     "    example:  delegate: true\n"
                                     "    note:     not supported yet\n");
}

/* A group's keys come with their defaults. */
static void defaults(void **state) {
        _cleanup_buf_ struct buf out = BUF_NULL;
        struct err err = { 0 };

        (void)state;
        assert_int_equal(explain_key("update_config", &out, &err), 0);
        assert_non_null(strstr(buf_text(&out), "replaced at once; 0 = all (default: 1)\n"));
        assert_non_null(strstr(buf_text(&out), "pause leaves the rest until the next apply"));
        buf_reset(&out);
        assert_int_equal(explain_key("post_start", &out, &err), 0);
        assert_non_null(strstr(buf_text(&out), "what runs: a list, no shell (required)\n"));
}

/* A name that several keys have lists them; one that none has gets the nearest. */
static void not_found(void **state) {
        static const struct {
                const char *key, *text, *hint;
        } cases[] = {
                { "target", "target is the name of several keys", "did you mean containers.<name>.volumes[].target, " },
                { "limits.memroy", "no key limits.memroy", "did you mean containers.<name>.limits.memory?" },
                { "memroy", "no key memroy", "did you mean containers.<name>.limits.memory?" },
                { "web.memory", "no key web.memory", "did you mean containers.<name>.limits.memory?" },
                { "", "no key ", "ctrsup explain alone lists them all" },
                { "limits.", "no key limits.", "ctrsup explain alone lists them all" },
                { "command[0]", "no key command[0]", "ctrsup explain alone lists them all" },
                { "hooks", "no key hooks", "hooks are the keys pre_start, post_start, pre_stop and post_stop; reload is" },
                { "frobnication", "no key frobnication", "ctrsup explain alone lists them all" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_buf_ struct buf out = BUF_NULL;
                struct err err = { 0 };

                assert_int_equal(explain_key(cases[i].key, &out, &err), -ENOENT);
                assert_string_equal(err.text, cases[i].text);
                if (strncmp(err.hint, cases[i].hint, strlen(cases[i].hint)) != 0)
                        fail_msg("%s: \"%s\"", cases[i].key, err.hint);
                assert_int_equal(out.len, 0);
        }
}

static void assert_has(const char *text, const char *line) {
        if (!strstr(text, line))
                fail_msg("\"%s\" is missing", line);
}

/* The tree has one line a key, two columns a level, and no blanks at the end of a line. */
static void tree(void **state) {
        _cleanup_buf_ struct buf out = BUF_NULL;

        (void)state;
        explain_tree(&out);
        assert_has(buf_text(&out), "\nname                               name                     required\n");
        assert_has(buf_text(&out), "\ncontainers                         map of mappings          required\n  <name>\n");
        assert_has(buf_text(&out), "\n      memory                       size                     max\n");
        assert_has(buf_text(&out), "\n    delegate                       boolean                  (not supported yet)\n");
        assert_has(buf_text(&out), "\nx-* ");
        assert_null(strstr(buf_text(&out), " \n"));
}

static void assert_schema(const json_t *root, const char *definition, const char *key, const char *expected) {
        const json_t *at = definition ? json_object_get(json_object_get(root, "definitions"), definition) : root;
        _cleanup_free_ char *text =
                json_dumps(json_object_get(json_object_get(at, "properties"), key), JSON_COMPACT | JSON_ENCODE_ANY);

        assert_string_equal(text, expected);
}

/* The JSON Schema of a few keys, to the letter: an editor shows these. */
static void schema(void **state) {
        json_t *root = explain_schema();
        _cleanup_free_ char *required = json_dumps(json_object_get(root, "required"), JSON_COMPACT);

        (void)state;
        assert_string_equal(required, "[\"name\",\"containers\"]");
        assert_schema(
                root, NULL, "name",
                "{\"anyOf\":[{\"type\":\"string\",\"pattern\":\"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$\"},{\"$ref\":\"#/definitions/variable\"}],"
                "\"description\":\"name of the stack: a DNS label, because it becomes part of host names and cgroups.\\nDefault: required."
                "\\nChange: immutable: remove it first.\"}");
        assert_schema(
                root, "container", "restart",
                "{\"anyOf\":[{\"enum\":[\"no\",\"on-failure\",\"always\"]},{\"$ref\":\"#/definitions/variable\"}],\"description\":\"when to start it again."
                "\\nDefault: always (service), \\\"no\\\" (job).\\nAllowed: no, on-failure, always.\\nChange: meta: the running container is not touched.\"}");
        assert_schema(
                root, "container", "delegate",
                "{\"not\":{},\"description\":\"Not supported yet. make the cgroup writable inside (systemd in a container).\\nDefault: false.\\nChange: "
                "replace: the container is started anew.\"}");
        json_decref(root);
}

/* The man page is complete: its parts, every error id, and no line that troff would take for a request by accident. */
static void man(void **state) {
        static const char *const parts[] = { ".TH CTRSUP\\-STACK 5",
                                             ".SH NAME",
                                             ".SH DESCRIPTION",
                                             ".SH KEYS OF THE STACK",
                                             ".SH KEYS OF A CONTAINER",
                                             ".SH ERRORS",
                                             ".SH SEE ALSO",
                                             "\n.B limits.memory\n",
                                             "\nunset\\-variable.\n",
                                             "\n.I Not supported yet.\n" };
        _cleanup_buf_ struct buf out = BUF_NULL;

        (void)state;
        explain_man(&out);
        for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
                assert_has(buf_text(&out), parts[i]);
        for (const char *line = buf_text(&out); *line; line += strcspn(line, "\n") + 1)
                if (*line == '.' && strncmp(line, ".SH ", 4) && strncmp(line, ".TP\n", 4) && strncmp(line, ".B ", 3) &&
                    strncmp(line, ".BR ", 4) && strncmp(line, ".BI ", 4) && strncmp(line, ".I ", 3) &&
                    strncmp(line, ".br\n", 4) && strncmp(line, ".PP\n", 4) && strncmp(line, ".TH ", 4))
                        fail_msg("a request by accident: %.40s", line);
}

unit_main(cmocka_unit_test(paths), cmocka_unit_test(kinds), cmocka_unit_test(defaults), cmocka_unit_test(not_found), cmocka_unit_test(tree),
          cmocka_unit_test(schema), cmocka_unit_test(man));
