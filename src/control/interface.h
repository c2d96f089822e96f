/* The texts of the interfaces, as GetInterfaceDescription gives them; the files stand beside this one. */
#pragma once

extern const char control_interface_manager[];
extern const char control_interface_service[];
