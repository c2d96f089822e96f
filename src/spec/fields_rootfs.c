/* Root file system, mounts, devices. */
#include "tables.h"

/* A row is a key, in as few lines as it takes. */
/* clang-format off */

static const struct field rootfs_fields[] = {
        { .key = "layers", .type = &type_list, LIST_AT(spec_rootfs, layers), .sub = &layer_table,
          .flags = FIELD_REQUIRED | FIELD_INHERITABLE, .min = 1, .max = 128, .change = CHANGE_REPLACE,
          .doc = "1 to 128 layers, base first; each has exactly one source key",
          .example = "[{dir: /srv/rootfs/debian12}, {dir: ./app}]" },
        { .key = "mode", .type = &type_enum, AT(spec_rootfs, mode), WORDS(spec_rootfs_mode_words), .preset = "ephemeral",
          .change = CHANGE_REPLACE, .doc = "where writes go: nowhere, disk (new at every start), memory, or a kept layer",
          .example = "read-only" },
        { .key = "size", .type = &type_size, AT(spec_rootfs, size), .flags = FIELD_DEFAULT_INFINITE, .min = 64 << 10,
          .preset_words = "64M with mode tmpfs, else none", .change = CHANGE_REPLACE,
          .doc = "cap of the writable layer; only with mode tmpfs so far", .example = "256M" },
        { .key = "use_image_config", LATER(bool), .preset_words = "true", .change = CHANGE_REPLACE,
          .doc = "take environment, command, user and so on from the image", .example = "false" },
};
const struct table rootfs_table = { FIELDS(rootfs_fields), .finish = rootfs_finish };

static const struct field layer_fields[] = {
        { .key = "dir", .type = &type_host_path, AT(spec_layer, dir), .change = CHANGE_REPLACE,
          .doc = "directory tree, used read-only in place", .example = "/srv/rootfs/debian12" },
        { .key = "tar", LATER(host_path), .change = CHANGE_REPLACE,
          .doc = "tar, optionally .gz .xz .zst .bz2 .lz4, found by content; OCI whiteouts honoured",
          .example = "{tar: ./app.tar.zst}" },
        { .key = "squashfs", LATER(host_path), .change = CHANGE_REPLACE, .doc = "squashfs image, loop-mounted read-only",
          .example = "{squashfs: /srv/img/base.squashfs}" },
        { .key = "erofs", LATER(host_path), .change = CHANGE_REPLACE, .doc = "EROFS image, loop- or file-mounted read-only",
          .example = "{erofs: /srv/img/base.erofs}" },
        { .key = "oci", LATER(host_path), .change = CHANGE_REPLACE,
          .doc = "OCI image layout directory or .tar of one; expands to its layers", .example = "{oci: /srv/images/api}" },
        { .key = "docker_archive", LATER(host_path), .change = CHANGE_REPLACE, .doc = "docker save file; expands to its layers",
          .example = "{docker_archive: ./web.tar}" },
        { .key = "ref", LATER(text), .preset_words = "sole image in the layout", .change = CHANGE_REPLACE,
          .doc = "tag in the image layout, or repo:tag in a docker_archive", .example = "\"1.4\"" },
        { .key = "digest", LATER(digest), .change = CHANGE_REPLACE,
          .doc = "sha256:... of the file, or of the manifest of an image", .example = "sha256:9834..." },
};
const struct table layer_table = {
        FIELDS(layer_fields), .noun = "layer", .size = sizeof(struct spec_layer), .finish = layer_finish,
        .short_form = layer_short_form
};

static const struct field volume_fields[] = {
        { .key = "type", .type = &type_enum, AT(spec_volume, type), .flags = FIELD_REQUIRED, WORDS(spec_volume_type_words),
          .change = CHANGE_REPLACE, .doc = "what is mounted", .example = "bind" },
        { .key = "source", .type = &type_source, AT(spec_volume, source), .preset_words = "required, except for tmpfs",
          .change = CHANGE_REPLACE, .doc = "volume name, or host path for a bind; none for tmpfs", .example = "pgdata" },
        { .key = "target", .type = &type_target, AT(spec_volume, target), .flags = FIELD_REQUIRED, .change = CHANGE_REPLACE,
          .doc = "mount point in the container, unique", .example = "/var/lib/postgresql/data" },
        { .key = "read_only", .type = &type_bool, AT(spec_volume, read_only), .preset = "false", .change = CHANGE_REPLACE,
          .doc = "no writes, sub-mounts included", .example = "true" },
        { .key = "nosuid", .type = &type_bool, AT(spec_volume, nosuid), .preset = "true", .change = CHANGE_REPLACE,
          .doc = "set-user-ID bits have no effect", .example = "false" },
        { .key = "nodev", .type = &type_bool, AT(spec_volume, nodev), .preset = "true", .change = CHANGE_REPLACE,
          .doc = "device files cannot be opened", .example = "false" },
        { .key = "noexec", .type = &type_bool, AT(spec_volume, noexec), .preset = "false", .change = CHANGE_REPLACE,
          .doc = "nothing can be executed", .example = "true" },
        { .key = "bind", .type = &type_group, .sub = &volume_bind_table, .change = CHANGE_REPLACE, .doc = "only for type: bind",
          .example = "{propagation: rslave}" },
        { .key = "volume", .type = &type_group, .sub = &volume_volume_table, .change = CHANGE_REPLACE,
          .doc = "only for type: volume", .example = "{nocopy: true}" },
        { .key = "tmpfs", .type = &type_group, .sub = &volume_tmpfs_table, .change = CHANGE_REPLACE,
          .doc = "only for type: tmpfs", .example = "{size: 16M}" },
};
const struct table volume_table = {
        FIELDS(volume_fields), .noun = "mount", .size = sizeof(struct spec_volume), .finish = volume_finish,
        .short_form = volume_short_form, .short_form_name = "Compose short form"
};

static const struct field volume_bind_fields[] = {
        { .key = "propagation", .type = &type_enum, AT(spec_volume, propagation), WORDS(spec_propagation_words),
          .preset = "rprivate", .change = CHANGE_REPLACE, .doc = "whether later mounts below the source show up inside",
          .example = "rslave" },
        { .key = "create_host_path", .type = &type_bool, AT(spec_volume, create_host_path), .preset = "false",
          .change = CHANGE_REPLACE, .doc = "make a missing directory (0755, root)", .example = "true" },
        { .key = "idmap", .type = &type_bool, AT(spec_volume, idmap), .preset = "true",
          .preset_words = "true, with a user namespace", .change = CHANGE_REPLACE,
          .doc = "files keep their owners as seen inside (idmapped mount)", .example = "false" },
};
const struct table volume_bind_table = { FIELDS(volume_bind_fields) };

static const struct field volume_volume_fields[] = {
        { .key = "subpath", .type = &type_subpath, AT(spec_volume, subpath), .change = CHANGE_REPLACE,
          .doc = "mount this directory of the volume", .example = "data" },
        { .key = "nocopy", .type = &type_bool, AT(spec_volume, nocopy), .preset = "false", .change = CHANGE_REPLACE,
          .doc = "do not seed an empty volume from the image", .example = "true" },
};
const struct table volume_volume_table = { FIELDS(volume_volume_fields) };

static const struct field volume_tmpfs_fields[] = {
        { .key = "size", .type = &type_size, AT(spec_volume, tmpfs_size), .min = 4096, .preset = "64M", .change = CHANGE_REPLACE,
          .doc = "most it may hold", .example = "16M" },
        { .key = "mode", .type = &type_mode, AT(spec_volume, tmpfs_mode), .max = 07777, .preset = "1777",
          .change = CHANGE_REPLACE, .doc = "mode of its root directory", .example = "\"0700\"" },
};
const struct table volume_tmpfs_table = { FIELDS(volume_tmpfs_fields) };

static const struct field device_fields[] = {
        { .key = "source", .type = &type_host_path, AT(spec_device, source), .flags = FIELD_REQUIRED, .change = CHANGE_REPLACE,
          .doc = "a device node", .example = "/dev/fuse" },
        { .key = "target", .type = &type_abs_path, AT(spec_device, target), .preset_words = "= source", .change = CHANGE_REPLACE,
          .doc = "path inside, below /dev", .example = "/dev/fuse" },
        { .key = "permissions", .type = &type_string, AT(spec_device, permissions), .preset = "rwm", .change = CHANGE_REPLACE,
          .doc = "a subset of rwm", .example = "rw" },
};
const struct table device_table = { FIELDS(device_fields),
                                    .noun = "device",
                                    .size = sizeof(struct spec_device),
                                    .finish = device_finish,
                                    .short_form = device_short_form,
                                    .short_form_name = "Compose short form" };
