/* One http or tcp probe of a container, from a socket of its network namespace: no program inside, no process of ours.
 *
 * 127.0.0.1 first, ::1 when nothing listens there. Non-blocking, driven by the loop, over at the timeout whatever the other side does:
 * of an answer only the status line is looked at, and no more than PROBE_REPLY_MAX bytes of it are ever kept.
 */
#pragma once

#include <ctrsup/base/err.h>
#include <ctrsup/spec/spec.h>

#include <systemd/sd-event.h>

enum { PROBE_REPLY_MAX = 4096, PROBE_WORDS_MAX = 256 };

struct probe;

/* Runs once, from the loop. words: "HTTP 503", "connect: Connection refused"; clean text, one line. The probe is still to be freed. */
typedef void probe_done_fn(bool good, const char *words, void *userdata);

/* pidfd: of the container, as long as the probe is. c: of kind http or tcp; not needed afterwards. An error: there is no such process or no socket; done will not run. */
int probe_new(sd_event *event, int pidfd, const struct spec_healthcheck *c, probe_done_fn *done, void *userdata, struct probe **ret,
              struct err *err);
struct probe *probe_free(struct probe *p); /* returns NULL; takes NULL; also before it is done */

/* What an HTTP server has sent so far. 1: *ret_code is its status; 0: the status line goes on; -EBADMSG: it speaks no HTTP. */
int probe_parse_status(const char *reply, size_t size, unsigned *ret_code);
/* Text of a container's, fit for a line or a terminal: what is not printable ASCII or, without one_line, a line break or tab, is "?".
 * Blanks at the end go. Cut to size. */
void probe_clean_text(const char *text, size_t len, bool one_line, char *buf, size_t size);
