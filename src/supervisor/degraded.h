/* What the disk does not take.
 *
 * What must be durable is either refused before anything changes (an apply, a removal), or done and owed (a stop: who asks for it wants
 * it down now). A debt is paid out of what memory says then, anew and whole: never "the same write once more", since a kernel that
 * failed an fsync may have thrown away what it was to write. Debts are tried after 1 s, then twice as long up to 30 s, and with every
 * reconcile; when all are paid and a probe gets to the disk, the state is healed. Nobody has to do anything but give back the room.
 * One report when it begins, one when it ends. Running containers have no part in it.
 */
#pragma once

#include <ctrsup/base/buf.h>
#include <ctrsup/base/err.h>

#include <jansson.h>
#include <systemd/sd-event.h>

struct manager;

enum degraded_place { PLACE_STATE, PLACE_RUNTIME, _PLACE_MAX };

/* Brings what is owed under that name to the disk. 0: it is there (or is not wanted any more). Finds what it is about by the name: a
 * stack or member may be gone by then. May not call degraded_owe(). */
typedef int degraded_pay(struct manager *m, const char *name, struct err *err);

struct debt {
        struct debt *next;
        enum degraded_place place;
        degraded_pay *pay;
        char name[160];
};

struct degraded {
        int error;                      /* positive errno of the last failure; 0: all is well */
        enum degraded_place place;
        uint64_t since_usec, since_real_usec, wait_usec, looked_usec;
        unsigned paid;                  /* since it began */
        struct debt *debts;
        sd_event_source *timer;
};

/* Something was refused: nothing is owed. code: positive errno. */
void degraded_refused(struct manager *m, enum degraded_place place, int code);
/* It is to be done as soon as it can be; the same (pay, name) is owed once. code: why not now. */
void degraded_owe(struct manager *m, enum degraded_place place, degraded_pay *pay, const char *name, int code);
/* Is it owed? What was written on the way of another operation is paid. */
bool degraded_owes(const struct manager *m, degraded_pay *pay, const char *name);
void degraded_paid(struct manager *m, degraded_pay *pay, const char *name);
/* A start failed with that errno. Was it the disk? Asks it, at most once a second. */
void degraded_suspect(struct manager *m, int code);
/* With every reconcile: tries the debts; looks whether the state's file system is full or read-only before anybody needs it. */
void degraded_tend(struct manager *m);
/* "degraded: state directory: No space left on device"; nothing when all is well. */
void degraded_put(const struct manager *m, struct buf *out);
/* For the daemon's description: "state" and "reason". */
const char *degraded_state(const struct manager *m);
json_t *degraded_reason(const struct manager *m);
void degraded_done(struct manager *m);
