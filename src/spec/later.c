/* Types of keys that are not supported yet: nothing reads them, explain and the man page name them. */
#include "tables.h"

const struct type later_bool = { .name = "boolean" };
const struct type later_int = { .name = "whole number" };
const struct type later_text = { .name = "text" };
const struct type later_word = { .name = "word" };
const struct type later_name = { .name = "name" };
const struct type later_list = { .name = "list" };
const struct type later_map = { .name = "map" };
const struct type later_argv = { .name = "list of text" };
const struct type later_duration = { .name = "duration", .units = "w d h m s ms us, falling: 1m30s" };
const struct type later_size = { .name = "size", .units = "bytes, or K M G T P (1024-based)" };
const struct type later_mode = { .name = "file mode", .units = "four octal digits" };
const struct type later_path = { .name = "path in the container" };
const struct type later_host_path = { .name = "host path", .units = "relative to the stack file" };
const struct type later_port = { .name = "port" };
const struct type later_port_range = { .name = "port or range" };
const struct type later_address = { .name = "address" };
const struct type later_mac = { .name = "MAC address" };
const struct type later_signal = { .name = "signal" };
const struct type later_digest = { .name = "digest" };
