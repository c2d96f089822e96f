/* ctrsupd: see ctrsupd(8). */
#include "config.h"
#include "manager.h"
#include "reload.h"
#include "run.h"

#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

enum { EX_USAGE_ = 64, EX_SOFTWARE_ = 70, EX_CONFIG_ = 78 };

static int complain(const struct err *err, int code) {
        (void)fprintf(stderr, "ctrsupd: %s\n", err->text);
        if (err->hint[0])
                (void)fprintf(stderr, "    hint: %s\n", err->hint);
        if (err->code) {
                char text[32];

                (void)snprintf(text, sizeof(text), "ERRNO=%d", err->code);
                notify_send(text);
        }
        return code;
}

/* Under systemd stderr is the journal too: there it is one entry, which says where. */
static int log_complaint(const struct config_complaints *c) {
        struct reporter reporter = REPORTER_NULL;
        char words[ERR_TEXT_MAX];
        struct report_event e = reload_complaint(c, words);
        int r = reporter_open_journal(&reporter, NULL, NULL);

        if (r >= 0)
                reporter_send(&reporter, &e);
        reporter_done(&reporter);
        return r;
}

static int load_settings(const struct options *o, struct settings **ret) {
        _cleanup_complaints_ struct config_complaints c = { 0 };
        struct err err = { 0 };

        int r = config_load(o->config, ret, &c, &err);
        if (r >= 0)
                return 0;
        if (c.n == 0)
                return complain(&err, EX_CONFIG_);
        if (o->mode == MODE_SERVICE)
                notify_send("ERRNO=22");
        if (o->mode != MODE_SERVICE || !getenv("INVOCATION_ID") || log_complaint(&c) < 0)
                (void)fputs(buf_text(&c.text), stderr);
        return EX_CONFIG_;
}

/* The client of a foreground supervisor waits for this word, or for what went wrong. */
static void tell(int lifeline_fd, const char *words) {
        if (lifeline_fd >= 0)
                (void)send(lifeline_fd, words, strlen(words) + 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Two or three fds a container: the usual soft limit of 1,024 would end at some 300. Containers get their own limits. */
static void raise_fd_limit(void) {
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
                limit.rlim_cur = limit.rlim_max;
                (void)setrlimit(RLIMIT_NOFILE, &limit);
        }
}

static int supervise(const struct options *o, struct settings *settings) {
        _cleanup_(manager_freep) struct manager *m = NULL;
        struct err err = { 0 };
        int code;

        if (manager_new(o, settings, &m, &code, &err) < 0) {
                if (o->lifeline_fd < 0)
                        return complain(&err, code);
                tell(o->lifeline_fd, err.text);
                return code;
        }
        tell(o->lifeline_fd, "ready");
        if (o->mode == MODE_RUN) {
                code = run_begin(m, o->document_fd);
                if (code != 0)
                        return code;
        }
        int r = manager_loop(m);
        if (r < 0)
                return complain(&(struct err){ .code = -r, .text = "the event loop failed: this is a bug, please report it" }, EX_SOFTWARE_);
        return r;
}

int main(int argc, char *argv[]) {
        _cleanup_settings_ struct settings *settings = NULL;
        struct options o;
        struct err err = { 0 };

        if (options_parse(argc, argv, &o, &err) < 0) {
                (void)err_hint(&err, "ctrsupd --help");
                return complain(&err, EX_USAGE_);
        }
        if (o.mode == MODE_HELP)
                return fputs(options_help(), stdout) < 0;
        if (o.mode == MODE_VERSION)
                return printf("ctrsupd %s\n", CTRSUP_VERSION) < 0;
        int r = load_settings(&o, &settings);
        if (r != 0)
                return r;
        if (o.mode == MODE_CHECK_CONFIG) {
                _cleanup_buf_ struct buf out = BUF_NULL;

                settings_print(settings, &out);
                return fputs(buf_text(&out), stdout) < 0;
        }
        raise_fd_limit();
        return supervise(&o, settings);
}
