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
        FIELD_INHERITABLE = 1 << 7,     /* FIELD_REQUIRED, but `defaults` may bring it: no "required" in the JSON Schema */
};

struct walk;
struct field;
struct table;

struct type {
        const char *name;       /* "size": what explain says */
        const char *units;      /* "bytes, …"; NULL: none */
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
};

/* Where a walk is: a list of steps on the callers' stacks. */
struct path {
        const struct path *up;
        const char *key;                /* NULL: a list item, index */
        size_t index;
};

struct walk {
        struct arena *arena;            /* values live here */
        struct arena *nodes;            /* rewritten nodes live here */
        struct diag_list *diags;
        const char *base_dir;           /* relative host paths start here; NULL: there must be none */
        bool partial;                   /* a `defaults` block: required keys may be missing */
        /* The equivalent of a word that other tools use, for an unknown key; false: none. path is the mapping's. */
        bool (*foreign)(const struct path *path, const struct node_entry *entry, struct buf *hint);
        void *owner;                    /* for the types and finishers of one schema */
        const struct path *path;
};

/* Defaults first, then n over them. n must be what the table describes, or there is a complaint. Each mapping of n is left
 * without its x- keys. */
void schema_read(struct walk *w, const struct table *t, const struct node_entry *entry, void *at);
void schema_fill_defaults(struct walk *w, const struct table *t, void *at);

/* A complaint where the walk is now. n: the node to mark; NULL: unknown. The same complaint at the same place is given once (a node
 * that came from an anchor or from defaults is walked more than once). */
struct diag *walk_complain(struct walk *w, enum diag_id id, const struct node *n, const char *format, ...) _printf_(4, 5);
/* The same for a key below the place where the walk is: "limits.memory". */
struct diag *walk_complain_at(struct walk *w, enum diag_id id, const struct node *n, const char *below, const char *format, ...) _printf_(5, 6);
void walk_hint(struct walk *w, struct diag *d, const char *format, ...) _printf_(3, 4);
/* The text of path, "containers.web.ports[0]"; long keys are cut. */
void path_put(const struct path *path, struct buf *out);
/* Quoted for a message, in w's arena; never NULL. */
const char *walk_quote(struct walk *w, const char *text);

const struct field *table_find(const struct table *t, const char *key);

/* Types that need no noun. What is at `at`: */
extern const struct type type_string;    /* const char * */
extern const struct type type_bool;      /* bool */
extern const struct type type_int;       /* int64_t or uint64_t */
extern const struct type type_size;      /* uint64_t, bytes */
extern const struct type type_duration;  /* uint64_t (int64_t when FIELD_SIGNED), us */
extern const struct type type_mode;      /* mode_t */
extern const struct type type_milli;     /* uint64_t, thousandths */
extern const struct type type_enum;      /* an enum: int */
extern const struct type type_host_path; /* const char *, made absolute */
extern const struct type type_abs_path;  /* const char *, of the container */
extern const struct type type_group;     /* a mapping with known keys: a struct, sub */
extern const struct type type_list;      /* a list of such: pointer and count, sub */
extern const struct type type_map;       /* a mapping name -> such: pointer and count, sub */
extern const struct type type_ignored;   /* format, x-: nothing */

/* Scalar text of n, or a complaint "expected WHAT, found …" and NULL. Null is not text. */
const char *walk_text(struct walk *w, const struct node *n, const char *what);
