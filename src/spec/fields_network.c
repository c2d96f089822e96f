/* Networks, ports, sockets, and the grants of secrets and configs: none is supported yet. */
#include "tables.h"

/* A row is a key, in as few lines as it takes. */
/* clang-format off */

static const struct field membership_fields[] = {
        { .key = "aliases", LATER(list), .preset_words = "[]", .change = CHANGE_LIVE,
          .doc = "extra names written to peers' /etc/hosts", .example = "[database]" },
        { .key = "ipv4_address", LATER(address), .preset_words = "allocated, stable per instance", .change = CHANGE_REPLACE,
          .doc = "inside the subnet; only with replicas 1", .example = "10.90.1.10" },
        { .key = "ipv6_address", LATER(address), .preset_words = "allocated", .change = CHANGE_REPLACE,
          .doc = "inside the subnet", .example = "fd00:90::10" },
        { .key = "mac_address", LATER(mac), .preset_words = "hash of stack/container/n", .change = CHANGE_REPLACE,
          .doc = "of the interface", .example = "02:42:ac:11:00:02" },
        { .key = "interface_name", LATER(text), .preset_words = "eth0, eth1 ...", .change = CHANGE_REPLACE, .doc = "<= 15 bytes",
          .example = "eth0" },
};
const struct table membership_table = { FIELDS(membership_fields) };

static const struct field port_fields[] = {
        { .key = "target", LATER(port_range), .preset_words = "required", .change = CHANGE_LIVE, .doc = "container port",
          .example = "80" },
        { .key = "published", LATER(port_range), .preset_words = "= target", .change = CHANGE_LIVE,
          .doc = "host port; a range has the length of target's", .example = "8080" },
        { .key = "host_ip", LATER(address), .preset_words = "127.0.0.1 (and ::1)", .change = CHANGE_LIVE,
          .doc = "an address of the host, or \"*\" for all", .example = "\"*\"" },
        { .key = "protocol", LATER(word), .preset_words = "tcp", .change = CHANGE_LIVE, .doc = "tcp, udp, sctp",
          .example = "udp" },
        { .key = "name", LATER(text), .change = CHANGE_META, .doc = "shown in status", .example = "http" },
};
const struct table port_table = { FIELDS(port_fields) };

static const struct field socket_fields[] = {
        { .key = "name", LATER(text), .preset_words = "required", .change = CHANGE_REPLACE, .doc = "LISTEN_FDNAMES entry; unique",
          .example = "http" },
        { .key = "listen", LATER(address), .preset_words = "required", .change = CHANGE_REPLACE,
          .doc = "8080, 0.0.0.0:8080, [::]:8080, /run/x.sock, @abstract", .example = "0.0.0.0:8080" },
        { .key = "type", LATER(word), .preset_words = "stream", .change = CHANGE_REPLACE, .doc = "stream, datagram, seqpacket",
          .example = "datagram" },
        { .key = "backlog", LATER(int), .preset_words = "4096", .change = CHANGE_LIVE, .doc = "1 ... somaxconn",
          .example = "1024" },
        { .key = "mode", LATER(mode), .preset_words = "0666", .change = CHANGE_REPLACE, .doc = "unix sockets only",
          .example = "\"0660\"" },
        { .key = "user", LATER(text), .preset_words = "root", .change = CHANGE_REPLACE, .doc = "owner of a unix socket (host)",
          .example = "www-data" },
        { .key = "group", LATER(text), .preset_words = "root", .change = CHANGE_REPLACE, .doc = "group of a unix socket",
          .example = "www-data" },
        { .key = "activation", LATER(word), .preset_words = "eager", .change = CHANGE_META,
          .doc = "start at apply, or at the first connection", .example = "on-connect" },
};
const struct table socket_table = { FIELDS(socket_fields) };

static const struct field grant_secret_fields[] = {
        { .key = "source", LATER(name), .preset_words = "required", .change = CHANGE_REPLACE, .doc = "key of top-level secrets",
          .example = "x" },
        { .key = "target", LATER(path), .preset_words = "/run/secrets/<source>", .change = CHANGE_REPLACE,
          .doc = "absolute, or below /run/secrets", .example = "db.pw" },
        { .key = "uid", LATER(int), .preset_words = "uid of user", .change = CHANGE_REPLACE, .doc = "owner inside",
          .example = "70" },
        { .key = "gid", LATER(int), .preset_words = "gid of user", .change = CHANGE_REPLACE, .doc = "group inside",
          .example = "70" },
        { .key = "mode", LATER(mode), .preset_words = "0400", .change = CHANGE_REPLACE, .doc = "write bits rejected",
          .example = "\"0440\"" },
        { .key = "on_change", LATER(word), .preset_words = "restart", .change = CHANGE_META,
          .doc = "at new content: restart, or swap the file and reload or none", .example = "reload" },
};
const struct table grant_secret_table = { FIELDS(grant_secret_fields) };

static const struct field grant_config_fields[] = {
        { .key = "source", LATER(name), .preset_words = "required", .change = CHANGE_REPLACE, .doc = "key of top-level configs",
          .example = "x" },
        { .key = "target", LATER(path), .preset_words = "/<source>", .change = CHANGE_REPLACE, .doc = "absolute path inside",
          .example = "/etc/nginx/nginx.conf" },
        { .key = "uid", LATER(int), .preset_words = "uid of user", .change = CHANGE_REPLACE, .doc = "owner inside",
          .example = "70" },
        { .key = "gid", LATER(int), .preset_words = "gid of user", .change = CHANGE_REPLACE, .doc = "group inside",
          .example = "70" },
        { .key = "mode", LATER(mode), .preset_words = "0444", .change = CHANGE_REPLACE, .doc = "write bits rejected",
          .example = "\"0440\"" },
        { .key = "on_change", LATER(word), .preset_words = "restart", .change = CHANGE_META,
          .doc = "at new content: restart, or swap the file and reload or none", .example = "reload" },
};
const struct table grant_config_table = { FIELDS(grant_config_fields) };
