/* What the payloads (tests/probe/beat.c) did, against what was told of it. */
#pragma once

#include "rig.h"

/* The head of a stack file whose containers run beat: quick restarts, a log file that is never rotated or cut. */
void story_head(const struct rig *r, struct buf *out, const char *stack);
/* The folder data/<prefix><n> that container writes its story to. */
void story_data(const struct rig *r, const char *prefix, int n);
/* `ctrsup exec TARGET true`, for 500 ms at most. */
void story_exec(const struct rig *r, const char *target);

struct story {
        unsigned ends;     /* runs that ended by themselves */
        unsigned twice;    /* ends told once more */
        unsigned cut;      /* runs that began and were ended with SIGKILL */
        unsigned wrong;    /* ends not told, or with another status, or runs that are out of order */
        unsigned unknown;  /* ends told as unknown */
        unsigned doubled;  /* runs that met another one */
};

/* Adds container <prefix><n>: its witness against the supervisors' log. */
void story_compare_exits(struct rig *r, const char *stack, const char *prefix, int n, struct story *s);
void story_count_doubled(struct rig *r, const char *prefix, int n, struct story *s);

struct story_lines {
        uint64_t lines, missing, twice, torn;
        uint64_t dropped, overtold;  /* what the log itself says was left out; that much of it was not */
        uint64_t longest;            /* the longest piece that is missing, or there twice */
        unsigned gaps, repeats;      /* such pieces; a gap that the log tells of, to the line, is none */
        unsigned explained;          /* but one of these */
        unsigned unended, runs;      /* logs without the last line; runs in them */
};

void story_compare_lines(struct rig *r, const char *stack, const char *prefix, int n, struct story_lines *s);
/* Of a flood under a rate limit, which wrote how much it had said to data/<prefix><n>/said: its last line may be left out, too. */
void story_compare_limited(struct rig *r, const char *stack, const char *prefix, int n, struct story_lines *s);
