/* Limits, namespaces, user mapping. */
#include "tables.h"

/* A row is a key, in as few lines as it takes. */
/* clang-format off */

static const struct field limits_fields[] = {
        { .key = "memory", .type = &type_size, AT(spec_limits, memory), .flags = FIELD_MAX, .min = 6 << 20, .preset = "max",
          .change = CHANGE_LIVE, .doc = "memory.max: an OOM kill above", .example = "512M" },
        { .key = "memory_high", .type = &type_size, AT(spec_limits, memory_high), .flags = FIELD_MAX, .min = 6 << 20,
          .preset = "max", .change = CHANGE_LIVE, .doc = "memory.high: slowed down above", .example = "400M" },
        { .key = "memory_low", .type = &type_size, AT(spec_limits, memory_low), .preset = "0", .change = CHANGE_LIVE,
          .doc = "memory.low: best-effort protection", .example = "128M" },
        { .key = "memory_min", .type = &type_size, AT(spec_limits, memory_min), .preset = "0", .change = CHANGE_LIVE,
          .doc = "memory.min: hard protection", .example = "64M" },
        { .key = "memory_swap", .type = &type_size, AT(spec_limits, memory_swap), .flags = FIELD_MAX, .preset = "max",
          .change = CHANGE_LIVE, .doc = "memory.swap.max: swap only, not memory plus swap", .example = "0" },
        { .key = "memory_zswap", .type = &type_size, AT(spec_limits, memory_zswap), .flags = FIELD_MAX, .preset = "max",
          .change = CHANGE_LIVE, .doc = "memory.zswap.max", .example = "0" },
        { .key = "cpus", .type = &type_cpus, AT(spec_limits, cpus_milli), .flags = FIELD_MAX, .min = 10, .preset = "max",
          .change = CHANGE_LIVE, .doc = "cpu.max: so many CPUs' worth of time", .example = "1.5" },
        { .key = "cpu_period", .type = &type_duration, AT(spec_limits, cpu_period_usec), .min = 1000, .max = 1000000,
          .preset = "100ms", .change = CHANGE_LIVE, .doc = "cpu.max: the period, 1ms to 1s", .example = "20ms" },
        { .key = "cpu_weight", .type = &type_cpu_weight, AT(spec_limits, cpu_weight), .min = 1, .max = 10000,
          .preset_words = "100", .change = CHANGE_LIVE, .doc = "cpu.weight: share under contention, 1 to 10000, or idle",
          .example = "200" },
        { .key = "cpuset", .type = &type_cpu_list, AT(spec_limits, cpuset), .preset_words = "all", .change = CHANGE_LIVE,
          .doc = "cpuset.cpus: CPUs to run on", .example = "\"0-3,8\"" },
        { .key = "cpuset_mems", .type = &type_cpu_list, AT(spec_limits, cpuset_mems), .preset_words = "all",
          .change = CHANGE_LIVE, .doc = "cpuset.mems: memory nodes", .example = "\"0\"" },
        { .key = "pids", .type = &type_int, AT(spec_limits, pids), .flags = FIELD_MAX, .min = 1, .max = 4194304, .preset = "2048",
          .change = CHANGE_LIVE, .doc = "pids.max: processes and threads", .example = "200" },
        { .key = "io_weight", .type = &type_int, AT(spec_limits, io_weight), .min = 1, .max = 10000, .preset_words = "100",
          .change = CHANGE_LIVE, .doc = "io.weight: share under contention, 1 to 10000", .example = "50" },
        { .key = "io_max", .type = &type_list, LIST_AT(spec_limits, io_max), .sub = &io_max_table, .max = 256,
          .preset_words = "[]", .change = CHANGE_LIVE, .doc = "io.max: rates per block device",
          .example = "[{device: /var/lib, write_bps: 20M}]" },
        { .key = "io_latency", LATER(list), .preset_words = "[]", .change = CHANGE_LIVE, .doc = "io.latency target per device",
          .example = "[{device: /dev/sda, target: 25ms}]" },
        { .key = "hugetlb", .type = &type_hugetlb, LIST_AT(spec_limits, hugetlb), .preset_words = "{}", .change = CHANGE_LIVE,
          .doc = "hugetlb.SIZE.max by page size", .example = "{2M: 64M}" },
        { .key = "rdma", LATER(map), .preset_words = "{}", .change = CHANGE_LIVE, .doc = "rdma.max",
          .example = "{mlx5_0: {hca_handle: 2}}" },
        { .key = "oom_group", .type = &type_bool, AT(spec_limits, oom_group), .preset = "true", .change = CHANGE_LIVE,
          .doc = "memory.oom.group: an OOM kill ends the whole container", .example = "false" },
};
const struct table limits_table = { FIELDS(limits_fields), .finish = limits_finish };

static const struct field io_max_fields[] = {
        { .key = "device", .type = &type_host_path, AT(spec_io_max, device), .flags = FIELD_REQUIRED, .change = CHANGE_LIVE,
          .doc = "block device, or any path: the disk below it", .example = "/var/lib" },
        { .key = "read_bps", .type = &type_size, AT(spec_io_max, read_bps), .flags = FIELD_MAX, .min = 1, .preset = "max",
          .change = CHANGE_LIVE, .doc = "bytes per second", .example = "20M" },
        { .key = "write_bps", .type = &type_size, AT(spec_io_max, write_bps), .flags = FIELD_MAX, .min = 1, .preset = "max",
          .change = CHANGE_LIVE, .doc = "bytes per second", .example = "20M" },
        { .key = "read_iops", .type = &type_int, AT(spec_io_max, read_iops), .flags = FIELD_MAX, .min = 1, .max = INT64_MAX,
          .preset = "max", .change = CHANGE_LIVE, .doc = "operations per second", .example = "500" },
        { .key = "write_iops", .type = &type_int, AT(spec_io_max, write_iops), .flags = FIELD_MAX, .min = 1, .max = INT64_MAX,
          .preset = "max", .change = CHANGE_LIVE, .doc = "operations per second", .example = "500" },
};
const struct table io_max_table = {
        FIELDS(io_max_fields), .noun = "device limit", .size = sizeof(struct spec_io_max), .finish = io_max_finish
};

static const struct field namespaces_fields[] = {
        { .key = "pid", .type = &type_namespace, .at = NS_PID * sizeof(struct spec_namespace), WORDS(spec_ns_words),
          .preset = "private", .change = CHANGE_REPLACE, .doc = "process ids", .example = "container:db" },
        { .key = "ipc", .type = &type_namespace, .at = NS_IPC * sizeof(struct spec_namespace), WORDS(spec_ns_words),
          .preset = "private", .change = CHANGE_REPLACE, .doc = "System V IPC and message queues", .example = "container:db" },
        { .key = "uts", .type = &type_namespace, .at = NS_UTS * sizeof(struct spec_namespace), WORDS(spec_ns_words),
          .preset = "private", .change = CHANGE_REPLACE, .doc = "host name; host forbids hostname", .example = "host" },
        { .key = "net", .type = &type_namespace, .at = NS_NET * sizeof(struct spec_namespace), WORDS(spec_ns_net_words),
          .preset = "private", .change = CHANGE_REPLACE,
          .doc = "network: private, the host's, none (loopback only), or one identity with another container",
          .example = "none" },
        { .key = "cgroup", .type = &type_namespace, .at = NS_CGROUP * sizeof(struct spec_namespace), WORDS(spec_ns_words),
          .preset = "private", .change = CHANGE_REPLACE, .doc = "what /sys/fs/cgroup shows; host only for monitoring tools",
          .example = "host" },
        { .key = "user", .type = &type_namespace, .at = NS_USER * sizeof(struct spec_namespace), WORDS(spec_ns_words),
          .preset = "private", .preset_words = "private; container:X where pid is container:X", .change = CHANGE_REPLACE,
          .doc = "user ids: a range of its own; host is no user namespace", .example = "host" },
        { .key = "mount", .type = &type_namespace, .at = NS_MOUNT * sizeof(struct spec_namespace), WORDS(spec_ns_mount_words),
          .preset = "private", .change = CHANGE_REPLACE, .doc = "always private: each container has its own root file system",
          .example = "private" },
        { .key = "time", .type = &type_namespace, .at = NS_TIME * sizeof(struct spec_namespace), WORDS(spec_ns_words),
          .preset = "host", .change = CHANGE_REPLACE, .doc = "clocks; private is needed for time_offsets", .example = "private" },
};
const struct table namespaces_table = { FIELDS(namespaces_fields) };

static const struct field time_offsets_fields[] = {
        { .key = "monotonic", .type = &type_duration, AT(spec_container, time_monotonic_usec), .flags = FIELD_SIGNED,
          .preset = "0s", .change = CHANGE_REPLACE, .doc = "added to CLOCK_MONOTONIC, may be negative", .example = "24h" },
        { .key = "boottime", .type = &type_duration, AT(spec_container, time_boottime_usec), .flags = FIELD_SIGNED,
          .preset = "0s", .change = CHANGE_REPLACE, .doc = "added to CLOCK_BOOTTIME, may be negative", .example = "24h" },
};
const struct table time_offsets_table = { FIELDS(time_offsets_fields) };

static const struct field user_mapping_fields[] = {
        { .key = "uids", .type = &type_list, LIST_AT(spec_container, uids), .sub = &id_map_table, .max = 340,
          .preset_words = "one block of 65536 of this container's own", .change = CHANGE_REPLACE, .doc = "ranges of user ids",
          .example = "[{container: 0, host: 655360, size: 65536}]" },
        { .key = "gids", .type = &type_list, LIST_AT(spec_container, gids), .sub = &id_map_table, .max = 340,
          .preset_words = "as uids", .change = CHANGE_REPLACE, .doc = "ranges of group ids",
          .example = "[{container: 0, host: 655360, size: 65536}]" },
};
const struct table user_mapping_table = { FIELDS(user_mapping_fields), .finish = user_mapping_finish };

static const struct field id_map_fields[] = {
        { .key = "container", .type = &type_id, AT(spec_id_map, container), .flags = FIELD_REQUIRED, .change = CHANGE_REPLACE,
          .doc = "first id inside", .example = "0" },
        { .key = "host", .type = &type_id, AT(spec_id_map, host), .flags = FIELD_REQUIRED, .change = CHANGE_REPLACE,
          .doc = "first id on the host", .example = "655360" },
        { .key = "size", .type = &type_id, AT(spec_id_map, size), .flags = FIELD_REQUIRED, .min = 1, .change = CHANGE_REPLACE,
          .doc = "how many", .example = "65536" },
};
const struct table id_map_table = {
        FIELDS(id_map_fields), .noun = "id range", .size = sizeof(struct spec_id_map), .finish = id_map_finish
};
