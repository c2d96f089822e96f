#include "options.h"

#include <ctrsup/base/num.h>

#include <fcntl.h>
#include <getopt.h>
#include <limits.h>

enum { OPT_RUNTIME = 256, OPT_STATE, OPT_LIFELINE, OPT_RUN, OPT_FOREGROUND, OPT_CHECK_CONFIG, OPT_VERSION };

static const struct option long_options[] = {
        { "config", required_argument, NULL, 'c' },
        { "check-config", no_argument, NULL, OPT_CHECK_CONFIG },
        { "foreground", no_argument, NULL, OPT_FOREGROUND },
        { "lifeline", required_argument, NULL, OPT_LIFELINE },
        { "runtime", required_argument, NULL, OPT_RUNTIME },
        { "state", required_argument, NULL, OPT_STATE },
        { "run", required_argument, NULL, OPT_RUN },
        { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, OPT_VERSION },
        { 0 },
};

const char *options_help(void) {
        return "ctrsupd [OPTIONS]\n"
               "The supervisor: makes the host match the applied stacks and keeps it so. Usually started by systemd.\n\n"
               "  -c, --config FILE   read FILE instead of " CTRSUP_SYSCONFDIR "/ctrsup/ctrsup.conf and its drop-ins\n"
               "      --check-config  check the configuration, print it merged, with origins; exit 78 when it is wrong\n"
               "      --runtime DIR   in place of paths.runtime: run state, and the socket unless control.socket is set\n"
               "      --state DIR     in place of paths.state: applied stacks, volumes, uid ranges\n"
               "  -h, --help          this text\n"
               "      --version       the version\n\n"
               "Used by ctrsup(1): --foreground --lifeline FD supervises one client's stacks until it goes;\n"
               "--run FD runs the one container of the document in FD with the caller's streams.\n\n"
               "See ctrsupd(8), ctrsup.conf(5).\n";
}

/* An inherited, open fd by its number; made CLOEXEC, for no child of ours may hold it. */
static int parse_fd(const char *text, const char *option, int *ret, struct err *err) {
        uint64_t n;

        if (num_parse_u64(text, &n) < 0 || n > INT_MAX)
                return err_set(err, EINVAL, "--%s: expected the number of an open file descriptor, found \"%s\"", option, text);
        if (fcntl((int)n, F_SETFD, FD_CLOEXEC) < 0)
                return err_sys(err, errno, "--%s %s", option, text);
        *ret = (int)n;
        return 0;
}

int options_parse(int argc, char *argv[], struct options *ret, struct err *err) {
        struct options o = { .mode = MODE_SERVICE, .lifeline_fd = -EBADF, .document_fd = -EBADF };
        int c, r;

        opterr = 0;
        while ((c = getopt_long(argc, argv, ":c:h", long_options, NULL)) >= 0)
                switch (c) {
                case 'c':
                        o.config = optarg;
                        break;
                case 'h':
                        o.mode = MODE_HELP;
                        break;
                case OPT_VERSION:
                        o.mode = MODE_VERSION;
                        break;
                case OPT_CHECK_CONFIG:
                        o.mode = MODE_CHECK_CONFIG;
                        break;
                case OPT_FOREGROUND:
                        o.mode = MODE_FOREGROUND;
                        break;
                case OPT_RUNTIME:
                        o.runtime = optarg;
                        break;
                case OPT_STATE:
                        o.state = optarg;
                        break;
                case OPT_LIFELINE:
                        r = parse_fd(optarg, "lifeline", &o.lifeline_fd, err);
                        if (r < 0)
                                return r;
                        break;
                case OPT_RUN:
                        r = parse_fd(optarg, "run", &o.document_fd, err);
                        if (r < 0)
                                return r;
                        o.mode = MODE_RUN;
                        break;
                case ':':
                        return err_set(err, EINVAL, "option %s needs a value", argv[optind - 1]);
                default:
                        return err_set(err, EINVAL, "unknown option %s", argv[optind - 1]);
                }
        if (optind < argc)
                return err_set(err, EINVAL, "unexpected argument \"%s\"", argv[optind]);
        if (o.mode == MODE_FOREGROUND && (o.lifeline_fd < 0 || !o.runtime))
                return err_set(err, EINVAL, "--foreground needs --lifeline FD and --runtime DIR");
        *ret = o;
        return 0;
}
