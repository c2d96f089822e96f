/* org.varlink.service: what this server is, and the texts of its interfaces. */
#include "interface.h"
#include "parts.h"

#include <string.h>

static const struct {
        const char *name, *text;
} interfaces[] = {
        { "org.varlink.service", control_interface_service },
        { CONTROL_INTERFACE, control_interface_manager },
};

static int get_info(struct control_call *call, json_t *parameters _unused_, void *userdata _unused_) {
        json_t *names = json_array();

        for (size_t i = 0; i < ARRAY_SIZE(interfaces); i++)
                (void)json_array_append_new(names, json_string(interfaces[i].name));
        json_t *info = json_pack("{s:s, s:s, s:s, s:s, s:o}", "vendor", "ctrsup", "product", "ctrsupd", "version", CTRSUP_VERSION,
                                 "url", "man:ctrsupd(8)", "interfaces", names);
        return info ? control_reply(call, info, false) : -ENOMEM;
}

static int get_interface_description(struct control_call *call, json_t *parameters, void *userdata _unused_) {
        const char *name = json_string_value(json_object_get(parameters, "interface"));

        if (!name)
                return control_invalid_parameter(call, "interface");
        for (size_t i = 0; i < ARRAY_SIZE(interfaces); i++)
                if (strcmp(interfaces[i].name, name) == 0)
                        return control_reply(call, json_pack("{s:s}", "description", interfaces[i].text), false);
        return control_error(call, "org.varlink.service.InterfaceNotFound", json_pack("{s:s}", "interface", name));
}

const struct control_method service_methods[] = {
        { "org.varlink.service.GetInfo", get_info, CONTROL_READ },
        { "org.varlink.service.GetInterfaceDescription", get_interface_description, CONTROL_READ },
        { 0 },
};
