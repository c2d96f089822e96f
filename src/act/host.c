#include <ctrsup/act/host.h>

int act_hold(struct act_host *h, const char *name, int fd) {
        int r = keeper_client_hold(h->keeper, name, fd);

        h->hold_due = h->hold_due || r < 0;
        return r;
}
