/* What a container may do beyond the default profile: of what is declared, and of what the kernel says about a process. Pure; who calls
 * it reads the files.
 *
 * The default profile is what the table of keys makes of a container that says nothing (audit_default()). A deviation has an id, by
 * which the declared and the true are matched: what is true and declared is told with its key, what is true and not declared is told as
 * that, what is declared and not true is not told.
 */
#pragma once

#include <ctrsup/base/buf.h>
#include <ctrsup/spec/load.h>

#include <jansson.h>

/* note: of no account for the exit status. */
enum audit_severity { AUDIT_CRITICAL, AUDIT_HIGH, AUDIT_MEDIUM, AUDIT_NOTE, _AUDIT_MAX };

struct audit_finding {
        enum audit_severity severity;
        char id[300];   /* "cap:SYS_ADMIN", "ns:net", "bind:/etc" */
        char path[160]; /* "containers.web.cap_add[0]"; "": no key is known for it */
        char what[400]; /* "capability SYS_ADMIN" */
        char opens[200]; /* what it opens, a few words */
};

struct audit {
        struct audit_finding *items;
        size_t n, size;
        bool failed; /* out of memory */
};

#define AUDIT_NULL ((struct audit){ 0 })
void audit_done(struct audit *a);
#define _cleanup_audit_ _cleanup_(audit_done)

/* What the kernel says of a process. */
struct audit_truth {
        uint64_t capabilities; /* the bounding set: what it may ever get */
        bool no_new_privs, filtered;
        bool of_host[_NS_MAX];       /* the namespace is that of whoever asks */
        uint64_t root_outside;       /* its user 0 out here; UINT64_MAX: nobody */
        int oom_score_adj;
        uint64_t memory_max, pids_max; /* UINT64_MAX: none */
        const char *mountinfo;       /* its own */
};

/* A container that says nothing but what it runs. NULL: out of memory. */
struct spec *audit_default(void);
/* What c declares. spec: its stack. */
void audit_declared(struct audit *a, const struct spec *spec, const struct spec_container *c, const struct spec_container *normal);
/* What is true of a process of c (NULL: nothing is known of what it declares). */
void audit_true(struct audit *a, const struct audit_truth *t, const struct spec *spec, const struct spec_container *c,
                const struct spec_container *normal);
/* The worst first, then by key. */
void audit_sort(struct audit *a);
size_t audit_deviations(const struct audit *a); /* without notes */
const char *audit_severity_name(enum audit_severity s);

/* /proc/PID/status, uid_map into *t; false: not such a text. */
bool audit_read_status(const char *text, struct audit_truth *t);
bool audit_read_uid_map(const char *text, struct audit_truth *t);

/* A line each: "FILE:LINE:COL: critical: KEY: WHAT: OPENS". target: "shop/web". spec: for the places, NULL: there are none. */
void audit_put(const struct audit *a, const char *target, const struct spec *spec, struct buf *out);
/* A new reference. */
json_t *audit_json(const struct audit *a, const struct spec *spec);
