/* What other tools call it: the hints for keys and values that are at home in Compose, Kubernetes or systemd, and the long forms
 * of short ones. */
#include "tables.h"

#include <ctrsup/base/num.h>
#include <ctrsup/text/render.h>

#include <string.h>

enum level { TOP, CONTAINER, HEALTHCHECK, ANYWHERE };

static const struct {
        enum level level;
        const char *word, *hint;
} words[] = {
        { TOP, "services", "Compose's services are containers here; write containers:" },
        { TOP, "version", "Compose's version has no meaning here; remove it" },
        { TOP, "include", "there is no include; merge the files by hand" },
        { TOP, "apiVersion", "this is a Kubernetes object; a stack starts with name: and containers:" },
        { TOP, "kind", "this is a Kubernetes object; a stack starts with name: and containers:" },
        { TOP, "metadata", "Kubernetes' metadata.name is name, metadata.labels is labels" },
        { TOP, "spec", "Kubernetes' spec.containers is containers, a mapping by name" },
        { TOP, "container", "did you mean \"containers\"?" },
        { CONTAINER, "image", "write rootfs: {layers: [{dir: /srv/rootfs/debian12}]}; images come as local files" },
        { CONTAINER, "build", "there is no build; give its result as rootfs: {layers: [{dir: ...}]}" },
        { CONTAINER, "platform", "Compose's platform has no meaning here; remove it" },
        { CONTAINER, "runtime", "Compose's runtime has no meaning here; remove it" },
        { CONTAINER, "container_name", "the key of the container is its name; instances are STACK/CONTAINER.N" },
        { CONTAINER, "read_only", "Compose's read_only: true is rootfs.mode: read-only" },
        { CONTAINER, "tmpfs", "Compose's tmpfs is an item of volumes: {type: tmpfs, target: /run}" },
        { CONTAINER, "mem_limit", "Compose's mem_limit is limits.memory" },
        { CONTAINER, "mem_reservation", "Compose's mem_reservation is limits.memory_low" },
        { CONTAINER, "memswap_limit", "Compose's memswap_limit is memory plus swap; limits.memory_swap is swap only" },
        { CONTAINER, "mem_swappiness", "cgroup v2 has no swappiness; limits.memory_swap: 0 forbids swap" },
        { CONTAINER, "oom_kill_disable", "cgroup v2 cannot do that; limits.memory_high slows down instead of killing" },
        { CONTAINER, "cpus", "Compose's cpus is limits.cpus" },
        { CONTAINER, "cpu_shares", "Compose's cpu_shares is limits.cpu_weight: 1024 there is 100 here" },
        { CONTAINER, "cpu_quota", "Compose's cpu_quota divided by cpu_period is limits.cpus" },
        { CONTAINER, "cpu_period", "Compose's cpu_period is limits.cpu_period" },
        { CONTAINER, "cpuset", "Compose's cpuset is limits.cpuset" },
        { CONTAINER, "pids_limit", "Compose's pids_limit is limits.pids" },
        { CONTAINER, "blkio_config", "Compose's blkio_config is limits.io_weight and limits.io_max" },
        { CONTAINER, "deploy",
          "Compose's deploy.resources.limits is limits, deploy.restart_policy is restart and restart_policy" },
        { CONTAINER, "resources", "Kubernetes' resources.limits is limits: {memory: 512M, cpus: 1}" },
        { CONTAINER, "network_mode", "Compose's network_mode is namespaces.net" },
        { CONTAINER, "pid", "Compose's pid is namespaces.pid" },
        { CONTAINER, "ipc", "Compose's ipc is namespaces.ipc" },
        { CONTAINER, "uts", "Compose's uts is namespaces.uts" },
        { CONTAINER, "cgroup", "Compose's cgroup is namespaces.cgroup" },
        { CONTAINER, "cgroup_parent", "every stack has its own cgroup; remove it" },
        { CONTAINER, "userns_mode", "Compose's userns_mode is namespaces.user" },
        { CONTAINER, "hostUsers", "Kubernetes' hostUsers: true is namespaces.user: host" },
        { CONTAINER, "hostNetwork", "Kubernetes' hostNetwork: true is namespaces.net: host" },
        { CONTAINER, "hostPID", "Kubernetes' hostPID: true is namespaces.pid: host" },
        { CONTAINER, "hostIPC", "Kubernetes' hostIPC: true is namespaces.ipc: host" },
        { CONTAINER, "privileged", "there is no such switch; write the cap_add and namespaces that are needed" },
        { CONTAINER, "security_opt", "Compose's security_opt is no_new_privileges and seccomp" },
        { CONTAINER, "securityContext",
          "Kubernetes' securityContext is user, cap_add, cap_drop, no_new_privileges and rootfs.mode" },
        { CONTAINER, "links", "Compose's links has no meaning here; remove it" },
        { CONTAINER, "expose", "Compose's expose has no meaning here; remove it" },
        { CONTAINER, "stdin_open", "Compose's stdin_open has no meaning here; ctrsup exec -it opens a terminal" },
        { CONTAINER, "tty", "Compose's tty has no meaning here; ctrsup exec -it opens a terminal" },
        { CONTAINER, "volumes_from", "write the entries of volumes out; a YAML anchor shares them" },
        { CONTAINER, "extends", "there is no extends; use defaults: or a YAML anchor with <<" },
        { CONTAINER, "scale", "Compose's scale is replicas" },
        { CONTAINER, "storage_opt", "Compose's storage_opt.size is rootfs.size" },
        { CONTAINER, "mac_address", "Compose's mac_address is networks.NAME.mac_address" },
        { CONTAINER, "pull_policy", "images are local files; remove it" },
        { CONTAINER, "args", "Kubernetes' args is command; its command is entrypoint" },
        { CONTAINER, "env", "Kubernetes' env is environment: {NAME: value}" },
        { CONTAINER, "envFrom", "Kubernetes' envFrom is env_file" },
        { CONTAINER, "workingDir", "Kubernetes' workingDir is working_dir" },
        { CONTAINER, "volumeMounts", "Kubernetes' volumeMounts is volumes: [{type: volume, source: NAME, target: PATH}]" },
        { CONTAINER, "livenessProbe", "Kubernetes' livenessProbe is healthcheck" },
        { CONTAINER, "readinessProbe", "Kubernetes' readinessProbe is healthcheck with readiness: {type: healthcheck}" },
        { CONTAINER, "startupProbe", "Kubernetes' startupProbe is healthcheck.start_period" },
        { CONTAINER, "restartPolicy", "Kubernetes' restartPolicy is restart: always, on-failure or \"no\"" },
        { CONTAINER, "terminationGracePeriodSeconds", "Kubernetes' terminationGracePeriodSeconds: 30 is stop_grace_period: 30s" },
        { CONTAINER, "hooks", "hooks are the keys pre_start, post_start, pre_stop and post_stop; reload is how it reads its configuration again" },
        { CONTAINER, "lifecycle", "Kubernetes' lifecycle is post_start and pre_stop" },
        { HEALTHCHECK, "test", "Compose's test: [CMD, a, b] is exec: [a, b]; for CMD-SHELL write exec: [/bin/sh, -c, \"...\"]" },
        { HEALTHCHECK, "disable", "remove the healthcheck instead" },
        { HEALTHCHECK, "httpGet", "Kubernetes' httpGet is http" },
        { HEALTHCHECK, "tcpSocket", "Kubernetes' tcpSocket is tcp" },
        { HEALTHCHECK, "initialDelaySeconds", "Kubernetes' initialDelaySeconds: 30 is start_period: 30s" },
        { HEALTHCHECK, "periodSeconds", "Kubernetes' periodSeconds: 10 is interval: 10s" },
        { HEALTHCHECK, "timeoutSeconds", "Kubernetes' timeoutSeconds: 3 is timeout: 3s" },
        { HEALTHCHECK, "failureThreshold", "Kubernetes' failureThreshold is retries" },
        { ANYWHERE, "MemoryMax", "systemd's MemoryMax= is limits.memory" },
        { ANYWHERE, "MemoryHigh", "systemd's MemoryHigh= is limits.memory_high" },
        { ANYWHERE, "MemoryLow", "systemd's MemoryLow= is limits.memory_low" },
        { ANYWHERE, "MemorySwapMax", "systemd's MemorySwapMax= is limits.memory_swap" },
        { ANYWHERE, "CPUQuota", "systemd's CPUQuota=150% is limits.cpus: 1.5" },
        { ANYWHERE, "CPUWeight", "systemd's CPUWeight= is limits.cpu_weight" },
        { ANYWHERE, "AllowedCPUs", "systemd's AllowedCPUs= is limits.cpuset" },
        { ANYWHERE, "TasksMax", "systemd's TasksMax= is limits.pids" },
        { ANYWHERE, "IOWeight", "systemd's IOWeight= is limits.io_weight" },
        { ANYWHERE, "ExecStart", "systemd's ExecStart= is command, a list" },
        { ANYWHERE, "User", "systemd's User= is user" },
        { ANYWHERE, "Environment", "systemd's Environment= is environment: {NAME: value}" },
        { ANYWHERE, "EnvironmentFile", "systemd's EnvironmentFile= is env_file: [{path: FILE}]" },
        { ANYWHERE, "WorkingDirectory", "systemd's WorkingDirectory= is working_dir" },
        { ANYWHERE, "Restart", "systemd's Restart= is restart" },
        { ANYWHERE, "RestartSec", "systemd's RestartSec= is restart_policy.delay" },
        { ANYWHERE, "TimeoutStopSec", "systemd's TimeoutStopSec= is stop_grace_period" },
        { ANYWHERE, "KillSignal", "systemd's KillSignal= is stop_signal" },
        { ANYWHERE, "NoNewPrivileges", "systemd's NoNewPrivileges= is no_new_privileges" },
        { ANYWHERE, "LimitNOFILE", "systemd's LimitNOFILE= is ulimits.nofile: {soft: N, hard: N}" },
        { ANYWHERE, "ReadOnlyPaths", "systemd's ReadOnlyPaths= is rootfs.mode: read-only" },
        { ANYWHERE, "OOMScoreAdjust", "systemd's OOMScoreAdjust= is oom_score_adj" },
        { ANYWHERE, "readonly", "write read_only" },
        { ANYWHERE, "swap", "limits.memory_swap is the limit of swap" },
};

const char *spec_foreign_word(const char *word) {
        for (size_t n = 0; n < ARRAY_SIZE(words); n++)
                if (strcmp(words[n].word, word) == 0)
                        return words[n].hint;
        return NULL;
}

static bool is_container_level(const struct path *path) {
        const struct path *up = path->up;

        if (!up || !up->key)
                return false;
        if (!up->up)
                return strcmp(up->key, "defaults") == 0;
        return !up->up->up && up->up->key && strcmp(up->up->key, "containers") == 0;
}

/* The one supported key of that name below the container's groups: memory -> limits.memory. */
static size_t find_deeper(const struct table *t, const char *prefix, const char *key, struct buf *out) {
        size_t found = 0;
        char path[128];

        for (size_t i = 0; i < t->n_fields; i++) {
                const struct field *f = &t->fields[i];

                (void)snprintf(path, sizeof(path), "%s%s%s", prefix, *prefix ? "." : "", f->key);
                if (*prefix && strcmp(f->key, key) == 0 && !(f->flags & FIELD_LATER)) {
                        buf_reset(out);
                        buf_puts(out, path);
                        found++;
                }
                if (f->type == &type_group && !(f->flags & FIELD_LATER))
                        found += find_deeper(f->sub, path, key, out);
        }
        return found;
}

static enum level level_of(const struct path *path) {
        if (!path->up)
                return TOP;
        if (is_container_level(path))
                return CONTAINER;
        return path->up->key && strcmp(path->up->key, "healthcheck") == 0 ? HEALTHCHECK : ANYWHERE;
}

void foreign_key(const struct path *path, const struct node_entry *entry, struct buf *hint) {
        enum level level = level_of(path);
        _cleanup_buf_ struct buf deeper = BUF_NULL;

        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                if ((words[i].level == level || words[i].level == ANYWHERE) && strcmp(words[i].word, entry->key->text) == 0) {
                        buf_puts(hint, words[i].hint);
                        return;
                }
        if (level == CONTAINER && find_deeper(&container_table, "", entry->key->text, &deeper) == 1)
                buf_printf(hint, "it belongs one level down: %s", buf_text(&deeper));
        else if (level == TOP && table_find(&container_table, entry->key->text))
                buf_printf(hint, "it belongs to a container, or below defaults: for all of them");
}

static const struct {
        const char *key, *value, *hint;
} values[] = {
        { "restart", "unless-stopped", "write always: an operator's stop is remembered" },
        { "restart", "any", "write always" },
        { "restart", "none", "write \"no\"" },
        { "restart", "never", "write \"no\"" },
        { "restart", "Never", "write \"no\"" },
        { "restart", "false", "write \"no\"" },
        { "restart", "true", "write always" },
        { "restart", "Always", "write always" },
        { "restart", "OnFailure", "write on-failure" },
        { "condition", "service_started", "write started" },
        { "condition", "service_healthy", "write healthy" },
        { "condition", "service_completed_successfully", "write completed" },
        { "mode", "ro", "write read-only" },
        { "mode", "readonly", "write read-only" },
        { "mode", "read_only", "write read-only" },
        { "mode", "volatile", "write tmpfs" },
        { "type", "oneshot", "write job" },
        { "type", "simple", "write service" },
        { "type", "npipe", "named pipes are a Windows thing" },
        { "type", "image", "an image can only be a layer of rootfs" },
        { "propagation", "private", "write rprivate" },
        { "propagation", "slave", "write rslave" },
        { "propagation", "shared", "write rshared" },
        { "propagation", "HostToContainer", "write rslave" },
        { "propagation", "Bidirectional", "write rshared" },
        { "driver", "json-file", "write file" },
        { "driver", "local", "write file" },
        { "net", "bridge", "write private" },
        { "ipc", "shareable", "write private: every container's can be shared" },
        { "user", "auto", "write private" },
        { "user", "keep-id", "write private" },
        { "mount", "host", "it is always private: each container has its own root file system" },
};

void foreign_value(const struct field *f, const char *text, struct buf *hint) {
        for (size_t i = 0; i < ARRAY_SIZE(values); i++)
                if (strcmp(values[i].key, f->key) == 0 && strcmp(values[i].value, text) == 0)
                        buf_puts(hint, values[i].hint);
        if (hint->len == 0 && strcmp(f->key, "restart") == 0 && strncmp(text, "on-failure:", 11) == 0)
                buf_printf(hint, "write restart: on-failure and restart_policy: {max_attempts: %.20s}", text + 11);
}

/* ---- short forms ---- */

/* "a:/b:ro" -> {type: volume, source: a, target: /b, read_only: true} */
void volume_short_form(const struct node *item, struct buf *hint) {
        const char *text = item->text ? item->text : "", *colon = strchr(text, ':');
        _cleanup_free_ char *source = NULL, *target = NULL;

        if (item->kind != NODE_SCALAR || !*text || strlen(text) > 400 || (!colon && *text != '/'))
                return;
        if (!colon) {
                buf_printf(hint, "write {type: volume, source: NAME, target: %s}", text);
                return;
        }
        const char *options = strchr(colon + 1, ':');
        source = strndup(text, (size_t)(colon - text));
        target = options ? strndup(colon + 1, (size_t)(options - colon - 1)) : strdup(colon + 1);
        if (!source || !target)
                return;
        buf_printf(hint, "write {type: %s, source: ", strchr("./~", *source) ? "bind" : "volume");
        render_scalar(source, hint);
        buf_puts(hint, ", target: ");
        render_scalar(target, hint);
        if (options && (strcmp(options, ":ro") == 0 || strstr(options, ":ro,") || strstr(options, ",ro")))
                buf_puts(hint, ", read_only: true");
        buf_putc(hint, '}');
}

void layer_short_form(const struct node *item, struct buf *hint) {
        if (item->kind != NODE_SCALAR || !*item->text || strlen(item->text) > 400)
                return;
        buf_puts(hint, "write {dir: ");
        render_scalar(item->text, hint);
        buf_putc(hint, '}');
}

void env_file_short_form(const struct node *item, struct buf *hint) {
        if (item->kind != NODE_SCALAR || !*item->text || strlen(item->text) > 400)
                return;
        buf_puts(hint, "write {path: ");
        render_scalar(item->text, hint);
        buf_putc(hint, '}');
}

bool words_as_list(const char *text, struct buf *out) {
        _cleanup_buf_ struct buf word = BUF_NULL;
        size_t n = 0;

        if (strpbrk(text, "|&;<>()$`*?\\\n"))
                return false;
        buf_putc(out, '[');
        while (*(text += strspn(text, " \t"))) {
                buf_reset(&word);
                for (; *text && !strchr(" \t", *text); text++) {
                        const char *end = strchr("'\"", *text) ? strchr(text + 1, *text) : NULL;

                        if (!end && strchr("'\"", *text))
                                return false;
                        if (end) {
                                buf_put(&word, text + 1, (size_t)(end - text - 1));
                                text = end;
                        } else
                                buf_putc(&word, *text);
                }
                buf_puts(out, n++ ? ", " : "");
                render_scalar(buf_text(&word), out);
        }
        buf_putc(out, ']');
        return n > 0;
}
