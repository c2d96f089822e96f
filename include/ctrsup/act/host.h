/* The host as actions see it: where things are kept and who does the work. Opened once by the supervisor, passed to every action.
 *
 * Actions touch the kernel and the store, never the plan: they are told what to do, do one step of it, and return. None waits
 * for a container.
 */
#pragma once

#include <ctrsup/act/devices.h>
#include <ctrsup/act/filter.h>
#include <ctrsup/kernel/cgroup_watch.h>
#include <ctrsup/keeper/client.h>
#include <ctrsup/store/uids.h>

#include <stdbool.h>

struct act_host {
        struct cgroup_tree *cgroups;
        struct cgroup_watch *watch;     /* one fd for all leaves; cookies are act_instance.cookie */
        struct keeper_client *keeper;   /* NULL: it is down, nothing can be started */
        int logger;                     /* ctrsup-logger's control socket; -EBADF: it is down, streams are added when it is back */
        int runtime_fd;                 /* the runtime directory; the supervisor's */
        const char *runtime_dir;        /* the same, absolute */
        int state_fd;                   /* store/: the state directory */
        const char *state_dir;          /* the same, absolute */
        bool journal;                   /* journald runs: what `driver: auto` becomes */
        unsigned n_thermal_cpus;
        bool hold_due;                  /* the keeper could not be given something that it is to hold */
        struct act_device_filters device_filters;
        struct act_filters filters;     /* compiled, for launches to come */
        bool borrow_ids;                /* one container that lives as long as we do: its ids are recorded nowhere */
        int borrowed_lock;              /* holds borrowed_ids; -EBADF: none */
        uint32_t borrowed_ids;
        int uids_fd;                    /* store/uids: the folder of the record, or of the locks */
        uint64_t uid_base, uid_count;   /* first host id, blocks */
        struct uid_range *uids_taken;   /* of others on this host */
        size_t n_uids_taken;
};

/* The keeper, which is there, is to hold it under that name. -errno: it was not told; hold_due says so, too. */
int act_hold(struct act_host *h, const char *name, int fd);
