#include "rights.h"

#include <grp.h>

static int look_up(const struct spec_strings *names, gid_t **ret, size_t *ret_n) {
        gid_t *gids = calloc(names->n + 1, sizeof(*gids));
        size_t n = 0;

        if (!gids)
                return -ENOMEM;
        for (size_t i = 0; i < names->n; i++) {
                const struct group *g = getgrnam(names->items[i]);

                if (g)
                        gids[n++] = g->gr_gid; /* a group that is not there has no members */
        }
        free(*ret);
        *ret = gids;
        *ret_n = n;
        return 0;
}

int rights_load(struct manager *m, struct err *err) {
        if (m->options->mode != MODE_SERVICE)
                return 0; /* a foreground supervisor is its caller's alone */
        int r = look_up(&m->settings->control.admin_groups, &m->admin_gids, &m->n_admin_gids);
        if (r >= 0)
                r = look_up(&m->settings->control.read_groups, &m->read_gids, &m->n_read_gids);
        return r < 0 ? err_oom(err) : 0;
}

static bool in_any(const struct control_peer *peer, const gid_t *gids, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (control_peer_in_group(peer, gids[i]))
                        return true;
        return false;
}

enum control_right rights_of(const struct control_peer *peer, void *manager) {
        const struct manager *m = manager;

        if (peer->uid == 0 || in_any(peer, m->admin_gids, m->n_admin_gids))
                return CONTROL_ADMIN;
        return in_any(peer, m->read_gids, m->n_read_gids) ? CONTROL_READ : CONTROL_NONE;
}

gid_t rights_socket_group(const struct manager *m) {
        return m->n_admin_gids > 0 ? m->admin_gids[0] : (gid_t)-1;
}
