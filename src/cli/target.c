#include "target.h"

#include <ctrsup/base/num.h>

#include <string.h>

/* A DNS label: what the stack file allows, so that a typing error is told here and not as "no such target". */
static bool is_label(const char *s, size_t len) {
        if (len == 0 || len >= TARGET_NAME_SIZE || s[0] == '-' || s[len - 1] == '-')
                return false;
        for (size_t i = 0; i < len; i++)
                if (!((s[i] >= 'a' && s[i] <= 'z') || (s[i] >= '0' && s[i] <= '9') || s[i] == '-'))
                        return false;
        return true;
}

int target_parse(const char *text, struct target *ret, struct err *err) {
        size_t stack = strcspn(text, "/");
        const char *container = text[stack] ? text + stack + 1 : "";
        size_t len = strcspn(container, ".");
        uint64_t replica = 0;
        struct target t = { 0 };

        if (!is_label(text, stack) || (text[stack] && !is_label(container, len)) ||
            (container[len] && (num_parse_u64(container + len + 1, &replica) < 0 || replica < 1 || replica > UINT32_MAX))) {
                err_set(err, EINVAL, "\"%s\" is not a target", text);
                return err_hint(err, "write STACK, STACK/CONTAINER or STACK/CONTAINER.N, as ctrsup status -o name lists them");
        }
        memcpy(t.stack, text, stack);
        memcpy(t.container, container, len);
        t.replica = (uint32_t)replica;
        *ret = t;
        return 0;
}

void target_stack(const char *text, char ret[TARGET_NAME_SIZE]) {
        size_t len = strcspn(text, "/");

        if (len >= TARGET_NAME_SIZE)
                len = TARGET_NAME_SIZE - 1;
        memcpy(ret, text, len);
        ret[len] = '\0';
}

bool target_covers(const struct target *t, const char *stack, const char *container, json_int_t replica) {
        return strcmp(t->stack, stack) == 0 && (!t->container[0] || strcmp(t->container, container) == 0) &&
               (t->replica == 0 || (json_int_t)t->replica == replica);
}

const char *target_text(const char *stack, const char *container, json_int_t replica, bool only_one, char buf[TARGET_TEXT_SIZE]) {
        if (replica < 1 || (replica == 1 && only_one))
                (void)snprintf(buf, TARGET_TEXT_SIZE, "%s/%s", stack, container);
        else
                (void)snprintf(buf, TARGET_TEXT_SIZE, "%s/%s.%lld", stack, container, (long long)replica);
        return buf;
}

bool target_is_only(const json_t *containers, const char *stack, const char *container) {
        size_t i, n = 0;
        json_t *c;

        json_array_foreach (containers, i, c) {
                const char *s = json_string_value(json_object_get(c, "stack")),
                           *name = json_string_value(json_object_get(c, "container"));

                n += s && name && strcmp(s, stack) == 0 && strcmp(name, container) == 0;
        }
        return n < 2;
}

json_t *targets_json(char **words, int n, struct err *err) {
        json_t *array = json_array();
        struct target t;

        for (int i = 0; i < n; i++) {
                if (target_parse(words[i], &t, err) < 0) {
                        json_decref(array);
                        return NULL;
                }
                (void)json_array_append_new(array, json_string(words[i]));
        }
        if (!array)
                err_oom(err);
        return array;
}
