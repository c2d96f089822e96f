/* Restart, stop, logs; dependencies, probes, hooks, schedules. */
#include "tables.h"

#include <ctrsup/base/num.h>

/* A row is a key, in as few lines as it takes. */
/* clang-format off */

static const struct field restart_policy_fields[] = {
        { .key = "delay", .type = &type_duration, AT(spec_restart_policy, delay_usec), .preset = "100ms", .change = CHANGE_META,
          .doc = "first wait; doubles each time, give or take 10 %", .example = "1s" },
        { .key = "max_delay", .type = &type_duration, AT(spec_restart_policy, max_delay_usec), .preset = "1m",
          .change = CHANGE_META, .doc = "cap of the doubling", .example = "5m" },
        { .key = "max_attempts", .type = &type_int, AT(spec_restart_policy, max_attempts), .max = 1000000, .preset = "0",
          .change = CHANGE_META, .doc = "restarts inside window until it is failed; 0 is no limit", .example = "5" },
        { .key = "window", .type = &type_duration, AT(spec_restart_policy, window_usec), .preset = "10s", .change = CHANGE_META,
          .doc = "up this long is a success: counters reset", .example = "1m" },
};
const struct table restart_policy_table = { FIELDS(restart_policy_fields), .finish = restart_policy_finish };

static const struct field logging_fields[] = {
        { .key = "driver", .type = &type_enum, AT(spec_logging, driver), WORDS(spec_log_driver_words),
          .preset_words = "journald where it runs, else file", .change = CHANGE_REPLACE,
          .doc = "direct is a journal stream as stdout: fast, but /dev/stdout cannot be reopened", .example = "file" },
        { .key = "tag", .type = &type_tag, AT(spec_logging, tag), .preset_words = "<stack>/<container>", .change = CHANGE_REPLACE,
          .doc = "SYSLOG_IDENTIFIER of its lines", .example = "shop-web" },
        { .key = "rate_limit", .type = &type_group, .sub = &logging_rate_limit_table, .change = CHANGE_LIVE,
          .doc = "lines above this are counted and dropped", .example = "{interval: 1s, burst: 5000}" },
        { .key = "file", .type = &type_group, .sub = &logging_file_table, .change = CHANGE_LIVE, .doc = "for driver: file",
          .example = "{max_size: 50M}" },
};
const struct table logging_table = { FIELDS(logging_fields) };

static const struct field logging_rate_limit_fields[] = {
        { .key = "interval", .type = &type_duration, AT(spec_logging, rate_interval_usec), .preset = "30s",
          .change = CHANGE_LIVE, .doc = "window of the rate limit; 0s is off", .example = "1s" },
        { .key = "burst", .type = &type_int, AT(spec_logging, rate_burst), .min = 1, .max = 1000000000, .preset = "10000",
          .change = CHANGE_LIVE, .doc = "lines per interval", .example = "5000" },
};
const struct table logging_rate_limit_table = { FIELDS(logging_rate_limit_fields) };

static const struct field logging_file_fields[] = {
        { .key = "max_size", .type = &type_size, AT(spec_logging, file_max_size), .min = 4096, .preset = "10M",
          .change = CHANGE_LIVE, .doc = "size at which a file is rotated", .example = "50M" },
        { .key = "max_files", .type = &type_int, AT(spec_logging, file_max_files), .min = 1, .max = 1000, .preset = "3",
          .change = CHANGE_LIVE, .doc = "rotated files kept", .example = "5" },
};
const struct table logging_file_table = { FIELDS(logging_file_fields) };

static const struct field dependency_fields[] = {
        { .key = "condition", .type = &type_enum, AT(spec_dependency, condition), WORDS(spec_condition_words),
          .preset_words = "healthy when the target has a healthcheck or readiness, completed for a job, else started",
          .change = CHANGE_META, .doc = "started, healthy, completed", .example = "completed" },
        { .key = "restart", .type = &type_bool, AT(spec_dependency, restart), .preset = "false", .change = CHANGE_META,
          .doc = "restart this one when the dependency was replaced: it is down until all instances of that are", .example = "true" },
        { .key = "required", .type = &type_bool, AT(spec_dependency, required), .preset = "true", .change = CHANGE_META,
          .doc = "false: when the dependency fails, this one starts all the same", .example = "false" },
};
const struct table dependency_table = {
        FIELDS(dependency_fields), .noun = "dependency", .size = sizeof(struct spec_dependency),
        .key_at = offsetof(struct spec_dependency, container) + 1
};

static const struct field healthcheck_fields[] = {
        { .key = "exec", .type = &type_argv, AT(spec_healthcheck, exec), .change = CHANGE_META,
          .doc = "run in the container as its user; exit 0 is healthy", .example = "[pg_isready, -q]" },
        { .key = "http", .type = &type_group, AT(spec_healthcheck, http), .sub = &probe_http_table,
          .change = CHANGE_META, .doc = "a GET to 127.0.0.1 (then ::1) in the container's network namespace",
          .example = "{port: 8000, path: /healthz}" },
        { .key = "tcp", .type = &type_group, .sub = &probe_tcp_table, .change = CHANGE_META,
          .doc = "a connect to 127.0.0.1 (then ::1) in the container's network namespace", .example = "{port: 5432}" },
        { .key = "notify", .type = &type_empty, AT(spec_healthcheck, notify), .flags = FIELD_EMPTY, .change = CHANGE_REPLACE,
          .doc = "it has to send WATCHDOG=1 to $NOTIFY_SOCKET at least once within timeout", .example = "{}" },
        { .key = "interval", .type = &type_duration, AT(spec_healthcheck, interval_usec), .min = USEC_PER_SEC,
          .preset = "30s", .change = CHANGE_META, .doc = "from the end of a probe to the next, at least 1s", .example = "10s" },
        { .key = "timeout", .type = &type_duration, AT(spec_healthcheck, timeout_usec), .min = USEC_PER_MSEC,
          .preset = "30s", .change = CHANGE_META, .doc = "a probe that takes longer is ended and has failed", .example = "3s" },
        { .key = "retries", .type = &type_int, AT(spec_healthcheck, retries), .min = 1, .max = 1000000, .preset = "3",
          .change = CHANGE_META, .doc = "failures in a row until it is unhealthy", .example = "5" },
        { .key = "start_period", .type = &type_duration, AT(spec_healthcheck, start_period_usec), .preset = "0s",
          .change = CHANGE_META, .doc = "failures do not count before it ends, or the first success", .example = "40s" },
        { .key = "start_interval", .type = &type_duration, AT(spec_healthcheck, start_interval_usec),
          .min = 100 * USEC_PER_MSEC, .preset = "5s", .change = CHANGE_META,
          .doc = "between probes until the first success, at least 100ms", .example = "1s" },
        { .key = "on_failure", .type = &type_enum, AT(spec_healthcheck, on_failure), WORDS(spec_on_failure_words),
          .preset = "restart", .change = CHANGE_META, .doc = "restart through the restart policy, or none", .example = "none" },
};
const struct table healthcheck_table = { FIELDS(healthcheck_fields), .finish = healthcheck_finish };

static const struct field probe_http_fields[] = {
        { .key = "port", .type = &type_port, AT(spec_probe_http, port), .flags = FIELD_REQUIRED,
          .change = CHANGE_META, .doc = "port of the GET", .example = "8080" },
        { .key = "path", .type = &type_http_path, AT(spec_probe_http, path), .preset = "/", .change = CHANGE_META,
          .doc = "path of the GET, with its query", .example = "/healthz" },
        { .key = "scheme", .type = &type_enum, AT(spec_probe_http, scheme), WORDS(spec_http_scheme_words),
          .preset = "http", .change = CHANGE_META, .doc = "http; https comes later", .example = "http" },
        { .key = "host", .type = &type_http_host, AT(spec_probe_http, host), .preset = "localhost",
          .change = CHANGE_META, .doc = "Host header", .example = "shop.lan" },
        { .key = "headers", .type = &type_http_headers, AT(spec_probe_http, headers), .preset_words = "{}",
          .change = CHANGE_META, .doc = "header lines", .example = "{X-Probe: 1}" },
        { .key = "status", .type = &type_http_status, AT(spec_probe_http, status), .preset = "200-399",
          .change = CHANGE_META, .doc = "accepted codes: numbers and ranges", .example = "\"200-299,401\"" },
};
const struct table probe_http_table = { FIELDS(probe_http_fields) };

static const struct field probe_tcp_fields[] = {
        { .key = "port", .type = &type_port, AT(spec_healthcheck, tcp_port), .flags = FIELD_REQUIRED,
          .change = CHANGE_META, .doc = "port to connect to", .example = "5432" },
};
const struct table probe_tcp_table = { FIELDS(probe_tcp_fields) };

static const struct field readiness_fields[] = {
        { .key = "type", .type = &type_enum, AT(spec_readiness, type), WORDS(spec_readiness_words),
          .preset_words = "healthcheck if there is one, else started", .change = CHANGE_REPLACE,
          .doc = "started, notify (READY=1 to $NOTIFY_SOCKET), or healthcheck (its first success)", .example = "notify" },
        { .key = "timeout", .type = &type_duration, AT(spec_readiness, timeout_usec), .min = USEC_PER_MSEC,
          .flags = FIELD_INFINITE, .preset = "90s", .change = CHANGE_META, .doc = "not ready in time is a failed start; EXTEND_TIMEOUT_USEC= makes it longer", .example = "5m" },
};
const struct table readiness_table = { FIELDS(readiness_fields) };

static const struct field reload_fields[] = {
        { .key = "signal", .type = &type_signal, AT(spec_reload, signal), .change = CHANGE_META,
          .doc = "sent to its main process by ctrsup reload", .example = "SIGHUP" },
        { .key = "exec", .type = &type_argv, AT(spec_reload, exec), .change = CHANGE_META,
          .doc = "run in the container as its user instead; exit 0 is success", .example = "[nginx, -s, reload]" },
};
const struct table reload_table = { FIELDS(reload_fields), .finish = reload_finish };

/* One row each, but that what runs before a start makes another start of it. */
#define HOOK_FIELDS(class) \
        { .key = "command", .type = &type_argv, AT(spec_hook, command), .flags = FIELD_REQUIRED, .change = (class), \
          .doc = "what runs: a list, no shell", .example = "[./warm.sh]" }, \
        { .key = "user", .type = &type_user, AT(spec_hook, user), .preset_words = "the container's", .change = (class), \
          .doc = "as whom", .example = "\"70\"" }, \
        { .key = "working_dir", .type = &type_abs_path, AT(spec_hook, working_dir), .preset_words = "the container's", \
          .change = (class), .doc = "where", .example = "/srv" }, \
        { .key = "environment", .type = &type_environment, AT(spec_hook, environment), .preset_words = "{}", .change = (class), \
          .doc = "more variables, on top of the container's", .example = "{A: b}" }, \
        { .key = "timeout", .type = &type_duration, AT(spec_hook, timeout_usec), .min = USEC_PER_MSEC, .preset = "30s", \
          .change = (class), .doc = "longest run; then it is killed, and has failed", .example = "10s" }

static const struct field hook_fields[] = { HOOK_FIELDS(CHANGE_META) };
const struct table hook_table = {
        FIELDS(hook_fields), .noun = "hook", .size = sizeof(struct spec_hook), .finish = hook_finish
};

static const struct field start_hook_fields[] = { HOOK_FIELDS(CHANGE_REPLACE) };
const struct table start_hook_table = {
        FIELDS(start_hook_fields), .noun = "hook", .size = sizeof(struct spec_hook), .finish = hook_finish
};

static const struct field update_config_fields[] = {
        { .key = "order", .type = &type_enum, AT(spec_update, order), WORDS(spec_update_order_words), .preset = "stop-first",
          .change = CHANGE_META, .doc = "start-first: one instance more carries the load while the others are replaced",
          .example = "start-first" },
        { .key = "parallelism", .type = &type_int, AT(spec_update, parallelism), .max = 100, .preset = "1", .change = CHANGE_META,
          .doc = "instances replaced at once; 0 = all", .example = "2" },
        { .key = "delay", .type = &type_duration, AT(spec_update, delay_usec), .preset = "0s", .change = CHANGE_META,
          .doc = "pause between batches", .example = "5s" },
        { .key = "monitor", .type = &type_duration, AT(spec_update, monitor_usec), .preset = "10s", .change = CHANGE_META,
          .doc = "a new instance must stay ready this long", .example = "30s" },
        { .key = "failure_action", .type = &type_enum, AT(spec_update, failure_action), WORDS(spec_update_failure_words),
          .preset = "rollback", .change = CHANGE_META,
          .doc = "a new one fails: rollback takes all back, pause leaves the rest until the next apply, continue goes on",
          .example = "pause" },
};
const struct table update_config_table = { FIELDS(update_config_fields) };

static const struct field schedule_fields[] = {
        { .key = "on_calendar", .type = &type_calendar, AT(spec_schedule, on_calendar), .flags = FIELD_REQUIRED | FIELD_INHERITABLE,
          .change = CHANGE_META, .doc = "when it runs; a time zone may stand behind it, else it is the host's",
          .example = "Mon..Fri 03:30" },
        { .key = "persistent", .type = &type_bool, AT(spec_schedule, persistent), .preset = "true", .change = CHANGE_META,
          .doc = "runs that were missed, because the supervisor or the machine was down, are made up for by one", .example = "false" },
        { .key = "randomized_delay", .type = &type_duration, AT(spec_schedule, randomized_delay_usec),
          .max = 366 * INT64_C(86400) * (int64_t)USEC_PER_SEC, .preset = "0s", .change = CHANGE_META, .doc = "up to so much later, always the same for one job on one host", .example = "10m" },
        { .key = "overlap", .type = &type_enum, AT(spec_schedule, overlap), WORDS(spec_overlap_words), .preset = "skip",
          .change = CHANGE_META, .doc = "when the run before goes on: leave this one out, run it afterwards, or stop that one for it",
          .example = "queue" },
};
const struct table schedule_table = { FIELDS(schedule_fields) };
