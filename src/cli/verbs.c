#include "verbs.h"

#include <ctrsup/text/suggest.h>

#include <string.h>

#define OUT(x) (1u << OUTPUT_##x)

static const struct args_option no_options[] = { { 0 } };

#define LATER(verb_name, verb_words, verb_summary) \
        { .name = verb_name, .words = verb_words, .summary = verb_summary, .options = no_options }

const struct verb verbs[] = {
        {
                .name = "apply",
                .words = "[FILE|-]",
                .summary = "make the host match the file, by default ctrsup.yaml",
                .details = "Prints the plan, then progress, and waits until every container runs. Ctrl-C stops the watching, not the work.\n"
                           "A file with errors changes nothing. Without a daemon, and as root, the stack is supervised here, in the\n"
                           "foreground: the containers' lines are printed with their names, Ctrl-C stops the stack in order and leaves nothing.\n",
                .options = apply_options,
                .run = verb_apply,
                .outputs = OUT(TABLE) | OUT(JSON),
        },
        {
                .name = "plan",
                .words = "[FILE|-]",
                .summary = "what apply would change; exits 1 when there is something",
                .options = plan_options,
                .run = verb_plan,
                .outputs = OUT(TABLE) | OUT(JSON),
        },
        {
                .name = "check",
                .words = "FILE...",
                .summary = "check stack files, offline",
                .details = "Needs no daemon and no root. Each complaint is FILE:LINE:COLUMN: error: KEY: PROBLEM, with a hint.\n",
                .options = check_options,
                .run = verb_check,
                .outputs = OUT(TEXT) | OUT(JSON),
        },
        {
                .name = "render",
                .words = "FILE",
                .summary = "the stack as it is understood: anchors, defaults and variables resolved",
                .options = render_options,
                .run = verb_render,
                .outputs = OUT(YAML) | OUT(JSON),
        },
        {
                .name = "explain",
                .words = "[KEY...]",
                .summary = "type, default, change class and meaning of a key; alone, all keys",
                .run = verb_explain,
        },
        {
                .name = "schema",
                .words = "",
                .summary = "the JSON Schema of stack files, for editors",
                .run = verb_schema,
                .outputs = OUT(JSON),
        },
        {
                .name = "diff",
                .words = "STACK",
                .summary = "what runs otherwise than declared; exits 1 when there is something",
                .details = "Limits that somebody wrote over, a main process that was moved to another cgroup, its OOM score, mounts that are gone. Limits\n"
                           "are set back by themselves.\n",
                .run = verb_diff,
                .outputs = OUT(TEXT) | OUT(JSON),
        },
        {
                .name = "status",
                .words = "[TARGET...]",
                .summary = "what runs",
                .details = "-v prints a block for each container. With a target the exit status tells: 0 it runs, 3 it does not, 4 there is\n"
                           "no such target.\n",
                .options = status_options,
                .run = verb_status,
                .outputs = OUT(TABLE) | OUT(JSON) | OUT(NAME),
        },
        {
                .name = "top",
                .words = "[TARGET...]",
                .summary = "what containers use: CPU, memory, io, pids, pressure",
                .details = "The busiest first. CPU and THROTTLED are percent of one CPU, PSI the share of the last ten seconds in which something\n"
                           "waited for CPU, memory, io. On a terminal it is drawn over until q or Ctrl-C; -o json prints one object a look.\n",
                .options = top_options,
                .run = verb_top,
                .outputs = OUT(TABLE) | OUT(JSON),
        },
        {
                .name = "why",
                .words = "TARGET",
                .summary = "why it is as it is: the last end explained",
                .details = "Cause, exit status or signal, step or probe, memory, the last lines of its log, the next attempt. Of a stack, the\n"
                           "containers that are not as they are to be.\n",
                .options = why_options,
                .run = verb_why,
                .outputs = OUT(TEXT) | OUT(JSON),
        },
        {
                .name = "logs",
                .words = "TARGET...",
                .summary = "what containers printed",
                .details = "From the journal or the log files, of several containers merged by time. -o short (the default) has time and\n"
                           "name, cat the bare lines, json one object a line.\n",
                .options = logs_options,
                .run = verb_logs,
                .outputs = OUT(SHORT) | OUT(CAT) | OUT(JSON),
        },
        {
                .name = "events",
                .words = "",
                .summary = "what happened and happens",
                .options = events_options,
                .run = verb_events,
                .outputs = OUT(TEXT) | OUT(JSON),
        },
        {
                .name = "history",
                .words = "STACK",
                .summary = "the revisions of a stack that are kept",
                .options = history_options,
                .run = verb_history,
                .outputs = OUT(TABLE) | OUT(JSON) | OUT(NAME),
        },
        {
                .name = "rollback",
                .words = "STACK",
                .summary = "make a stack again what an earlier revision was",
                .options = rollback_options,
                .run = verb_rollback,
                .outputs = OUT(TEXT) | OUT(JSON),
        },
        {
                .name = "exec",
                .words = "TARGET -- CMD...",
                .summary = "run a command inside a container",
                .details = "Exits with the command's status: 126 it cannot be executed, 127 there is no such command, 128+n it was killed by\n"
                           "signal n; 125 when ctrsup itself failed.\n",
                .options = exec_options,
                .run = verb_exec,
        },
        {
                .name = "run",
                .words = "--layer DIR... -- CMD...",
                .summary = "one command in a fresh container, in the foreground",
                .details = "With this terminal's streams; needs no daemon. Exit status as exec's.\n",
                .options = run_options,
                .run = verb_run,
        },
        {
                .name = "start",
                .words = "TARGET...",
                .summary = "start what was stopped, or a job",
                .options = start_options,
                .run = verb_start,
        },
        {
                .name = "stop",
                .words = "TARGET...",
                .summary = "stop; remembered until start or apply",
                .options = stop_options,
                .run = verb_stop,
        },
        {
                .name = "restart",
                .words = "TARGET...",
                .summary = "stop and start again",
                .options = restart_options,
                .run = verb_restart,
        },
        {
                .name = "reload",
                .words = "TARGET...",
                .summary = "tell containers to read their configuration again",
                .details = "As its reload in the stack file says: by a signal, or by a command whose end is waited for, 30 seconds at most. Exits\n"
                           "1 when one has failed.\n",
                .run = verb_reload,
                .outputs = OUT(TEXT) | OUT(JSON),
        },
        {
                .name = "remove",
                .words = "STACK",
                .summary = "stop a stack and forget it",
                .options = remove_options,
                .run = verb_remove,
        },
        {
                .name = "wait",
                .words = "TARGET...",
                .summary = "wait for a state",
                .details = "Exits 0 when all have reached it, 3 when one will not, 75 after --timeout.\n",
                .options = wait_options,
                .run = verb_wait,
        },
        {
                .name = "daemon",
                .words = "status|reload|stop-stacks|start-stacks",
                .summary = "the daemon about itself; its settings; all its stacks",
                .details = "reload reads the settings again and applies the files of stacks.d that changed; with anything wrong, nothing is\n"
                           "changed. stop-stacks stops all in order and keeps them down until start-stacks, as a shutdown does.\n",
                .options = daemon_options,
                .run = verb_daemon,
                .outputs = OUT(TABLE) | OUT(JSON),
        },
        {
                .name = "doctor",
                .words = "",
                .summary = "what of this host works for containers, and the cures",
                .details = "Needs no daemon; as root each ability of the kernel is tried, and nothing of that stays. Exits 1 when there is something\n"
                           "that containers suffer from; what only one feature needs is a warning.\n",
                .options = doctor_options,
                .run = verb_doctor,
                .outputs = OUT(TEXT) | OUT(JSON),
        },
        {
                .name = "audit",
                .words = "[TARGET...|FILE]",
                .summary = "what containers may do beyond the default profile",
                .details = "Of those that run by what the kernel says, as root; of a FILE (a path, or *.yaml) by what it declares, offline. The worst\n"
                           "first: critical (as good as root on the host), high, medium; a note is no deviation. Exits 1 when there are any.\n",
                .options = audit_options,
                .run = verb_audit,
                .outputs = OUT(TEXT) | OUT(JSON),
        },
        { .name = "help", .words = "[VERB]", .summary = "help, also for a verb", .run = verb_help },
        LATER("import", "FILE", "a Compose file as a stack"),
        LATER("inspect", "TARGET", "everything known, as JSON"),
        LATER("image", "import|list|remove", "images in the store"),
        LATER("volume", "list|remove", "named volumes"),
        LATER("prune", "", "remove what nothing uses"),
        LATER("completion", "bash|zsh|fish", "completion for a shell"),
        { 0 },
};

const struct verb *verb_find(const char *name) {
        for (const struct verb *v = verbs; v->name; v++)
                if (strcmp(v->name, name) == 0)
                        return v;
        return NULL;
}

const char *verb_suggest(const char *name) {
        struct suggest s = suggest_begin(name);

        for (const struct verb *v = verbs; v->name; v++)
                suggest_offer(&s, v->name);
        return s.best;
}
