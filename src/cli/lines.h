/* Containers' lines under each other, with the name in front: "web    | text". Pure. */
#pragma once

#include <ctrsup/base/buf.h>

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct lines {
        size_t width;           /* of the longest name so far */
        bool color;
};

/* A Line of the interface. Control characters but tabs are shown as they are: it is what the container wrote to its terminal. */
void lines_put(struct lines *l, const json_t *line, struct buf *out);
