/* What the supervisor says goes to the model. */
#include "sim.h"

#include <ctrsup/report/journal.h>

int reporter_open_journal(struct reporter *r, const char *journal_path, struct err *err) {
        (void)r;
        (void)journal_path;
        return err_set(err, ENOENT, "no journald");
}

void reporter_done(struct reporter *r) { *r = REPORTER_NULL; }

void reporter_send(struct reporter *r, const struct report_event *e) {
        _cleanup_buf_ struct buf words = BUF_NULL;

        (void)r;
        if (!world_seam())
                return;
        report_words(e, &words);
        trace("says: %s", buf_text(&words));
        model_hear(e);
}
