#include <ctrsup/report/event.h>

#include <ctrsup/report/message_ids.h>

#include <assert.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

static void words_notice(const struct report_event *e, struct buf *out) {
        buf_puts(out, e->message ? e->message : "");
}

static void words_daemon_ready(const struct report_event *e, struct buf *out) {
        buf_printf(out, "ctrsup %s is ready, %llu stack%s", CTRSUP_VERSION, (unsigned long long)e->n_stacks, e->n_stacks == 1 ? "" : "s");
}

static void words_adopted(const struct report_event *e, struct buf *out) {
        buf_printf(out, "taken over, pid %d", (int)e->pid);
}

static void words_applied(const struct report_event *e, struct buf *out) {
        buf_printf(out, "revision %llu applied: %llu added, %llu changed, %llu removed", (unsigned long long)e->revision,
                   (unsigned long long)e->added, (unsigned long long)e->changed, (unsigned long long)e->removed);
}

static void words_apply_failed(const struct report_event *e, struct buf *out) {
        buf_printf(out, "apply failed: %s", e->message ? e->message : "no reason is known");
}

static void words_removed(const struct report_event *e _unused_, struct buf *out) {
        buf_puts(out, "removed");
}

static void words_state(const struct report_event *e, struct buf *out) {
        buf_puts(out, e->change ? phase_name(e->change->to) : "changed");
}

static void words_started(const struct report_event *e, struct buf *out) {
        buf_printf(out, "started, pid %d", (int)e->pid);
}

static void words_exited(const struct report_event *e, struct buf *out) {
        char words[NUM_TEXT_MAX], time[NUM_TEXT_MAX];

        buf_puts(out, e->exit ? exit_info_words(e->exit, words) : "ended");
        if (e->uptime_usec)
                buf_printf(out, " after %s", num_human_duration(time, e->uptime_usec));
}

static void words_oom(const struct report_event *e, struct buf *out) {
        char max[NUM_TEXT_MAX], peak[NUM_TEXT_MAX];

        buf_puts(out, "the kernel killed a process of it for memory");
        if (e->memory_max)
                buf_printf(out, ": the limit is %s", num_human_size(max, e->memory_max));
        if (e->memory_peak)
                buf_printf(out, "%s it used up to %s", e->memory_max ? "," : ":", num_human_size(peak, e->memory_peak));
}

static void words_health(const struct report_event *e, struct buf *out) {
        buf_printf(out, "health: %s", e->health ? e->health : "unknown");
        if (e->message && *e->message)
                buf_printf(out, ": %.*s", (int)strcspn(e->message, "\n"), e->message);
}

static void words_restart(const struct report_event *e, struct buf *out) {
        char time[NUM_TEXT_MAX];

        if (e->message)
                buf_printf(out, "%s; ", e->message);
        buf_printf(out, "restart %llu in %s", (unsigned long long)e->restarts + 1, num_human_duration(time, e->delay_usec));
}

static void words_skipped(const struct report_event *e, struct buf *out) {
        buf_printf(out, "a run is left out: %s", e->message ? e->message : "for no known reason");
}

static void words_limit(const struct report_event *e, struct buf *out) {
        buf_printf(out, "failed: it ended %llu times within its restart window, restart_policy.max_attempts is reached",
                   (unsigned long long)e->restarts);
}

static void words_updated(const struct report_event *e, struct buf *out) {
        buf_printf(out, "changed while it runs: %s", e->keys ? e->keys : "");
}

static void words_rolled_back(const struct report_event *e, struct buf *out) {
        buf_printf(out, "revision %llu failed, going back to revision %llu: %s", (unsigned long long)e->revision,
                   (unsigned long long)e->revision_to, e->message ? e->message : "for an unknown reason");
}

static void words_paused(const struct report_event *e, struct buf *out) {
        buf_printf(out, "the update to revision %llu is paused: %s", (unsigned long long)e->revision,
                   e->message ? e->message : "for an unknown reason");
}

static void words_drift(const struct report_event *e, struct buf *out) {
        buf_printf(out, "%s was %s, set back to %s", e->what ? e->what : "something", e->was ? e->was : "?", e->is ? e->is : "?");
}

static void words_refused(const struct report_event *e, struct buf *out) {
        buf_printf(out, "refused: uid %u (pid %d) may not %s", e->actor_uid, (int)e->actor_pid, e->what ? "call " : "use the supervisor");
        if (e->what)
                buf_puts(out, strrchr(e->what, '.') ? strrchr(e->what, '.') + 1 : e->what);
}

static void words_suppressed(const struct report_event *e, struct buf *out) {
        buf_printf(out, "%llu lines of its log were not written", (unsigned long long)e->dropped);
}

static void words_degraded(const struct report_event *e, struct buf *out) {
        buf_printf(out, "degraded: %s; containers go on, what must be recorded is refused, or done and recorded as soon as it can be",
                   e->message ? e->message : "the state cannot be written");
}

static void words_healed(const struct report_event *e, struct buf *out) {
        char time[NUM_TEXT_MAX];

        buf_printf(out, "the %s can be written again", e->message ? e->message : "state");
        if (e->duration_usec)
                buf_printf(out, " after %s", num_human_duration(time, e->duration_usec));
        if (e->changed)
                buf_printf(out, "; %llu change%s recorded late", (unsigned long long)e->changed, e->changed == 1 ? " was" : "s were");
}

/* A container that ends well, or because somebody said so, is information, one that does not is a warning; so with health. */
enum { PRIORITY_BY_EXIT = -1, PRIORITY_SAID = -2, PRIORITY_BY_HEALTH = -3 };

static const struct row {
        const char *name, *message_id;
        int priority;
        void (*words)(const struct report_event *e, struct buf *out);
        const char *what, *todo; /* catalog: what it means, what to do; NULL: no entry */
} rows[] = {
        [REPORT_NOTICE] = { "notice", NULL, PRIORITY_SAID, words_notice, NULL, NULL },
        [REPORT_DAEMON_READY] = { "daemon-ready", MESSAGE_ID_DAEMON_READY, LOG_NOTICE, words_daemon_ready, NULL, NULL },
        [REPORT_DAEMON_ADOPTED] = { "daemon-adopted", MESSAGE_ID_DAEMON_ADOPTED, LOG_INFO, words_adopted, NULL, NULL },
        [REPORT_CONFIG_INVALID] = { "config-invalid", MESSAGE_ID_CONFIG_INVALID, LOG_ERR, words_notice, "The configuration of ctrsup is wrong",
                                    "The old configuration stays in force. Correct @CTRSUP_FILE@, line @CTRSUP_LINE@, and check it with\n"
                                    "ctrsupd --check-config." },
        [REPORT_STACK_APPLIED] = { "stack-applied", MESSAGE_ID_STACK_APPLIED, LOG_NOTICE, words_applied, NULL, NULL },
        [REPORT_STACK_APPLY_FAILED] = { "stack-apply-failed", MESSAGE_ID_STACK_APPLY_FAILED, LOG_ERR, words_apply_failed,
                                        "Stack @CTRSUP_STACK@ could not be applied",
                                        "@CTRSUP_REASON@. Nothing that ran before was changed. Look with ctrsup status @CTRSUP_STACK@." },
        [REPORT_STACK_REMOVED] = { "stack-removed", MESSAGE_ID_STACK_REMOVED, LOG_NOTICE, words_removed, NULL, NULL },
        [REPORT_UPDATE_ROLLED_BACK] = { "update-rolled-back", MESSAGE_ID_UPDATE_ROLLED_BACK, LOG_WARNING, words_rolled_back,
                                        "An update of stack @CTRSUP_STACK@ failed and was taken back",
                                        "A new instance did not get ready, or did not stay it for update_config.monitor; the revision before runs\n"
                                        "again. The message says which and why; its log is there still: ctrsup logs @CTRSUP_STACK@." },
        [REPORT_UPDATE_PAUSED] = { "update-paused", NULL, LOG_WARNING, words_paused, NULL, NULL },
        [REPORT_CONTAINER_STATE] = { "container-state", NULL, LOG_DEBUG, words_state, NULL, NULL },
        [REPORT_CONTAINER_STARTED] = { "container-started", MESSAGE_ID_CONTAINER_STARTED, LOG_INFO, words_started, NULL, NULL },
        [REPORT_CONTAINER_READY] = { "container-ready", MESSAGE_ID_CONTAINER_READY, LOG_INFO, words_state, NULL, NULL },
        [REPORT_CONTAINER_EXITED] = { "container-exited", MESSAGE_ID_CONTAINER_EXITED, PRIORITY_BY_EXIT, words_exited, NULL, NULL },
        [REPORT_CONTAINER_FAILED] = { "container-failed", MESSAGE_ID_CONTAINER_FAILED, LOG_ERR, words_notice,
                                      "Container @CTRSUP_STACK@/@CTRSUP_CONTAINER@ could not be started",
                                      "The message names the line of the stack file, the step and the cause. The restart policy tries again;\n"
                                      "after correcting the file or the host: ctrsup apply." },
        [REPORT_CONTAINER_OOM] = { "container-oom", MESSAGE_ID_CONTAINER_OOM, LOG_WARNING, words_oom,
                                   "Container @CTRSUP_STACK@/@CTRSUP_CONTAINER@ ran out of memory",
                                   "It reached limits.memory, and the kernel killed a process of it; other containers are not concerned.\n"
                                   "Raise limits.memory, or find out what it uses it for." },
        [REPORT_CONTAINER_HEALTH] = { "container-health", MESSAGE_ID_CONTAINER_HEALTH, PRIORITY_BY_HEALTH, words_health, NULL, NULL },
        [REPORT_RESTART_SCHEDULED] = { "container-restart-scheduled", MESSAGE_ID_CONTAINER_RESTART_SCHEDULED, LOG_NOTICE, words_restart, NULL, NULL },
        [REPORT_START_LIMIT] = { "container-start-limit", MESSAGE_ID_CONTAINER_START_LIMIT, LOG_ERR, words_limit,
                                 "Container @CTRSUP_STACK@/@CTRSUP_CONTAINER@ is not restarted any more",
                                 "It ended more often than restart_policy.max_attempts allows within restart_policy.window. See its log,\n"
                                 "then start it with ctrsup start @CTRSUP_STACK@/@CTRSUP_CONTAINER@." },
        [REPORT_CONTAINER_UPDATED] = { "container-updated", MESSAGE_ID_CONTAINER_UPDATED, LOG_INFO, words_updated, NULL, NULL },
        [REPORT_JOB_FINISHED] = { "job-finished", MESSAGE_ID_JOB_FINISHED, PRIORITY_BY_EXIT, words_exited, NULL, NULL },
        [REPORT_JOB_SKIPPED] = { "job-skipped", MESSAGE_ID_JOB_SKIPPED, LOG_WARNING, words_skipped,
                                 "A run of job @CTRSUP_STACK@/@CTRSUP_CONTAINER@ was left out",
                                 "@CTRSUP_REASON@. schedule.overlap says what is done when a run takes longer than it is until the next,\n"
                                 "schedule.persistent whether what was missed is made up for; ctrsup start runs it now." },
        [REPORT_DRIFT_CORRECTED] = { "drift-corrected", MESSAGE_ID_DRIFT_CORRECTED, LOG_WARNING, words_drift,
                                     "Somebody changed what belongs to ctrsup",
                                     "@CTRSUP_WHAT@ was set back to what the stack file says. If the change was meant to stay, make it there." },
        [REPORT_POLICY_REFUSED] = { "policy-refused", MESSAGE_ID_POLICY_REFUSED, LOG_WARNING, words_notice,
                                    "Stack @CTRSUP_STACK@ asked for more than this host allows",
                                    "@CTRSUP_KEY@ is refused by the group policy of ctrsup.conf(5); nothing was changed. Correct the stack file,\n"
                                    "or the policy." },
        [REPORT_CALL_REFUSED] = { "call-refused", MESSAGE_ID_CALL_REFUSED, LOG_WARNING, words_refused,
                                  "Somebody without rights called the supervisor",
                                  "Uid @CTRSUP_ACTOR_UID@ is not root, nor in a group that may do this: control.admin_groups and\n"
                                  "control.read_groups of ctrsup.conf(5). Nothing was done." },
        [REPORT_LOG_SUPPRESSED] = { "log-suppressed", MESSAGE_ID_LOG_SUPPRESSED, LOG_WARNING, words_suppressed,
                                    "Lines of a container's log were dropped",
                                    "@CTRSUP_STACK@/@CTRSUP_CONTAINER@ wrote more than logging.rate_limit allows, or faster than could be stored.\n"
                                    "The container itself was not slowed down." },
        [REPORT_STATE_DEGRADED] = { "state-degraded", MESSAGE_ID_STATE_DEGRADED, LOG_ERR, words_degraded,
                                    "The state of ctrsup cannot be written",
                                    "@CTRSUP_WHAT@ takes no writes; the message says why. Running containers are not concerned. Applies and\n"
                                    "removals are refused; a stop is carried out and recorded as soon as it can be. Make room there (df -h,\n"
                                    "df -i), or mount it writable again: ctrsup notices within 30 seconds, nothing has to be restarted." },
        [REPORT_STATE_HEALED] = { "state-healed", MESSAGE_ID_STATE_HEALED, LOG_NOTICE, words_healed, NULL, NULL },
};
static_assert(ARRAY_SIZE(rows) == _REPORT_KIND_MAX, "every kind has a row");

const char *report_kind_name(enum report_kind k) {
        return (unsigned)k < ARRAY_SIZE(rows) ? rows[k].name : "?";
}

int report_priority(const struct report_event *e) {
        int p = rows[e->kind].priority;

        if (p == PRIORITY_SAID)
                return e->priority;
        if (p == PRIORITY_BY_EXIT)
                return (e->exit && exit_is_success(e->exit)) || (e->change && e->change->to == PHASE_STOPPED) ? LOG_INFO : LOG_WARNING;
        if (p == PRIORITY_BY_HEALTH)
                return e->health && strcmp(e->health, "healthy") == 0 ? LOG_NOTICE : LOG_WARNING;
        return p;
}

/* --- words --- */

static void put_subject(const struct report_event *e, struct buf *out) {
        if (e->stack)
                buf_printf(out, "%s%s%s", e->stack, e->container ? "/" : "", e->container ? e->container : "");
        if (e->container && (e->replica > 1 || e->numbered))
                buf_printf(out, ".%u", e->replica);
        if (e->stack)
                buf_puts(out, ": ");
}

void report_words(const struct report_event *e, struct buf *out) {
        put_subject(e, out);
        rows[e->kind].words(e, out);
}

/* A line of one line: what a container, a file name or a client put into it does nothing to the terminal (C0, DEL, C1). */
static void put_plain(const char *text, struct buf *out) {
        for (const unsigned char *u = (const unsigned char *)text; *u; u++) {
                bool c1 = *u == 0xc2 && u[1] >= 0x80 && u[1] < 0xa0;

                buf_putc(out, *u < 0x20 || *u == 0x7f || c1 ? ' ' : (char)*u);
                u += c1;
        }
}

void report_line(const struct report_event *e, struct buf *out) {
        _cleanup_buf_ struct buf words = BUF_NULL;

        report_words(e, &words);
        put_plain(buf_text(&words), out);
        buf_putc(out, '\n');
        if (e->hint) {
                buf_puts(out, "    hint: ");
                put_plain(e->hint, out);
                buf_putc(out, '\n');
        }
        if (buf_failed(&words))
                out->failed = true;
}

/* --- the journal --- */

static void field(struct buf *out, const char *name, const char *value) {
        size_t len;

        if (!value)
                return;
        len = strlen(value);
        if (!memchr(value, '\n', len)) {
                buf_printf(out, "%s=%s\n", name, value);
                return;
        }
        unsigned char size[8]; /* little endian, systemd.journal-fields: native protocol */
        for (size_t i = 0; i < sizeof(size); i++)
                size[i] = (unsigned char)((uint64_t)len >> (8 * i));
        buf_printf(out, "%s\n", name);
        buf_put(out, size, sizeof(size));
        buf_put(out, value, len);
        buf_putc(out, '\n');
}

static void number(struct buf *out, const char *name, uint64_t value) {
        if (value)
                buf_printf(out, "%s=%llu\n", name, (unsigned long long)value);
}

static void counted(struct buf *out, const char *name, uint64_t value) {
        buf_printf(out, "%s=%llu\n", name, (unsigned long long)value);
}

static void put_exit(const struct exit_info *e, struct buf *out) {
        if (e->reason == EXIT_NONE || e->reason == EXIT_UNKNOWN || e->reason == EXIT_NOT_STARTED)
                return;
        field(out, "EXIT_CODE", e->reason == EXIT_EXITED ? "exited" : e->reason == EXIT_DUMPED ? "dumped" : "killed");
        if (e->reason == EXIT_EXITED)
                counted(out, "EXIT_STATUS", (uint64_t)e->code);
        else
                field(out, "EXIT_STATUS", sigabbrev_np(e->signal));
}

static void put_identity(const struct report_event *e, struct buf *out) {
        char id[33];

        field(out, "CTRSUP_STACK", e->stack);
        field(out, "CTRSUP_CONTAINER", e->container);
        if (e->container)
                number(out, "CTRSUP_REPLICA", e->replica);
        number(out, "CTRSUP_REVISION", e->revision);
        number(out, "CTRSUP_REVISION_TO", e->revision_to);
        if (e->instance_id) {
                for (size_t i = 0; i < 16; i++)
                        (void)snprintf(id + 2 * i, 3, "%02x", e->instance_id[i]);
                field(out, "CTRSUP_INSTANCE_ID", id);
        }
        if (e->pid > 0)
                number(out, "OBJECT_PID", (uint64_t)e->pid);
        if (e->change) {
                field(out, "CTRSUP_STATE_FROM", phase_name(e->change->from));
                field(out, "CTRSUP_STATE_TO", phase_name(e->change->to));
        }
        if (e->has_actor) {
                counted(out, "CTRSUP_ACTOR_UID", e->actor_uid);
                number(out, "CTRSUP_ACTOR_PID", (uint64_t)e->actor_pid);
        }
}

static void put_details(const struct report_event *e, struct buf *out) {
        if (e->exit)
                put_exit(e->exit, out);
        number(out, "CTRSUP_UPTIME_USEC", e->uptime_usec);
        number(out, "CTRSUP_DURATION_USEC", e->duration_usec);
        number(out, "CTRSUP_DELAY_USEC", e->delay_usec);
        number(out, "CPU_USAGE_NSEC", e->cpu_nsec);
        if (e->kind == REPORT_CONTAINER_OOM) {
                number(out, "CTRSUP_MEMORY_MAX", e->memory_max);
                number(out, "CTRSUP_MEMORY_PEAK", e->memory_peak);
                number(out, "CTRSUP_OOM_KILLS", e->oom_kills);
        } else
                number(out, "MEMORY_PEAK", e->memory_peak);
        if (e->kind == REPORT_RESTART_SCHEDULED || e->kind == REPORT_START_LIMIT)
                counted(out, "CTRSUP_RESTARTS", e->restarts);
        if (e->kind == REPORT_STACK_APPLIED) {
                counted(out, "CTRSUP_N_ADDED", e->added);
                counted(out, "CTRSUP_N_CHANGED", e->changed);
                counted(out, "CTRSUP_N_REMOVED", e->removed);
        }
        if (e->kind == REPORT_DAEMON_READY) {
                field(out, "CTRSUP_VERSION", CTRSUP_VERSION);
                counted(out, "CTRSUP_N_STACKS", e->n_stacks);
        }
        if (e->kind == REPORT_STATE_HEALED)
                counted(out, "CTRSUP_N_CHANGED", e->changed);
        if (e->kind == REPORT_LOG_SUPPRESSED)
                counted(out, "N_DROPPED", e->dropped);
        if (e->kind == REPORT_STACK_APPLY_FAILED || e->kind == REPORT_JOB_SKIPPED)
                field(out, "CTRSUP_REASON", e->message);
        number(out, "ERRNO", (uint64_t)(e->error > 0 ? e->error : 0));
        field(out, "CTRSUP_STEP", e->step);
        field(out, "CTRSUP_HINT", e->hint);
        field(out, e->kind == REPORT_POLICY_REFUSED ? "CTRSUP_KEY" : "CTRSUP_KEYS", e->keys);
        field(out, "CTRSUP_WHAT", e->what);
        field(out, "CTRSUP_WAS", e->was);
        field(out, "CTRSUP_IS", e->is);
        field(out, "CTRSUP_FILE", e->file);
        number(out, "CTRSUP_LINE", e->line);
        field(out, "CTRSUP_HEALTH", e->health);
        if (e->kind == REPORT_CONTAINER_HEALTH)
                field(out, "CTRSUP_PROBE_OUTPUT", e->message);
}

void report_journal_entry(const struct report_event *e, struct buf *out) {
        _cleanup_buf_ struct buf words = BUF_NULL;
        int priority = report_priority(e);

        report_words(e, &words);
        field(out, "MESSAGE", buf_text(&words));
        counted(out, "PRIORITY", (uint64_t)priority);
        field(out, "MESSAGE_ID", rows[e->kind].message_id);
        field(out, "SYSLOG_IDENTIFIER", "ctrsupd");
        if (priority <= LOG_ERR)
                field(out, "DOCUMENTATION", "man:ctrsup(1)");
        field(out, "CODE_FILE", e->code_file);
        number(out, "CODE_LINE", e->code_line);
        field(out, "CODE_FUNC", e->code_function);
        put_identity(e, out);
        put_details(e, out);
}

/* --- JSON --- */

/* A text that is not UTF-8 (a file's name may be anything) is null rather than the end of the whole object. */
static json_t *text_json(const char *text) {
        json_t *j = text ? json_string(text) : NULL;

        return j ? j : json_null();
}

/* The Exit type of the control interface. */
static json_t *exit_json(const struct exit_info *e) {
        const char *name = e->signal ? sigabbrev_np(e->signal) : NULL;

        return json_pack("{s:o, s:o, s:o}", "code", e->code >= 0 ? json_integer(e->code) : json_null(), "signal",
                         !e->signal ? json_null() : name ? json_sprintf("SIG%s", name) : json_sprintf("%d", e->signal), "reason",
                         text_json(e->reason == EXIT_NONE ? NULL : exit_reason_name(e->reason)));
}

static json_t *time_json(uint64_t usec) {
        time_t seconds = (time_t)(usec / USEC_PER_SEC);
        char whole[32], text[48];
        struct tm tm;

        if (!gmtime_r(&seconds, &tm) || strftime(whole, sizeof(whole), "%Y-%m-%dT%H:%M:%S", &tm) == 0)
                return json_null();
        (void)snprintf(text, sizeof(text), "%s.%06uZ", whole, (unsigned)(usec % USEC_PER_SEC));
        return json_string(text);
}

json_t *report_json(const struct report_event *e) {
        _cleanup_buf_ struct buf words = BUF_NULL;

        if (e->kind != REPORT_CONTAINER_STATE) /* its words are what "to" says */
                rows[e->kind].words(e, &words);
        json_t *j = json_pack("{s:o, s:s, s:o, s:o, s:i, s:o, s:o, s:o, s:o, s:i}", "time", time_json(e->real_usec), "kind", rows[e->kind].name,
                              "stack", text_json(e->stack), "container", text_json(e->container), "replica", (int)e->replica, "from",
                              text_json(e->change ? phase_name(e->change->from) : NULL), "to",
                              text_json(e->change ? phase_name(e->change->to) : NULL), "message", text_json(words.len ? buf_text(&words) : NULL),
                              "hint", text_json(e->hint), "priority", report_priority(e));
        if (j && e->change && e->duration_usec)
                (void)json_object_set_new(j, "duration", json_real((double)e->duration_usec / USEC_PER_SEC));
        if (j && e->exit)
                (void)json_object_set_new(j, "exit", exit_json(e->exit));
        if (j && e->numbered)
                (void)json_object_set_new(j, "several", json_true());
        if (j && e->revision)
                (void)json_object_set_new(j, "revision", json_integer((json_int_t)e->revision));
        return j;
}

/* --- the catalog --- */

void report_catalog(struct buf *out) {
        buf_puts(out, "# Message catalog of ctrsup; made by ctrsupd from its table of events.\n");
        for (size_t k = 0; k < ARRAY_SIZE(rows); k++) {
                if (!rows[k].what)
                        continue;
                buf_putc(out, '\n');
                buf_printf(out, "-- %s\nSubject: %s\nDefined-By: ctrsup\nSupport: man:ctrsupd(8)\nDocumentation: man:ctrsup(1) man:ctrsupd(8)\n\n%s\n", rows[k].message_id, rows[k].what,
                           rows[k].todo);
        }
}
