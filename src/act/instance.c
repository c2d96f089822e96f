#include <ctrsup/act/instance.h>

#include <ctrsup/act/limits.h>
#include <ctrsup/act/log.h>
#include <ctrsup/act/notify.h>
#include <ctrsup/store/uppers.h>

#include <sys/syscall.h>

void act_instance_done(struct act_instance *i) {
        i->userns_fd = close_fd(i->userns_fd);
        i->pidfd = close_fd(i->pidfd);
        for (int e = 0; e < 2; e++)
                i->log_fds[e] = close_fd(i->log_fds[e]);
        i->notify_fd = close_fd(i->notify_fd);
        i->plan = recipe_plan_free(i->plan);
}

int act_update(struct act_host *h, struct act_instance *i, const struct spec *s, const struct spec_container *c,
               struct mark *ret_mark, struct err *err) {
        const char *key = NULL;

        *ret_mark = MARK_NULL;
        if (i->grouped) {
                int r = limits_apply(h->cgroups, i->group, i->limits, &c->limits, &key, err);

                if (r < 0) {
                        char path[512];

                        (void)snprintf(path, sizeof(path), "containers.%s.%s", c->name, key ? key : "limits");
                        *ret_mark = spec_mark(s, path);
                        i->limits = NULL; /* not known any more: the next one writes all */
                        return r;
                }
                i->limits = &c->limits;
        }
        return act_log_update(h, i, c, err);
}

int act_signal(const struct act_instance *i, int signal, struct err *err) {
        if (i->pidfd < 0)
                return err_set(err, ESRCH, "it does not run");
        if (syscall(SYS_pidfd_send_signal, i->pidfd, signal, NULL, 0) < 0)
                return err_sys(err, errno, "send signal %d", signal);
        return 0;
}

int act_kill(struct act_host *h, struct act_instance *i, struct err *err) {
        return i->leafed ? cgroup_kill(h->cgroups, i->group, i->leaf, err) : 0;
}

int act_is_populated(struct act_host *h, const struct act_instance *i) {
        return i->leafed ? cgroup_is_populated(h->cgroups, i->group, i->leaf, NULL) : 0;
}

int act_finish(struct act_host *h, struct act_instance *i, const char *container, struct err *err) {
        int result = 0;

        if (i->leafed) {
                cgroup_watch_remove(h->watch, i->cookie);
                int r = cgroup_remove_leaf(h->cgroups, i->group, i->leaf, err);
                if (r < 0)
                        return r;
                i->leafed = false;
        }
        if (i->ephemeral) {
                result = uppers_remove(
                        h->state_fd,
                        &(struct upper_name){
                                .stack = i->stack, .container = container, .replica = i->replica, .generation = i->leaf },
                        err);
                if (result == -EBUSY || result == -EAGAIN)
                        return result;
                i->ephemeral = false; /* it is said and lies there; the rest is given back all the same */
        }
        act_notify_release(h, i);
        if (h->keeper)
                (void)keeper_client_forget(h->keeper, i->id);
        i->pidfd = close_fd(i->pidfd);
        i->plan = recipe_plan_free(i->plan);
        return result;
}

int act_forget(struct act_host *h, struct act_instance *i, struct err *err) {
        if (i->grouped) {
                int r = cgroup_remove(h->cgroups, i->group, err);

                if (r < 0)
                        return r;
                i->grouped = false;
                i->limits = NULL;
        }
        return 0;
}
