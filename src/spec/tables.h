/* What the rows of the field table are made of; private to spec. */
#pragma once

#include <ctrsup/spec/fields.h>
#include <ctrsup/text/schema.h>

#include <stddef.h>

#define AT(type, member) .at = offsetof(struct type, member)
#define LIST_AT(type, member) .at = offsetof(struct type, member), .n_at = offsetof(struct type, n_##member)
#define HOOKS_AT(kind) .at = offsetof(struct spec_container, hooks[kind].items), .n_at = offsetof(struct spec_container, hooks[kind].n)
#define WORDS(table) .words = table, .n_words = ARRAY_SIZE(table)
#define FIELDS(table) .fields = table, .n_fields = ARRAY_SIZE(table)
/* A key that is known and not supported yet: its type is only described. */
#define LATER(what) .type = &later_##what, .flags = FIELD_LATER

extern const char *const spec_type_words[_TYPE_MAX];
extern const char *const spec_restart_words[_RESTART_MAX];
extern const char *const spec_rerun_words[_RERUN_MAX];
extern const char *const spec_overlap_words[_OVERLAP_MAX];
extern const char *const spec_update_order_words[_UPDATE_ORDER_MAX];
extern const char *const spec_update_failure_words[_UPDATE_FAILURE_MAX];
extern const char *const spec_condition_words[_CONDITION_MAX];
extern const char *const spec_rootfs_mode_words[_ROOTFS_MODE_MAX];
extern const char *const spec_volume_type_words[_VOLUME_TYPE_MAX];
extern const char *const spec_propagation_words[_PROPAGATION_MAX];
extern const char *const spec_log_driver_words[_LOG_DRIVER_MAX];
extern const char *const spec_hook_words[_HOOK_MAX];
extern const char *const spec_on_failure_words[_ON_FAILURE_MAX];
extern const char *const spec_http_scheme_words[_HTTP_SCHEME_MAX];
extern const char *const spec_readiness_words[_READINESS_MAX];
/* What a namespace key allows, indexed by enum spec_ns_mode. */
extern const char *const spec_ns_words[_NS_MODE_MAX];
extern const char *const spec_ns_net_words[_NS_MODE_MAX];
extern const char *const spec_ns_mount_words[_NS_MODE_MAX];

extern const struct type type_name, type_format, type_line, type_labels, type_pairs, type_argv, type_environment, type_user,
        type_groups, type_ids, type_hostname, type_tag;
extern const struct type type_source, type_target, type_subpath, type_volume_name;
extern const struct type type_namespace, type_id;
extern const struct type type_cpus, type_cpu_weight, type_cpu_list, type_hugetlb, type_ulimits, type_caps, type_sysctls,
        type_signal, type_seccomp, type_hidden;
extern const struct type type_port, type_http_path, type_http_host, type_http_headers, type_http_status, type_empty;
extern const struct type type_calendar;

extern const struct type later_bool, later_int, later_text, later_word, later_name, later_list, later_map, later_argv,
        later_duration, later_size, later_mode, later_path, later_host_path, later_port, later_port_range, later_address,
        later_mac, later_signal, later_digest;

extern const struct table env_file_table, named_volume_table, network_table, ipam_table, secret_table, config_table;
extern const struct table rootfs_table, layer_table, volume_table, volume_bind_table, volume_volume_table, volume_tmpfs_table,
        device_table;
extern const struct table limits_table, io_max_table, namespaces_table, time_offsets_table, user_mapping_table, id_map_table;
extern const struct table restart_policy_table, logging_table, logging_rate_limit_table, logging_file_table, dependency_table,
        healthcheck_table, probe_http_table, probe_tcp_table, readiness_table, reload_table, hook_table, start_hook_table, update_config_table,
        schedule_table;
extern const struct table membership_table, port_table, socket_table, grant_secret_table, grant_config_table;

/* A profile's name that is a file's: neither default nor unconfined. NULL: it is none. */
const char *seccomp_file(const struct node *n);
/* Reads the file's text for a container that has none of the capabilities; what is wrong in it is said at n. What is right is *n from
 * then on, as the supervisor gets it. false: there was a complaint. */
bool seccomp_resolve(struct walk *w, struct node *n, const char *file, const char *text, size_t len);

/* One item of env_file, worked off by stack_load(). */
struct env_file_entry {
        const char *path;
        bool required;
};

/* finish.c: what depends on several keys of one mapping */
void stack_finish(struct walk *w, const struct node_entry *entry, void *at);
/* Does the key say anything of a container of that type? */
bool key_fits_type(const char *key, enum spec_type type);
void container_finish(struct walk *w, const struct node_entry *entry, void *at);
void named_volume_finish(struct walk *w, const struct node_entry *entry, void *at);
void rootfs_finish(struct walk *w, const struct node_entry *entry, void *at);
void layer_finish(struct walk *w, const struct node_entry *entry, void *at);
void device_finish(struct walk *w, const struct node_entry *entry, void *at);
void volume_finish(struct walk *w, const struct node_entry *entry, void *at);
void limits_finish(struct walk *w, const struct node_entry *entry, void *at);
void io_max_finish(struct walk *w, const struct node_entry *entry, void *at);
void user_mapping_finish(struct walk *w, const struct node_entry *entry, void *at);
void id_map_finish(struct walk *w, const struct node_entry *entry, void *at);
void restart_policy_finish(struct walk *w, const struct node_entry *entry, void *at);
void healthcheck_finish(struct walk *w, const struct node_entry *entry, void *at);
/* finish_devices.c: one beside the others */
void devices_check(struct walk *w, struct node *container, const struct spec_container *c);
/* finish_hooks.c */
void hook_finish(struct walk *w, const struct node_entry *entry, void *at);
void reload_finish(struct walk *w, const struct node_entry *entry, void *at);
/* finish_health.c: readiness against healthcheck, of one container */
void readiness_check(struct walk *w, struct node *container, struct spec_container *c);

/* refs.c: what depends on other containers and volumes; after all was read. */
void stack_check_refs(struct walk *w, struct spec *s, struct node *root);

/* words.c: what other tools call it */
void foreign_key(const struct path *path, const struct node_entry *entry, struct buf *hint);
const char *spec_foreign_word(const char *word); /* the hint for a key of other tools; NULL: it is none */
void foreign_value(const struct field *f, const char *text, struct buf *hint);
void device_short_form(const struct node *item, struct buf *hint);
void volume_short_form(const struct node *item, struct buf *hint);
void layer_short_form(const struct node *item, struct buf *hint);
void env_file_short_form(const struct node *item, struct buf *hint);
/* [a, b] for "a b": the words as a shell would split them. false: a shell is needed for it. */
bool words_as_list(const char *text, struct buf *out);

/* Names that are DNS labels; fix: the nearest such name into out. */
void name_fix(const char *name, struct buf *out);

/* The value at the dotted keys below n; NULL: not there. */
struct node *node_at(struct walk *w, struct node *n, const char *keys);
