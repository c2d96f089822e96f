/* Which system calls a container may make: a profile by its name. */
#include "tables.h"

#include <ctrsup/text/suggest.h>

#include <string.h>

static const char *const modes[_SECCOMP_MODE_MAX] = { [SECCOMP_DEFAULT] = "default", [SECCOMP_UNCONFINED] = "unconfined" };

static void read_seccomp(struct walk *w, const struct field *f, struct node *n, void *at) {
        struct spec_seccomp *s = at;
        const char *text = walk_text(w, n, "a profile");

        (void)f;
        if (!text)
                return;
        for (int m = 0; m < _SECCOMP_MODE_MAX; m++)
                if (strcmp(text, modes[m]) == 0) {
                        s->mode = (enum spec_seccomp_mode)m;
                        if (m == SECCOMP_UNCONFINED)
                                walk_warn(w, DIAG_INSECURE, n->mark, "every system call of the kernel is open to it",
                                          "write the capability that it needs into cap_add: that opens the calls that belong to it");
                        return;
                }
        struct diag *d = walk_complain(w, DIAG_BAD_VALUE, n->mark, "%s is not a profile: default or unconfined", walk_quote(w, text));
        struct suggest s2 = suggest_begin(text);
        for (int m = 0; m < _SECCOMP_MODE_MAX; m++)
                suggest_offer(&s2, modes[m]);
        if (s2.best)
                walk_hint(w, d, "did you mean \"%s\"?", s2.best);
}

static void put_seccomp(const struct field *f, const void *at, struct buf *out) {
        const struct spec_seccomp *s = at;

        (void)f;
        if (s->mode != SECCOMP_DEFAULT)
                buf_puts(out, modes[s->mode]);
}

static json_t *seccomp_schema(const struct field *f) {
        (void)f;
        return schema_or_variable(json_pack("{s:[s,s]}", "enum", modes[SECCOMP_DEFAULT], modes[SECCOMP_UNCONFINED]));
}

const struct type type_seccomp = { .name = "word",
                                   .units = "default or unconfined",
                                   .read = read_seccomp,
                                   .put = put_seccomp,
                                   .schema = seccomp_schema };
