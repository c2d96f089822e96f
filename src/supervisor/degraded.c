#include "degraded.h"
#include "manager.h"

#include <ctrsup/store/dir.h>

#include <assert.h>
#include <string.h>
#include <sys/statvfs.h>

#define WAIT_MIN_USEC USEC_PER_SEC
#define WAIT_MAX_USEC (30 * USEC_PER_SEC)
/* What a probe writes: a stack file's worth, so that the first apply after "healed" has room. */
enum { PROBE_SIZE = 32 * 1024 };

static const char *const places[] = { [PLACE_STATE] = "state directory", [PLACE_RUNTIME] = "runtime directory" };
static_assert(ARRAY_SIZE(places) == _PLACE_MAX, "every place has a name");

static int place_fd(const struct manager *m, enum degraded_place place) {
        return place == PLACE_STATE ? m->host.state_fd : m->runtime_fd;
}

/* Others say more about the request than about the disk. */
static bool is_of_the_disk(int code) {
        return code == ENOSPC || code == EDQUOT || code == EROFS || code == EIO;
}

/* A file written anew and removed again. 0 or -errno. */
static int probe(const struct manager *m, enum degraded_place place) {
        static const char zeroes[PROBE_SIZE];
        int fd = place_fd(m, place);

        int r = file_write(fd, ".probe", zeroes, sizeof(zeroes), 0600, NULL);
        int e = file_remove(fd, ".probe", NULL);
        return r < 0 ? r : e;
}

/* --- words --- */

static void put_why(const struct degraded *d, struct buf *out) {
        buf_printf(out, "%s: %s", places[d->place], strerrordesc_np(d->error));
}

static size_t n_debts(const struct degraded *d) {
        size_t n = 0;

        for (const struct debt *debt = d->debts; debt; debt = debt->next)
                n++;
        return n;
}

void degraded_put(const struct manager *m, struct buf *out) {
        if (!m->degraded.error)
                return;
        buf_puts(out, "degraded: ");
        put_why(&m->degraded, out);
}

const char *degraded_state(const struct manager *m) {
        return m->degraded.error ? "degraded" : "running";
}

json_t *degraded_reason(const struct manager *m) {
        _cleanup_buf_ struct buf words = BUF_NULL;
        size_t n = n_debts(&m->degraded);

        if (!m->degraded.error)
                return json_null();
        put_why(&m->degraded, &words);
        if (n > 0)
                buf_printf(&words, " (%zu change%s to be recorded as soon as it can be)", n, n == 1 ? " is" : "s are");
        return json_string(buf_text(&words));
}

static void report(struct manager *m, enum report_kind kind, int code) {
        struct degraded *d = &m->degraded;
        _cleanup_buf_ struct buf words = BUF_NULL;
        struct report_event e = { .kind = kind, .error = code };

        if (kind == REPORT_STATE_DEGRADED)
                put_why(d, &words);
        else
                buf_puts(&words, places[d->place]);
        e.message = buf_text(&words);
        e.what = d->place == PLACE_STATE ? m->state_dir : m->runtime_dir;
        if (kind == REPORT_STATE_HEALED) {
                e.duration_usec = manager_now(m).mono_usec - d->since_usec;
                e.changed = d->paid;
        }
        manager_report(m, &e);
        manager_poke(m);
}

/* --- into it and out of it --- */

static void try(struct manager *m);

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        (void)source;
        (void)usec;
        try(userdata);
        return 0;
}

static void arm(struct manager *m) {
        struct degraded *d = &m->degraded;
        uint64_t at = manager_now(m).mono_usec + d->wait_usec;

        if (!d->timer)
                (void)sd_event_add_time(m->event, &d->timer, CLOCK_MONOTONIC, at, USEC_PER_SEC / 10, on_timer, m);
        else {
                (void)sd_event_source_set_time(d->timer, at);
                (void)sd_event_source_set_enabled(d->timer, SD_EVENT_ONESHOT);
        }
}

static void enter(struct manager *m, enum degraded_place place, int code) {
        struct degraded *d = &m->degraded;
        bool new = !d->error, other = d->error != code || d->place != place;
        struct now now = manager_now(m);

        d->error = code;
        d->place = place;
        if (new) {
                d->since_usec = now.mono_usec;
                d->since_real_usec = now.real_usec;
                d->paid = 0;
                d->wait_usec = WAIT_MIN_USEC;
                arm(m);
        }
        if (other)
                report(m, REPORT_STATE_DEGRADED, code);
}

static void heal(struct manager *m) {
        report(m, REPORT_STATE_HEALED, 0);
        m->degraded.error = 0;
        (void)sd_event_source_set_enabled(m->degraded.timer, SD_EVENT_OFF);
}

/* Every debt once; the first that is refused ends it, except for those of the other place. 0, or -errno of *ret_place. */
static int pay_all(struct manager *m, enum degraded_place *ret_place) {
        struct degraded *d = &m->degraded;
        bool refused[_PLACE_MAX] = { false };
        int result = 0;

        for (struct debt **at = &d->debts; *at;) {
                struct debt *debt = *at;
                int r = refused[debt->place] ? 0 : debt->pay(m, debt->name, NULL);

                if (r < 0) {
                        refused[debt->place] = is_of_the_disk(-r);
                        *ret_place = debt->place;
                        result = r;
                }
                if (r < 0 || refused[debt->place]) {
                        at = &debt->next;
                        continue;
                }
                *at = debt->next;
                free(debt);
                d->paid++;
        }
        return result;
}

static void try(struct manager *m) {
        struct degraded *d = &m->degraded;
        enum degraded_place place = d->place;

        if (!d->error)
                return;
        int r = pay_all(m, &place);
        if (r >= 0)
                r = probe(m, place);
        if (r >= 0) {
                heal(m);
                return;
        }
        enter(m, place, -r);
        d->wait_usec = d->wait_usec * 2 < WAIT_MAX_USEC ? d->wait_usec * 2 : WAIT_MAX_USEC;
        arm(m);
}

/* --- from outside --- */

void degraded_refused(struct manager *m, enum degraded_place place, int code) {
        if (is_of_the_disk(code))
                enter(m, place, code);
}

bool degraded_owes(const struct manager *m, degraded_pay *pay, const char *name) {
        for (const struct debt *debt = m->degraded.debts; debt; debt = debt->next)
                if (debt->pay == pay && strcmp(debt->name, name) == 0)
                        return true;
        return false;
}

void degraded_owe(struct manager *m, enum degraded_place place, degraded_pay *pay, const char *name, int code) {
        if (!degraded_owes(m, pay, name)) {
                struct debt *debt = calloc(1, sizeof(*debt));

                if (debt) { /* without: memory is short as well, and the next change of it is written as a whole */
                        debt->place = place;
                        debt->pay = pay;
                        (void)snprintf(debt->name, sizeof(debt->name), "%s", name);
                        debt->next = m->degraded.debts;
                        m->degraded.debts = debt;
                }
        }
        enter(m, place, code);
}

void degraded_paid(struct manager *m, degraded_pay *pay, const char *name) {
        for (struct debt **at = &m->degraded.debts; *at; at = &(*at)->next) {
                struct debt *debt = *at;

                if (debt->pay != pay || strcmp(debt->name, name) != 0)
                        continue;
                *at = debt->next;
                free(debt);
                return;
        }
}

void degraded_suspect(struct manager *m, int code) {
        struct degraded *d = &m->degraded;
        uint64_t now = manager_now(m).mono_usec;

        if (d->error || !is_of_the_disk(code) || (d->looked_usec > 0 && now < d->looked_usec + USEC_PER_SEC))
                return;
        d->looked_usec = now;
        int r = probe(m, PLACE_STATE); /* ENOSPC may also be said of ids, cgroups, cpusets */
        if (r < 0)
                enter(m, PLACE_STATE, -r);
}

void degraded_tend(struct manager *m) {
        struct statvfs fs;

        if (m->degraded.error) {
                try(m);
                return;
        }
        /* A look, not a write: a disk that sleeps is not woken up for it. */
        for (enum degraded_place place = 0; place < _PLACE_MAX; place++) {
                if (fstatvfs(place_fd(m, place), &fs) < 0)
                        continue;
                if ((fs.f_flag & ST_RDONLY) || (fs.f_blocks > 0 && fs.f_bfree == 0) || (fs.f_files > 0 && fs.f_ffree == 0))
                        enter(m, place, fs.f_flag & ST_RDONLY ? EROFS : ENOSPC);
        }
}

void degraded_done(struct manager *m) {
        while (m->degraded.debts) {
                struct debt *debt = m->degraded.debts;

                m->degraded.debts = debt->next;
                free(debt);
        }
        m->degraded.timer = sd_event_source_disable_unref(m->degraded.timer);
}
