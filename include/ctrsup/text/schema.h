/* The engine that walks a field table: nodes in, a C struct out, with every complaint that the table can raise.
 *
 * A `struct table` describes one kind of mapping and the struct it fills; a `struct field` one key of it; a `struct type` how a
 * value is read, printed and described. Everything that has to know the keys walks the same rows: reading, defaults, explain,
 * the JSON Schema, the man page, the difference of two structs. The engine knows nothing of containers.
 */
#pragma once

#include <ctrsup/base/buf.h>
#include <ctrsup/text/node.h>

#include <jansson.h>
#include <sys/types.h>

/* What a change of the key costs, weakest first. */
enum change_class {
        CHANGE_META,            /* the supervisor's own state; the container is not touched */
        CHANGE_LIVE,            /* written to the running container */
        CHANGE_REPLACE,         /* the instance is replaced */
        CHANGE_IMMUTABLE,       /* refused, with the way out */
        _CHANGE_MAX,
};

const char *change_class_name(enum change_class c);

enum field_flags {
        FIELD_REQUIRED = 1 << 0,
        FIELD_LATER = 1 << 1,           /* known, "not supported yet" */
        FIELD_MAX = 1 << 2,             /* the word "max" means no limit: SIZE_INFINITY */
        FIELD_INFINITE = 1 << 3,        /* the word "infinity": USEC_INFINITY */
        FIELD_SIGNED = 1 << 4,          /* a duration with a leading "-" is fine */
        FIELD_DEFAULT_INFINITE = 1 << 5, /* without the key the value is all ones: no limit, though no word says so */
        FIELD_CLIENT = 1 << 6,          /* worked off before the document is sent: checked, not stored */
        FIELD_INHERITABLE = 1 << 7,     /* with FIELD_REQUIRED: `defaults` and a container may each leave it to the other */
        FIELD_EMPTY = 1 << 8,           /* {} is a value: not what is there without the key */
};

struct walk;
struct field;
struct table;

struct type {
        const char *name;       /* "size": what explain says */
        const char *units;      /* "bytes, …"; NULL: none */
        size_t plain;           /* size of a value without pointers: equal bytes are the same value; 0: it has some */
        /* Reads n into *at. Complains through w; on complaint *at keeps its default. May rewrite n into its resolved form. */
        void (*read)(struct walk *w, const struct field *f, struct node *n, void *at);
        /* The value as a stack file has it, one line; nothing when it is unset. */
        void (*put)(const struct field *f, const void *at, struct buf *out);
        /* JSON Schema of the value: a new reference, NULL when out of memory. */
        json_t *(*schema)(const struct field *f);
};

struct field {
        const char *key;
        const struct type *type;
        unsigned flags;
        enum change_class change;
        size_t at, n_at;                /* offsets in the table's struct: the value, and its count (lists) */
        const char *preset;             /* the default as a stack file would have it; NULL: zero */
        const char *preset_words;       /* the default in words where it is not a fixed text */
        int64_t min, max;               /* integers, sizes, durations (us), thousandths; both 0: the type's own range */
        const char *const *words;       /* enumerations: indexed by value; NULL entries have no word */
        size_t n_words;
        const struct table *sub;        /* groups, lists and maps of mappings */
        const char *doc;                /* one line */
        const char *example;            /* a value, in flow style */
};

struct table {
        const char *noun;               /* "a volume" */
        size_t size;                    /* of the struct */
        size_t key_at;                  /* offset + 1 of a const char * that takes the key, for maps; 0: none */
        const struct field *fields;
        size_t n_fields;
        /* The whole mapping was read: fill what depends on other keys, complain about combinations. entry->key is NULL in a list.
         * NULL: nothing to do. */
        void (*finish)(struct walk *w, const struct node_entry *entry, void *at);
        /* The hint for an item that is not a mapping (a short form): NULL or nothing written: none. */
        void (*short_form)(const struct node *item, struct buf *hint);
        const char *short_form_name;    /* "Compose short form"; NULL: "short form" */
};

struct walk {
        struct arena *arena;            /* values live here */
        struct arena *nodes;            /* rewritten nodes live here */
        struct diag_list *diags;
        const char *base_dir;           /* relative host paths start here; NULL: there must be none */
        bool partial;                   /* a `defaults` block: keys that it may leave to the containers may be missing */
        bool accepted;                  /* once: what the host has of it now is not asked */
        /* What other tools' words are called here. Writes the hint for a key that nobody knows, or for a value that an
         * enumeration does not have (f, text); nothing written: no idea. */
        void (*foreign_key)(const struct path *path, const struct node_entry *entry, struct buf *hint);
        void (*foreign_value)(const struct field *f, const char *text, struct buf *hint);
        const struct path *path;
        const struct node *key;         /* of the value that a type reads; a list's items leave the list's */
};

/* Removes the x- keys of every mapping with known keys. */
void schema_strip(const struct table *t, struct node *n);
/* Defaults first, then entry's value over them. It must be what the table describes, or there is a complaint. */
void schema_read(struct walk *w, const struct table *t, const struct node_entry *entry, void *at);
void schema_fill_defaults(struct walk *w, const struct table *t, void *at);
/* The struct as a stack file would have it, one line, without what is a default: {type: bind, source: /srv, target: /data} */
void schema_put(const struct table *t, const void *at, struct buf *out);

/* A complaint where the walk is now. mark: of the key or the value. The same complaint at the same place is given once (a node
 * that came from an anchor or from `defaults` is walked more than once), and beyond the first DIAG_MAX they are only counted: NULL
 * then, which walk_hint() takes. */
struct diag *walk_complain(struct walk *w, enum diag_id id, struct mark mark, const char *format, ...) _printf_(4, 5);
/* The same for a key below the place where the walk is: "limits.memory". */
struct diag *walk_complain_at(struct walk *w, enum diag_id id, struct mark mark, const char *below, const char *format, ...)
        _printf_(5, 6);
void walk_hint(struct walk *w, struct diag *d, const char *format, ...) _printf_(3, 4);
/* Something that looks wrong and is allowed. */
void walk_warn(struct walk *w, enum diag_id id, struct mark mark, const char *words, const char *hint);
/* Adds the words to an earlier hint when there is one: "…; …". */
void walk_hint_buf(struct walk *w, struct diag *d, const struct buf *hint);
/* Quoted for a message, in the arena of the complaints; never NULL. */
const char *walk_quote(struct walk *w, const char *text);
/* A copy in w's arena; out of memory is remembered in the complaints, then "" is returned. */
const char *walk_keep(struct walk *w, const char *text);
void *walk_alloc(struct walk *w, size_t count, size_t size); /* never NULL unless size or memory is none: check */
void walk_oom(struct walk *w);

/* Scalar text of n, or NULL and the complaint "expected WHAT, found …". Null is not text. */
const char *walk_text(struct walk *w, const struct node *n, const char *what);
/* As above for numbers and booleans, which must not stand in quotes. */
const char *walk_bare(struct walk *w, const struct node *n, const char *what);

const struct field *table_find(const struct table *t, const char *key);
/* Where a list's count is, given where its pointer is. */
static inline size_t *field_count(const struct field *f, void *at) { return (size_t *)(void *)((char *)at - f->at + f->n_at); }
static inline size_t field_count_get(const struct field *f, const void *at) {
        return *(const size_t *)(const void *)((const char *)at - f->at + f->n_at);
}

/* Types that need no noun. What is at `at`: */
extern const struct type type_string;    /* const char * */
extern const struct type type_bool;      /* bool */
extern const struct type type_int;       /* int64_t or uint64_t */
extern const struct type type_size;      /* uint64_t, bytes */
extern const struct type type_duration;  /* uint64_t (int64_t when FIELD_SIGNED), us */
extern const struct type type_mode;      /* mode_t */
extern const struct type type_enum;      /* an enum: int */
extern const struct type type_host_path; /* const char *, made absolute */
extern const struct type type_abs_path;  /* const char *, of the container */
extern const struct type type_group;     /* a mapping with known keys, in the same struct; sub */
extern const struct type type_list;      /* a list of such: pointer and count; sub; min and max are of the count */
extern const struct type type_map;       /* a mapping name -> such: pointer and count; sub */

/* The put of every type whose value is a const char *; NULL is unset. */
void type_put_text(const struct field *f, const void *at, struct buf *out);
/* For types made of these: reads a host path of n into its absolute form, also in n itself; NULL: there was a complaint. */
const char *walk_host_path(struct walk *w, struct node *n);
/* Lexical check of a path inside the container; the clean form, NULL: there was a complaint. */
const char *walk_container_path(struct walk *w, const struct node *n);
/* The JSON Schema of a scalar that may also be a variable: {"anyOf": [schema, {"$ref": …}]}. Takes schema. */
json_t *schema_or_variable(json_t *schema);
