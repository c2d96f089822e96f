/* The keys at the top of a stack file and of the objects named there. */
#include "tables.h"

/* A row is a key, in as few lines as it takes. */
/* clang-format off */

static const struct field stack_fields[] = {
        { .key = "name", .type = &type_name, AT(spec, name), .flags = FIELD_REQUIRED, .change = CHANGE_IMMUTABLE,
          .doc = "name of the stack: a DNS label, because it becomes part of host names and cgroups", .example = "shop" },
        { .key = "format", .type = &type_format, AT(spec, format), .preset = "1", .change = CHANGE_META,
          .doc = "version of the file format; only 1 exists", .example = "1" },
        { .key = "description", .type = &type_line, AT(spec, description), .change = CHANGE_META,
          .doc = "free text, one line, shown by status", .example = "Web shop" },
        { .key = "labels", .type = &type_labels, AT(spec, labels), .preset_words = "{}", .change = CHANGE_META,
          .doc = "free words for tools; reverse-DNS keys, io.ctrsup.* is reserved", .example = "{com.acme.team: web}" },
        { .key = "defaults", .type = &type_group, .sub = &container_table, .flags = FIELD_CLIENT, .preset_words = "{}",
          .change = CHANGE_META, .doc = "merged under every container: mappings key by key, scalars and lists replace",
          .example = "{restart: always}" },
        { .key = "containers", .type = &type_map, LIST_AT(spec, containers), .sub = &container_table, .flags = FIELD_REQUIRED,
          .min = 1, .max = 1000, .change = CHANGE_META, .doc = "the containers by name, a DNS label; at least one",
          .example = "{web: {rootfs: {layers: [{dir: /srv/rootfs/debian12}]}, command: [/bin/sleep, infinity]}}" },
        { .key = "networks", .type = &type_map, .sub = &network_table, .flags = FIELD_LATER,
          .preset_words = "{default: {}} when used", .change = CHANGE_META, .doc = "networks of this stack by name",
          .example = "{back: {internal: true}}" },
        { .key = "volumes", .type = &type_map, LIST_AT(spec, volumes), .sub = &named_volume_table, .max = 1000,
          .preset_words = "{}", .change = CHANGE_META, .doc = "named volumes of this stack, which outlive its containers",
          .example = "{pgdata: {}}" },
        { .key = "secrets", .type = &type_map, .sub = &secret_table, .flags = FIELD_LATER, .preset_words = "{}",
          .change = CHANGE_META, .doc = "sensitive files by name", .example = "{pgpass: {file: ./pw}}" },
        { .key = "configs", .type = &type_map, .sub = &config_table, .flags = FIELD_LATER, .preset_words = "{}",
          .change = CHANGE_META, .doc = "plain files by name", .example = "{nginx: {file: ./nginx.conf}}" },
};
const struct table stack_table = { FIELDS(stack_fields), .noun = "stack", .size = sizeof(struct spec), .finish = stack_finish };

static const struct field named_volume_fields[] = {
        { .key = "external", .type = &type_bool, AT(spec_named_volume, external), .preset = "false", .change = CHANGE_IMMUTABLE,
          .doc = "must exist already; never removed with the stack", .example = "true" },
        { .key = "name", .type = &type_volume_name, AT(spec_named_volume, name), .preset_words = "<stack>_<name>",
          .change = CHANGE_IMMUTABLE, .doc = "its name on this host", .example = "shared-data" },
        { .key = "user", .type = &type_ids, AT(spec_named_volume, user), .preset_words = "root inside", .change = CHANGE_META,
          .doc = "owner of a new volume, as seen inside: uid or uid:gid", .example = "\"70\"" },
        { .key = "mode", .type = &type_mode, AT(spec_named_volume, mode), .max = 07777, .preset = "0755", .change = CHANGE_META,
          .doc = "mode of a new volume's directory", .example = "\"0700\"" },
        { .key = "size", LATER(size), .preset_words = "none", .change = CHANGE_LIVE, .doc = "most it may hold",
          .example = "10G" },
        { .key = "labels", .type = &type_labels, AT(spec_named_volume, labels), .preset_words = "{}", .change = CHANGE_META,
          .doc = "free words for tools", .example = "{team: web}" },
};
const struct table named_volume_table = {
        FIELDS(named_volume_fields), .noun = "volume", .size = sizeof(struct spec_named_volume),
        .key_at = offsetof(struct spec_named_volume, key) + 1, .finish = named_volume_finish
};

static const struct field network_fields[] = {
        { .key = "driver", LATER(word), .preset_words = "bridge", .change = CHANGE_IMMUTABLE, .doc = "only bridge",
          .example = "bridge" },
        { .key = "external", LATER(bool), .preset_words = "false", .change = CHANGE_IMMUTABLE,
          .doc = "an existing bridge of the host", .example = "true" },
        { .key = "name", LATER(text), .preset_words = "cs- + hash, <= 15 bytes", .change = CHANGE_IMMUTABLE,
          .doc = "interface name on the host", .example = "br0" },
        { .key = "internal", LATER(bool), .preset_words = "false", .change = CHANGE_LIVE, .doc = "no route out, no NAT",
          .example = "true" },
        { .key = "enable_ipv6", LATER(bool), .preset_words = "false", .change = CHANGE_IMMUTABLE,
          .doc = "give it IPv6 addresses too", .example = "true" },
        { .key = "mtu", LATER(int), .preset_words = "uplink's", .change = CHANGE_LIVE, .doc = "1280 to 65535",
          .example = "1450" },
        { .key = "ipam", .type = &type_group, .sub = &ipam_table, .flags = FIELD_LATER, .change = CHANGE_IMMUTABLE,
          .doc = "its addresses", .example = "{config: [{subnet: 10.90.1.0/24}]}" },
        { .key = "labels", LATER(map), .preset_words = "{}", .change = CHANGE_META, .doc = "free words for tools",
          .example = "{team: web}" },
};
const struct table network_table = { FIELDS(network_fields) };

static const struct field ipam_fields[] = {
        { .key = "config", LATER(list), .preset_words = "next free /24 of the daemon pool", .change = CHANGE_IMMUTABLE,
          .doc = "subnets, each {subnet, gateway, ip_range}", .example = "[{subnet: 10.90.1.0/24}]" },
};
const struct table ipam_table = { FIELDS(ipam_fields) };

static const struct field secret_fields[] = {
        { .key = "file", LATER(host_path), .change = CHANGE_REPLACE, .doc = "a file, read at apply and kept in memory only",
          .example = "./pgpass" },
        { .key = "environment", LATER(name), .change = CHANGE_REPLACE, .doc = "variable of the ctrsup apply process",
          .example = "PGPASS" },
        { .key = "credential", LATER(name), .change = CHANGE_REPLACE, .doc = "systemd credential of ctrsup.service",
          .example = "shop.pgpass" },
};
const struct table secret_table = { FIELDS(secret_fields) };

static const struct field config_fields[] = {
        { .key = "file", LATER(host_path), .change = CHANGE_REPLACE, .doc = "the file, at most 1 MiB",
          .example = "./nginx.conf" },
        { .key = "content", LATER(text), .change = CHANGE_REPLACE, .doc = "the content itself", .example = "\"a=1\\n\"" },
        { .key = "environment", LATER(name), .change = CHANGE_REPLACE, .doc = "variable of the ctrsup apply process",
          .example = "CFG" },
};
const struct table config_table = { FIELDS(config_fields) };
