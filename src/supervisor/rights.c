#include "rights.h"

#include <ctrsup/kernel/passwd.h>
#include <ctrsup/kernel/readfile.h>

#include <string.h>

#define GROUP_FILE "/etc/group"
enum { GROUP_FILE_MAX = 8 * 1024 * 1024 };
#define REFUSALS_USEC (60 * USEC_PER_SEC)

/* --- the groups --- */

static void say_missing(struct manager *m, const char *setting, const char *name) {
        struct report_event e = { .kind = REPORT_NOTICE, .priority = 4, .hint = "a group of a directory service is named by its number" };
        char words[ERR_TEXT_MAX];

        if (settings_is_default(m->settings, "control", setting))
                return;
        (void)snprintf(words, sizeof(words), "control.%s: there is no group \"%s\" in " GROUP_FILE, setting, name);
        e.message = words;
        manager_report(m, &e);
}

static int look_up(struct manager *m, const char *setting, const struct spec_strings *names, const char *text, size_t len, struct gids *ret) {
        struct gids found = { .items = calloc(names->n + 1, sizeof(gid_t)) };

        if (!found.items)
                return -ENOMEM;
        for (size_t i = 0; i < names->n; i++) {
                gid_t *to = &found.items[found.n];

                if (group_parse_host_id(names->items[i], to) || group_find_on_host(text, len, names->items[i], to) == 0)
                        found.n++;
                else
                        say_missing(m, setting, names->items[i]);
        }
        *ret = found;
        return 0;
}

int rights_load(struct manager *m, struct err *err) {
        _cleanup_free_ char *text = NULL;
        struct gids admin = { 0 }, read = { 0 };
        struct err why = { 0 };
        size_t len = 0;

        if (m->options->mode != MODE_SERVICE)
                return 0; /* a foreground supervisor is its caller's alone */
        int r = read_file(GROUP_FILE, GROUP_FILE_MAX, &text, &len, &why);
        if (r < 0 && r != -ENOENT) {
                *err = why;
                return r;
        }
        r = look_up(m, "admin_groups", &m->settings->control.admin_groups, text ? text : "", len, &admin);
        if (r >= 0)
                r = look_up(m, "read_groups", &m->settings->control.read_groups, text ? text : "", len, &read);
        if (r < 0) {
                free(admin.items);
                return err_oom(err);
        }
        rights_done(m);
        m->rights.admin = admin;
        m->rights.read = read;
        return 0;
}

void rights_done(struct manager *m) {
        free(m->rights.admin.items);
        free(m->rights.read.items);
        m->rights.admin = m->rights.read = (struct gids){ 0 };
}

void rights_take(struct manager *m, const struct control_call *asking) {
        const struct gids *admin = &m->rights.admin, *read = &m->rights.read;
        _cleanup_free_ gid_t *all = calloc(admin->n + read->n + 1, sizeof(*all));
        struct report_event e = { .kind = REPORT_NOTICE, .priority = 4 };
        struct err err = { 0 };
        int r = 0;

        if (!all)
                r = err_oom(&err);
        if (m->options->mode == MODE_SERVICE && all) {
                if (admin->n > 0)
                        memcpy(all, admin->items, admin->n * sizeof(*all));
                if (read->n > 0)
                        memcpy(all + admin->n, read->items, read->n * sizeof(*all));
                r = control_server_permit(m->control, all, admin->n + read->n, &err);
        }
        if (r < 0) {
                e.message = err.text;
                e.error = err.code;
                e.hint = "root can connect; of control.admin_groups and control.read_groups perhaps only the first one";
                manager_report(m, &e);
        }
        control_server_review(m->control, asking);
}

static bool in_any(const struct control_peer *peer, const struct gids *gids) {
        for (size_t i = 0; i < gids->n; i++)
                if (control_peer_in_group(peer, gids->items[i]))
                        return true;
        return false;
}

enum control_right rights_of(const struct control_peer *peer, void *manager) {
        const struct manager *m = manager;

        if (peer->uid == 0 || in_any(peer, &m->rights.admin))
                return CONTROL_ADMIN;
        return in_any(peer, &m->rights.read) ? CONTROL_READ : CONTROL_NONE;
}

gid_t rights_socket_group(const struct manager *m) {
        return m->rights.admin.n > 0 ? m->rights.admin.items[0] : (gid_t)-1;
}

/* --- refusals --- */

static void put_names(const struct spec_strings *names, size_t *n, size_t all, struct buf *out) {
        for (size_t i = 0; i < names->n; i++, (*n)++)
                buf_printf(out, "%s\"%s\"", *n == 0 ? " or as a member of group " : *n + 1 == all ? " or " : ", ", names->items[i]);
}

static void advise(const struct manager *m, bool read, char hint[ERR_HINT_MAX]) {
        const struct spec_strings *admin = &m->settings->control.admin_groups, *readers = &m->settings->control.read_groups;
        size_t n = 0, all = admin->n + (read ? readers->n : 0);
        _cleanup_buf_ struct buf words = BUF_NULL;

        buf_puts(&words, "run as root");
        if (m->options->mode == MODE_SERVICE) {
                put_names(admin, &n, all, &words);
                if (read)
                        put_names(readers, &n, all, &words);
                if (n > 0)
                        buf_puts(&words, " (newgrp, or log in again)");
        }
        (void)snprintf(hint, ERR_HINT_MAX, "%s", buf_text(&words));
}

/* Of a uid so many a minute are said, of a bounded number of uids: none of them hides what another tries. */
static bool may_say(struct refusals *r, uid_t uid) {
        size_t i = 0;

        while (i < r->n_uids && r->uids[i].uid != uid)
                i++;
        if (i == REFUSED_UIDS)
                return false;
        if (i == r->n_uids) {
                r->uids[i].uid = uid;
                r->uids[i].said = 0;
                r->n_uids++;
        }
        return r->uids[i].said++ < REFUSALS_OF_UID;
}

static void turn(struct manager *m) {
        struct refusals *r = &m->rights.refusals;
        uint64_t now = manager_now(m).mono_usec;
        struct report_event e = { .kind = REPORT_NOTICE, .priority = 4 };
        char words[96];

        if (r->n_uids == 0 || now < r->since_usec + REFUSALS_USEC)
                return;
        (void)snprintf(words, sizeof(words), "%ju more calls or clients were refused", (uintmax_t)r->unsaid);
        e.message = words;
        if (r->unsaid > 0)
                manager_report(m, &e);
        *r = (struct refusals){ 0 };
}

void rights_refused(const struct control_peer *peer, const char *method, char hint[ERR_HINT_MAX], void *manager) {
        struct manager *m = manager;
        struct refusals *r = &m->rights.refusals;
        struct report_event e = { .kind = REPORT_CALL_REFUSED,
                                  .what = method,
                                  .has_actor = true,
                                  .actor_uid = peer->uid,
                                  .actor_pid = peer->pid };

        advise(m, !method, hint);
        turn(m);
        if (r->n_uids == 0)
                r->since_usec = manager_now(m).mono_usec;
        if (may_say(r, peer->uid))
                manager_report(m, &e);
        else
                r->unsaid++;
}

void rights_tend(struct manager *m) {
        turn(m);
}
