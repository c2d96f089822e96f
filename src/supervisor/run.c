#include "run.h"
#include "apply.h"
#include "member.h"

#include <string.h>

enum { EXIT_OURS = 125, EXIT_NOT_EXECUTABLE = 126, EXIT_NOT_FOUND = 127 };
enum { DOCUMENT_MAX = 4 * 1024 * 1024 };

static void say(const char *message, const char *hint) {
        (void)fprintf(stderr, "ctrsup: %s\n", message);
        if (hint && *hint)
                (void)fprintf(stderr, "    hint: %s\n", hint);
}

static json_t *read_document(int fd, struct err *err) {
        _cleanup_buf_ struct buf text = BUF_NULL;
        char block[16 * 1024];
        json_error_t where;
        ssize_t n;

        while ((n = read(fd, block, sizeof(block))) > 0 && text.len < DOCUMENT_MAX)
                buf_put(&text, block, (size_t)n);
        if (n != 0 || buf_failed(&text)) {
                (void)err_set(err, EIO, "read the document");
                return NULL;
        }
        json_t *document = json_loadb(buf_text(&text), text.len, JSON_REJECT_DUPLICATES, &where);
        if (!document)
                (void)err_set(err, EBADMSG, "the document is not JSON: %s", where.text);
        return document;
}

int run_begin(struct manager *m, int document_fd) {
        static const int streams[3] = { STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO };
        _cleanup_plan_ struct plan *plan = NULL;
        struct diag_list diags;
        struct err err = { 0 };

        m->streams = streams;
        _cleanup_(json_decrefp) json_t *document = read_document(document_fd, &err);
        if (!document || diag_list_init(&diags, "run") < 0) {
                say(err.text, NULL);
                return EXIT_OURS;
        }
        int r = stack_apply(m, &(struct apply){ .document = document, .uid = getuid(), .pid = getpid() }, &diags, &plan, &err);
        for (size_t n = 0; n < diags.n; n++)
                say(diags.items[n].message, diags.items[n].hint);
        if (r < 0 && diag_errors(&diags) == 0)
                say(err.text, err.hint);
        diag_list_done(&diags);
        return r < 0 ? EXIT_OURS : 0;
}

static int code_of(const struct member *b) {
        const struct exit_info *e = &b->state.last_exit;

        switch (e->reason) {
        case EXIT_EXITED:
                return e->code;
        case EXIT_KILLED:
        case EXIT_DUMPED:
        case EXIT_OOM:
                return 128 + e->signal;
        case EXIT_NOT_STARTED:
                if (!b->command_failed)
                        return EXIT_OURS;
                return b->start_error == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE;
        case EXIT_NONE:
        case EXIT_UNKNOWN:
        case _EXIT_REASON_MAX:
                break;
        }
        return EXIT_OURS;
}

void run_check(struct manager *m) {
        if (m->ending || m->n_stacks == 0 || m->stacks[0]->n_members == 0 || m->stacks[0]->plan)
                return;
        const struct member *b = m->stacks[0]->members[0];
        if (!instance_is_down(&b->state) || !phase_is_settled(b->state.phase) || b->launch_due)
                return;
        if (b->state.last_exit.reason == EXIT_NOT_STARTED)
                say(b->state.message, b->hint);
        else if (b->state.last_exit.reason == EXIT_OOM)
                say("killed for memory: it used more than limits.memory", NULL);
        manager_end(m, code_of(b), false);
        m->exit_code = code_of(b);
}
