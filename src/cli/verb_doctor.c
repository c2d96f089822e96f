/* doctor: what of this host works for containers, and the cure of what does not. */
#include "doctor.h"
#include "verbs.h"

#include <string.h>

enum { CONFIG = 1 };

const struct args_option doctor_options[] = {
        { CONFIG, 0, "config", "FILE", "the daemon's settings, as ctrsupd has it" },
        { 0 },
};

static void look(struct doctor *d, const struct doctor_check *checks) {
        for (; checks->name; checks++) {
                d->name = checks->name;
                if (checks->needs_root && geteuid() != 0)
                        doctor_say(d, FINDING_SKIPPED, NULL, "not looked at: that takes root");
                else
                        checks->look(d);
        }
}

static int print(const struct cli *c, const struct doctor *d) {
        _cleanup_buf_ struct buf out = BUF_NULL;

        if (c->output == OUTPUT_JSON)
                return cli_print_json(c,
                                      json_pack("{s:i, s:O, s:I, s:I}", "version", 1, "checks", d->found, "failures",
                                                (json_int_t)d->count[FINDING_FAILURE], "warnings",
                                                (json_int_t)d->count[FINDING_WARNING]),
                                      false);
        doctor_put(d->found, c->out_tty && c->unicode, c->color_out, &out);
        return cli_print(c, &out);
}

int verb_doctor(struct cli *c, struct args *args) {
        struct doctor d = {
                .settings = { .state = "/var/lib/ctrsup",
                              .runtime = "/run/ctrsup",
                              .logs = "/var/log/ctrsup",
                              .base = 0x10000000,
                              .count = UINT64_C(2048) * 65536 },
                .socket = c->socket,
                .found = json_array(),
        };
        int id;

        while ((id = args_next(args)) != ARGS_END) {
                if (id < 0)
                        return id == ARGS_HELP ? EXIT_OK : EXIT_USAGE;
                d.config = args->value;
        }
        if (args_n_words(args) > 0)
                return cli_usage(c, "doctor takes no words");
        look(&d, doctor_host_checks);
        look(&d, doctor_kernel_checks);
        int code = print(c, &d);
        json_decref(d.found);
        return code != EXIT_OK ? code : d.count[FINDING_FAILURE] > 0 ? EXIT_NEGATIVE : EXIT_OK;
}
