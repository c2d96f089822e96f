#include "trash.h"

#include <ctrsup/store/trash.h>

#include <sys/wait.h>

static int on_done(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        struct manager *m = userdata;
        siginfo_t info = { 0 };

        (void)source;
        (void)revents;
        (void)waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG);
        m->trash_source = sd_event_source_disable_unref(m->trash_source);
        if (info.si_status == 0)
                manager_poke(m); /* more may have come meanwhile */
        return 0;
}

void trash_sweep(struct manager *m) {
        int pidfd = -EBADF;
        struct err err = { 0 };

        if (m->trash_source || m->degraded.error == EROFS)
                return;
        int r = trash_empty_start(m->host.state_fd, &pidfd, &err);
        if (r != 0)
                return; /* 1: nothing there; an error: the next change tries again */
        r = sd_event_add_io(m->event, &m->trash_source, pidfd, EPOLLIN, on_done, m);
        if (r < 0)
                close_fd(pidfd);
        else
                (void)sd_event_source_set_io_fd_own(m->trash_source, 1);
}
