#include "lines.h"

#include "target.h"

#include <string.h>

/* One of six colours by name, so that a container keeps its colour from run to run. */
static unsigned color_of(const char *name) {
        unsigned hash = 5381;

        for (; *name; name++)
                hash = hash * 33 + (unsigned char)*name;
        return 31 + hash % 6;
}

void lines_put(struct lines *l, const json_t *line, struct buf *out) {
        const char *container = json_string_value(json_object_get(line, "container")),
                   *text = json_string_value(json_object_get(line, "text"));
        json_int_t replica = json_integer_value(json_object_get(line, "replica")),
                   missed = json_integer_value(json_object_get(line, "missed"));
        char name[TARGET_TEXT_SIZE];

        if (!container || !text)
                return;
        bool numbered = replica > 1 || json_is_true(json_object_get(line, "several"));
        (void)snprintf(name, sizeof(name), numbered ? "%s.%lld" : "%s", container, (long long)replica);
        if (strlen(name) > l->width)
                l->width = strlen(name);
        if (missed > 0)
                buf_printf(out, "%-*s | (%lld lines are not shown)\n", (int)l->width, name, (long long)missed);
        if (l->color)
                buf_printf(out, "\033[%um%-*s |\033[0m %s\n", color_of(name), (int)l->width, name, text);
        else
                buf_printf(out, "%-*s | %s\n", (int)l->width, name, text);
}
