#include "removal.h"
#include "stack_plan.h"
#include "stack_record.h"
#include "stacks.h"
#include "unreadable.h"
#include "update.h"

#include <ctrsup/store/removals.h>
#include <ctrsup/store/runs.h>
#include <ctrsup/store/uids.h>
#include <ctrsup/store/uppers.h>
#include <ctrsup/store/volumes.h>

/* First the intent, durably: a power cut must not bring it back. */
static int record_removal(struct stack_entry *s, struct err *err) {
        struct manager *m = s->manager;

        if (m->options->mode != MODE_SERVICE || m->ending)
                return 0;
        int r = removals_begin(m->host.state_fd, s->name, s->remove_volumes, err);
        if (r >= 0 || r == -ENOENT)
                return 0;
        stack_record_refused(m, s->name, -r);
        return err_wrap(err, "forget the stack; nothing was changed");
}

int stack_remove(struct manager *m, struct stack_entry *s, bool volumes, struct err *err) {
        _cleanup_prepared_ struct prepared_plan prepared = { 0 };
        struct diag_list diags;
        struct plan *plan = NULL;

        if (s->unreadable[0])
                return unreadable_remove(m, s, volumes, err);
        s->remove_volumes = s->remove_volumes || volumes;
        if (!s->generation) { /* under way */
                s->traces_stay = false;
                manager_poke(m);
                return 0;
        }
        int r = diag_list_init(&diags, s->name);
        if (r < 0)
                return err_oom(err);
        r = stack_make_plan(s, NULL, s->generation->revision, false, &diags, &plan);
        diag_list_done(&diags);
        if (r < 0)
                return err_set(err, -r, "no plan to remove stack %s can be made", s->name);
        r = stack_prepare_plan(plan, &prepared, err);
        if (r >= 0)
                r = record_removal(s, err);
        if (r < 0)
                return r;
        update_drop(s);
        stack_take_plan(s, &prepared);
        s->last = take_ptr(s->generation);
        return 0;
}

static bool keeps_layers(const struct spec *spec) {
        for (size_t n = 0; n < spec->n_containers; n++)
                if (spec->containers[n].rootfs.mode == ROOTFS_PERSISTENT)
                        return true;
        return false;
}

static int remove_volumes(struct stack_entry *s, struct err *err) {
        int result = 0;

        for (size_t n = 0; s->remove_volumes && n < s->last->spec->n_volumes; n++) {
                const struct spec_named_volume *v = &s->last->spec->volumes[n];
                int r = v->external ? 0 : volumes_remove(s->manager->host.state_fd, v->name, err);

                if (r < 0 && r != -ENOENT)
                        result = r;
        }
        return result;
}

/* Each step may have been done before. The record of the removal goes last: until then the next supervisor knows of it, too. */
static int remove_traces(struct stack_entry *s, struct err *err) {
        struct manager *m = s->manager;

        int r = remove_volumes(s, err);
        if (!m->ending) {
                int e = uppers_remove_stack(m->host.state_fd, s->name, err);
                r = e < 0 ? e : r;
        }
        /* Ids go after the data that bears them: volumes have the container's own ids on disk, kept writable layers the host's. */
        if (r >= 0 && !m->host.borrow_ids && (!m->ending || !keeps_layers(s->last->spec)))
                r = uids_release(m->host.uids_fd, s->name, NULL, err);
        if (r >= 0 && s->keeps_unknown)
                r = runs_remove_stack(m->runtime_fd, s->name, err);
        if (r >= 0 && m->options->mode == MODE_SERVICE && !m->ending)
                r = removals_end(m->host.state_fd, s->name, err);
        return r;
}

/* What runs is gone. What stays behind is said once, and tried again with every reconcile. */
static int forget_traces(struct stack_entry *s) {
        struct manager *m = s->manager;
        struct err err = { 0 };

        int r = remove_traces(s, &err);
        if (r < 0 && s->traces_told)
                return r;
        struct report_event event = { .kind = r < 0 ? REPORT_NOTICE : REPORT_STACK_REMOVED, .stack = s->name, .priority = 4 };

        event.has_actor = s->has_remover;
        event.actor_uid = s->remover_uid;
        event.actor_pid = s->remover_pid;
        if (r < 0) {
                event.message = err.text;
                event.hint = err.hint[0] ? err.hint : NULL;
                s->traces_told = true;
                degraded_refused(m, PLACE_STATE, -r);
        }
        manager_report(m, &event);
        return r;
}

bool stack_try_forget(struct stack_entry *s) {
        if (s->leaving && unreadable_is_gone(s)) {
                stack_free(s);
                return true;
        }
        if (s->generation || !s->last || s->n_members > 0 || (s->traces_stay && !s->manager->ending))
                return false;
        if (s->keeps_unknown && !unreadable_end(s))
                return false;
        int r = forget_traces(s);
        if (r < 0 && s->manager->options->mode == MODE_SERVICE && !s->manager->ending) {
                s->traces_stay = true;
                return false;
        }
        stack_free(s);
        return true;
}
