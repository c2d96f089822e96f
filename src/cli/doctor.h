/* The checks of `ctrsup doctor`: each looks at one thing of this host and says what it found. What does not work is a failure when
 * containers suffer from it, a warning when only some feature does; both have the cure in one line.
 */
#pragma once

#include "cli.h"

enum finding { FINDING_OK, FINDING_WARNING, FINDING_FAILURE, FINDING_SKIPPED, _FINDING_MAX };

/* Of ctrsup.conf, what is looked at. */
struct doctor_settings {
        char state[256], runtime[256], logs[256];
        uint64_t base, count; /* of host ids */
};

struct doctor {
        struct doctor_settings settings; /* the defaults, until the check of the configuration has read them */
        const char *config;              /* NULL: the daemon's own */
        const char *socket;
        const char *name; /* of the check that runs */
        json_t *found;    /* array of {check, result, message, cure} */
        size_t count[_FINDING_MAX];
};

struct doctor_check {
        const char *name;
        void (*look)(struct doctor *d); /* says something once at least */
        bool needs_root;
};

extern const struct doctor_check doctor_kernel_checks[], doctor_host_checks[]; /* the last has no name */

/* cure: NULL for what is fine. */
void doctor_say(struct doctor *d, enum finding f, const char *cure, const char *format, ...) _printf_(4, 5);
const char *finding_name(enum finding f);
/* The list for people: "✓ NAME  words", with the cure below; "ok", "warning" and the like without unicode. */
void doctor_put(const json_t *found, bool unicode, bool color, struct buf *out);

/* Texts, pure. */
/* What `ctrsupd --check-config` prints; a setting that is not in it stays. */
void doctor_read_settings(const char *text, struct doctor_settings *ret);
/* The first line of /etc/subuid ("name:first:count") that overlaps with count ids from first: into what; false: none. */
bool doctor_subid_overlaps(const char *text, uint64_t first, uint64_t count, char what[64]);
/* The same of /etc/passwd: a user whose id is one of them. */
bool doctor_passwd_overlaps(const char *text, uint64_t first, uint64_t count, char what[64]);
/* Whether a map of /proc/self/uid_map has all of them in one line. */
bool doctor_map_covers(const char *text, uint64_t first, uint64_t count);
