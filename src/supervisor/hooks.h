/* Hooks: whose turn it is says the state machine (instance.hook, instance.hooks_ended); here they are run, and what became of them is
 * put into words.
 *
 * post_start and pre_stop run inside the container, as supervisor/inside.h does it, and write to its log. One whose turn it is not any
 * more is ended; one that a supervisor did not see to its end is begun anew by the next.
 *
 * pre_start and post_stop are launches of the member with the hook's command in place of its own, so that all that holds for a start
 * holds for them: limits, layers, log, orphans, adoption. The next supervisor awaits one that is under way.
 */
#pragma once

#include "manager.h"

enum { HOOK_WORDS_SIZE = 128 };

/* After every event of b: what runs inside and has no turn any more is ended. */
void hooks_follow(struct member *b);
/* From the pump: whose turn it is begins. false: not now, try again. */
bool hooks_tend(struct member *b);
/* act_launch(), of the hook whose container it is, if it is one's. */
int hooks_launch(struct member *b, struct act_launch *l, struct mark *ret_mark, struct err *err);
/* It is a hook that is launched, runs, or is to be, not the member itself. */
bool hooks_are_contained(const struct member *b);
/* What is to be posted, with what the state machine has to know of the hook that it is about; words: for its message. What went wrong is
 * reported. */
void hooks_hear(struct member *b, struct event *e, char words[MESSAGE_SIZE]);
/* A launch that failed was a hook's: says so in err, and how that is to be told. false: not to be told as a start that failed. */
bool hooks_start_failed(struct member *b, struct err *err);
/* b was taken over: what the last supervisor had begun inside is ended. */
void hooks_sweep(struct member *b);
/* Only what is in memory. */
void hooks_free(struct member *b);
