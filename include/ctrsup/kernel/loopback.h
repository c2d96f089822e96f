#pragma once

/* Brings lo of the caller's network namespace up. Returns 0 or -errno. */
int loopback_up(void);
