/* What somebody meant who wrote a number in another tool's way. Each writes the right form and returns true, or returns false. */
#pragma once

#include <ctrsup/base/num.h>

#include <stdbool.h>

/* 512MB, 512MiB, 512m, 512 M, 1.5G -> 512M, 1536M */
bool fix_size(char ret[NUM_TEXT_MAX], const char *text);
/* 10 s, 10sec, 2min, 1.5s, 1h30 -> 10s, 2m, 1s500ms */
bool fix_duration(char ret[NUM_TEXT_MAX], const char *text);
/* 90 -> 1m30s; false below a minute, where the seconds are the shortest form. */
bool fix_bare_seconds(char ret[NUM_TEXT_MAX], const char *digits);
/* 440, 0o440, 288 -> "0440", with quotes */
bool fix_mode(char ret[NUM_TEXT_MAX], const char *text);
