/* JSON Schema draft-07 of the field table: that version because editors' YAML servers stop there. */
#include <ctrsup/spec/explain.h>

#include "describe.h"

static json_t *mapping_schema(const struct table *t);

static json_t *description(const struct field *f) {
        _cleanup_buf_ struct buf text = BUF_NULL, preset = BUF_NULL, allowed = BUF_NULL;

        describe_preset(f, &preset);
        describe_allowed(f, &allowed);
        buf_printf(&text, "%s%s.", f->flags & FIELD_LATER ? "Not supported yet. " : "", f->doc);
        if (preset.len > 0)
                buf_printf(&text, "\nDefault: %s.", buf_text(&preset));
        if (allowed.len > 0)
                buf_printf(&text, "\nAllowed: %s.", buf_text(&allowed));
        buf_printf(&text, "\nChange: %s.", describe_change(f->change));
        return json_string(buf_text(&text));
}

/* Shared by containers and defaults. */
static json_t *below(const struct field *f) {
        return f->sub == &container_table ? json_pack("{s:s}", "$ref", "#/definitions/container") : mapping_schema(f->sub);
}

static json_t *value_schema(const struct field *f) {
        if (f->flags & FIELD_LATER)
                return json_pack("{s:{}}", "not"); /* no value is right */
        if (f->type == &type_group)
                return f->sub == &container_table ? json_pack("{s:[o]}", "allOf", below(f)) : below(f);
        if (f->type == &type_list) {
                json_t *list = json_pack("{s:s,s:o}", "type", "array", "items", below(f));

                if (list && f->min > 0)
                        json_object_set_new(list, "minItems", json_integer(f->min));
                if (list && f->max > 0)
                        json_object_set_new(list, "maxItems", json_integer(f->max));
                return list;
        }
        if (f->type == &type_map)
                return json_pack("{s:[s,s],s:{s:s},s:o}", "type", "object", "null", "propertyNames", "pattern",
                                 "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", "additionalProperties", below(f));
        return f->type->schema(f);
}

static json_t *mapping_schema(const struct table *t) {
        json_t *properties = json_object(), *required = json_array();

        for (size_t i = 0; i < t->n_fields; i++) {
                const struct field *f = &t->fields[i];
                json_t *value = value_schema(f);

                if (value && json_object_set_new(value, "description", description(f)) < 0) {
                        json_decref(value);
                        value = NULL;
                }
                if (json_object_set_new(properties, f->key, value) < 0)
                        goto fail;
                /* What `defaults` may bring cannot be asked of a container. */
                if ((f->flags & (FIELD_REQUIRED | FIELD_INHERITABLE)) == FIELD_REQUIRED &&
                    json_array_append_new(required, json_string(f->key)) < 0)
                        goto fail;
        }
        json_t *schema = json_pack("{s:[s,s],s:o,s:{s:b},s:b}", "type", "object", "null", "properties", properties,
                                   "patternProperties", "^x-", 1, "additionalProperties", 0);
        if (schema && json_array_size(required) > 0)
                json_object_set(schema, "required", required);
        json_decref(required);
        return schema;
fail:
        json_decref(properties);
        json_decref(required);
        return NULL;
}

json_t *explain_schema(void) {
        json_t *root = mapping_schema(&stack_table), *container = mapping_schema(&container_table);
        json_t *definitions = json_pack("{s:o,s:{s:s,s:s,s:s}}", "container", container, "variable", "type", "string", "pattern",
                                        "\\$\\{", "description", "a variable: ${NAME}, ${NAME:-default}");
        json_t *schema = json_pack("{s:s,s:s,s:s}", "$schema", "http://json-schema.org/draft-07/schema#", "title",
                                   "ctrsup stack file", "description", "containers that stay as declared, see ctrsup-stack(5)");

        if (!root || !definitions || !schema || json_object_update(schema, root) < 0 ||
            json_object_set_new(schema, "type", json_string("object")) < 0 ||
            json_object_set(schema, "definitions", definitions) < 0) {
                json_decref(schema);
                schema = NULL;
        }
        json_decref(root);
        json_decref(definitions);
        return schema;
}
