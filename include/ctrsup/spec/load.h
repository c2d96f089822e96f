/* Stack file -> struct spec, on both sides of the socket.
 *
 * The client: text -> nodes -> variables -> `defaults` under every container -> env files -> table (checked, defaults filled in,
 * host paths absolute) -> checks across keys and containers. stack_load() is all of that; its callbacks are the only doors to
 * the world, so that it stays pure. What it leaves is a spec and the resolved nodes, which `render` prints and
 * stack_document() turns into the JSON that goes to the supervisor.
 *
 * The supervisor: spec_from_document() reads that JSON through the same table and the same checks.
 */
#pragma once

#include <ctrsup/base/buf.h>
#include <ctrsup/base/err.h>
#include <ctrsup/spec/spec.h>
#include <ctrsup/text/node.h>

#include <jansson.h>

struct stack_source {
        const char *file;       /* as the user named it; "-" is standard input */
        const char *base_dir;   /* absolute: relative host paths start here (the file's folder; for "-" the working directory) */
        /* ${NAME}: the value, or NULL when it is not set. NULL: no variable is set. */
        const char *(*variable)(void *userdata, const char *name);
        /* The contents of an env_file or a seccomp profile, by absolute path; *ret is malloc'ed. -ENOENT: there is none. NULL: there are no files. */
        int (*read_file)(void *userdata, const char *path, char **ret, size_t *ret_len, struct err *err);
        void *userdata;
};

struct stack {
        struct spec *spec;
        struct node *nodes;     /* resolved: no anchors, variables, defaults, env files, x- keys, relative paths */
        struct arena *arena;    /* the nodes' */
};

#define STACK_NULL ((struct stack){ 0 })

/* diags: initialised by the caller with source->file. 0: *ret is set and there are no errors (there may be warnings).
 * -EBADMSG: the file is wrong, diags say how; *ret is untouched. -ENOMEM. Usual call:
 *
 *     struct diag_list diags;
 *     diag_list_init(&diags, file);
 *     r = stack_load(text, len, &(struct stack_source){ .file = file, .base_dir = dir, … }, &diags, &stack);
 *     diag_print(&diags, colour ? text : NULL, &out);
 */
int stack_load(const char *text, size_t len, const struct stack_source *source, struct diag_list *diags, struct stack *ret);
void stack_done(struct stack *s);
#define _cleanup_stack_ _cleanup_(stack_done)

/* The resolved stack as YAML, which reads back as the same stack: a literal "${" is written "$${" again. -ENOMEM. */
int stack_render(const struct stack *s, struct buf *out);

/* {"file": …, "stack": {…}, "marks": {…}}: a new reference, NULL when out of memory. Same stack, same bytes
 * (json_dumps(…, JSON_COMPACT)). */
json_t *stack_document(const struct stack *s);

/* The document of a client. diags: initialised by the caller; its file becomes the document's. Errors as stack_load(). */
int spec_from_document(const json_t *document, struct diag_list *diags, struct spec **ret);

/* The same of a document that was accepted before: what the host does not have any more (a time zone) is for whoever needs it to tell. */
int spec_from_record(const json_t *document, struct diag_list *diags, struct spec **ret);

/* What `check -o json` and the control interface give: an array of {file,line,column,endLine,endColumn,path,id,severity,message,
 * hint}. New reference, NULL when out of memory. */
json_t *diag_list_json(const struct diag_list *diags);
