/* Hooks: whose turn it is says the state machine (instance.hook, instance.hooks_ended); here they are run, and what became of them is
 * put into words.
 *
 * post_start and pre_stop run inside the container, as supervisor/inside.h does it, and write to its log. One whose turn it is not any
 * more is ended; one that a supervisor did not see to its end is begun anew by the next.
 */
#pragma once

#include "manager.h"

enum { HOOK_WORDS_SIZE = 128 };

/* After every event of b: what runs inside and has no turn any more is ended. */
void hooks_follow(struct member *b);
/* From the pump: whose turn it is begins. false: not now, try again. */
bool hooks_tend(struct member *b);
/* b was taken over: what the last supervisor had begun inside is ended. */
void hooks_sweep(struct member *b);
/* Only what is in memory. */
void hooks_free(struct member *b);
