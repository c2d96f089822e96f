/* What differs between two declarations, key by key, with what each change costs: walks the field table. */
#pragma once

#include <ctrsup/spec/spec.h>
#include <ctrsup/text/schema.h>

struct spec_change {
        const char *path;               /* "limits.memory", "environment.PORT", "volumes[1].target" */
        enum change_class change;
        const char *old_text, *new_text; /* as a stack file has it; NULL: not there */
        const struct field *field;
};

struct spec_changes {
        struct spec_change *items;
        size_t n;
};

/* Both return 0 or -ENOMEM; everything lives in a. Paths are relative to the container. */
int spec_diff_container(struct arena *a, const struct spec_container *old, const struct spec_container *new,
                        struct spec_changes *ret);
/* The keys beside `containers`: name, description, labels, volumes. */
int spec_diff_stack(struct arena *a, const struct spec *old, const struct spec *new, struct spec_changes *ret);
/* The strongest class; CHANGE_META when there is none. */
enum change_class spec_changes_class(const struct spec_changes *c);
