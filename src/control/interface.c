/* The .varlink files themselves, so that what a client is told is what is reviewed. Paths are from the top, where make runs. */
#include "interface.h"

#define EMBED(symbol, file)                           \
        __asm__(".pushsection .rodata\n"              \
                ".global " #symbol "\n"               \
                ".type " #symbol ", @object\n" #symbol \
                ":\n"                                 \
                ".incbin \"" file "\"\n"              \
                ".byte 0\n"                           \
                ".size " #symbol ", . - " #symbol "\n" \
                ".popsection\n")

EMBED(control_interface_manager, "src/control/io.ctrsup.Manager.varlink");
EMBED(control_interface_service, "src/control/org.varlink.service.varlink");
