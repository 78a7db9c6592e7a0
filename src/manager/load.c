// SPDX-License-Identifier: MIT
// Each file is read and parsed by itself and all findings go to one list, so that a person sees
// everything that is wrong and not one error a run. Where files are looked for is Foreman's rule:
// the default .env belongs to -d or the current folder, the processes to -d or the Procfile's.
#include "manager/load.h"

#include "config/defaults.h"
#include "config/lint.h"
#include "os/file.h"
#include "os/program.h"
#include "plan/launch.h"

#include <assert.h>
#include <errno.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

static const struct origin nowhere; // the command line

// One reading of all files.
struct loading {
    const struct options *options;
    struct diagnostics *diagnostics;
    bool lint;
    struct loaded *out;
};

// Outcomes of the functions below that find errors: whether any was found.
static int result_of(const struct diagnostics *diagnostics, size_t errors_before)
{
    return diagnostics->error_count > errors_before ? -EINVAL : 0;
}

// 0 and the text, in `buffer`; -EINVAL and a diagnostic; or -ENOMEM.
static int read_text(const char *path, struct diagnostics *diagnostics, struct buffer *buffer)
{
    struct error error;
    int result = file_read(path, LIMIT_FILE_BYTES, buffer, &error);
    if (result == 0 || result == -ENOMEM)
        return result;
    diagnostics_error(diagnostics, nowhere, "%s", error.text);
    return -EINVAL;
}

int load_defaults(struct options *options, struct arena *arena, struct diagnostics *diagnostics)
{
    static const char path[] = ".foreman";
    struct buffer text = {0};
    size_t errors_before = diagnostics->error_count;
    if (!file_exists(path))
        return 0;
    int result = read_text(path, diagnostics, &text);
    if (result == 0)
        result = defaults_merge(buffer_str(&text), path, arena, options, diagnostics);
    buffer_fini(&text);
    return result < 0 ? result : result_of(diagnostics, errors_before);
}

// "folder/name", or just the name in the current folder. NULL: no memory.
static const char *path_in(struct arena *arena, struct str folder, const char *name)
{
    if (name[0] == '/' || folder.size == 0 || str_is(folder, "."))
        return arena_text(arena, str_of(name));
    struct buffer path = {0};
    buffer_append_str(&path, folder);
    if (!str_ends_with(folder, "/"))
        buffer_append_char(&path, '/');
    buffer_append_text(&path, name);
    const char *text = path.failed ? NULL : arena_text(arena, buffer_str(&path));
    buffer_fini(&path);
    return text;
}

static struct str folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return str_of(".");
    return str_from(path, slash == path ? 1 : (size_t)(slash - path));
}

static int find_root(struct loading *loading, const char *procfile)
{
    struct arena *arena = &loading->out->arena;
    const char *root = loading->options->root;
    if (!root)
        root = arena_text(arena, folder_of(procfile));
    if (!root)
        return -ENOMEM;
    char *absolute = file_absolute_path(root);
    if (!absolute && errno == ENOMEM)
        return -ENOMEM;
    int result = absolute ? file_check_directory(absolute) : -errno;
    // Without -d the Procfile's own absence says it better.
    if (result < 0 && (loading->options->root || !absolute))
        diagnostics_error(loading->diagnostics, nowhere, "%s: no processes can run there: %s", root,
                          strerror(-result));
    loading->out->root = absolute ? arena_text(arena, str_of(absolute)) : root;
    free(absolute);
    return loading->out->root ? 0 : -ENOMEM;
}

static void lint_procfile(struct loading *loading)
{
    const struct procfile *procfile = &loading->out->procfile;
    for (size_t i = 0; i < procfile->count; i++) {
        struct origin origin = procfile->entries[i].origin;
        origin.column = procfile->entries[i].command_column;
        lint_command(procfile->entries[i].command, origin, loading->diagnostics);
    }
}

static int load_procfile(struct loading *loading, const char *path)
{
    struct loaded *out = loading->out;
    struct buffer text = {0};
    bool is_asked_for = loading->options->procfile != NULL;
    if (!is_asked_for && !file_exists(path))
        return 0;
    int result = read_text(path, loading->diagnostics, &text);
    if (result == 0) {
        out->has_procfile = true;
        result = procfile_parse(buffer_str(&text), path, loading->options->foreman, &out->arena,
                                &out->procfile, loading->diagnostics);
    }
    if (result == 0)
        lint_procfile(loading);
    buffer_fini(&text);
    return result;
}

// Says why the C library takes no pattern, as it will be asked to by whoever runs the probe.
static void check_pattern(const struct declared_probe *declared, struct diagnostics *diagnostics)
{
    regex_t compiled;
    char why[128];
    if (declared->probe.kind != PROBE_LOG || declared->probe.text.size == 0)
        return; // or it was refused already
    int result = regcomp(&compiled, declared->probe.text.bytes, REG_EXTENDED | REG_NOSUB);
    if (result == 0) {
        regfree(&compiled);
        return;
    }
    (void)regerror(result, &compiled, why, sizeof(why));
    diagnostics_error(diagnostics, declared->text_origin, "the pattern '%.*s' is not one: %s",
                      STR_ARGS(str_excerpt(declared->probe.text)), why);
}

static int load_declaration(struct loading *loading, struct str folder)
{
    struct loaded *out = loading->out;
    struct buffer text = {0};
    const char *path = path_in(&out->arena, folder, "formation.yaml");
    if (!path)
        return -ENOMEM;
    if (!file_exists(path))
        return 0;
    int result = read_text(path, loading->diagnostics, &text);
    if (result == 0) {
        out->has_declaration = true;
        result = declaration_parse(buffer_str(&text), path, &out->arena, &out->declaration,
                                   loading->diagnostics);
    }
    for (size_t i = 0; result == 0 && i < out->declaration.type_count; i++) {
        const struct declared_type *type = &out->declaration.types[i];
        if (type->command.size)
            lint_command(type->command, type->command_origin, loading->diagnostics);
        check_pattern(&type->ready, loading->diagnostics);
    }
    buffer_fini(&text);
    return result;
}

static int load_env_file(struct loading *loading, const char *path)
{
    struct loaded *out = loading->out;
    struct buffer text = {0};
    int result = read_text(path, loading->diagnostics, &text);
    if (result == 0)
        result = dotenv_parse(buffer_str(&text), path, loading->options->foreman, &out->arena,
                              &out->env_files[out->env_file_count], loading->diagnostics);
    if (result == 0) {
        out->env_file_count++;
        if (loading->lint)
            dotenv_lint(buffer_str(&text), path, loading->diagnostics);
    }
    buffer_fini(&text);
    return result == -EINVAL ? 0 : result; // it is told; go on with the next one
}

static int make_room_for_env_files(struct loaded *out, size_t count)
{
    out->env_files = arena_alloc(&out->arena, count * sizeof(*out->env_files));
    return out->env_files ? 0 : -ENOMEM;
}

// -e a,b: each must be there.
static int load_listed_env_files(struct loading *loading)
{
    struct str rest = str_of(loading->options->env_files);
    struct str name;
    size_t count = 1;
    for (size_t i = 0; i < rest.size; i++)
        count += rest.bytes[i] == ',';
    int result = make_room_for_env_files(loading->out, count);
    while (result == 0 && str_next(&rest, ',', &name)) {
        const char *path = arena_text(&loading->out->arena, str_trim(name));
        if (!path)
            return -ENOMEM;
        if (path[0])
            result = load_env_file(loading, path);
    }
    return result;
}

// `env:` of formation.yaml. One that is missing is only warned of: the list stands in the
// repository, a .env.local does not.
static int load_declared_env_files(struct loading *loading, struct str folder)
{
    const struct declaration *declaration = &loading->out->declaration;
    int result = make_room_for_env_files(loading->out, declaration->env_file_count + 1);
    for (size_t i = 0; result == 0 && i < declaration->env_file_count; i++) {
        const char *path = path_in(&loading->out->arena, folder, declaration->env_files[i].bytes);
        if (!path)
            return -ENOMEM;
        if (file_exists(path))
            result = load_env_file(loading, path);
        else
            diagnostics_warn(loading->diagnostics, nowhere, "%s does not exist", path);
    }
    return result;
}

static int load_default_env_file(struct loading *loading)
{
    const char *path = path_in(&loading->out->arena, str_of(loading->options->root), ".env");
    int result = make_room_for_env_files(loading->out, 1);
    if (!path || result < 0)
        return -ENOMEM;
    if (file_check_directory(path) == 0) // a Python environment likes that name
        diagnostics_warn(loading->diagnostics, nowhere, "%s is a directory and not read", path);
    else if (file_exists(path))
        result = load_env_file(loading, path);
    return result;
}

static int load_env_files(struct loading *loading, struct str folder)
{
    if (loading->options->env_files)
        return load_listed_env_files(loading);
    if (loading->out->declaration.has_env_files)
        return load_declared_env_files(loading, folder);
    return load_default_env_file(loading);
}

int load_files(const struct options *options, bool lint, struct diagnostics *diagnostics,
               struct loaded *out)
{
    struct loading loading = {
        .options = options, .diagnostics = diagnostics, .lint = lint, .out = out};
    size_t errors_before = diagnostics->error_count;
    *out = (struct loaded){0};
    out->procfile_path = options->procfile
                             ? options->procfile
                             : path_in(&out->arena, str_of(options->root), "Procfile");
    if (!out->procfile_path)
        return -ENOMEM;
    struct str folder = folder_of(out->procfile_path);
    int result = find_root(&loading, out->procfile_path);
    if (result == 0)
        result = load_procfile(&loading, out->procfile_path);
    if (result == 0 || result == -EINVAL)
        result = load_declaration(&loading, folder);
    out->types_are_known = result_of(diagnostics, errors_before) == 0;
    if (result == 0 || result == -EINVAL)
        result = load_env_files(&loading, folder);
    return result == -ENOMEM ? result : result_of(diagnostics, errors_before);
}

void loaded_fini(struct loaded *loaded)
{
    arena_fini(&loaded->arena);
    *loaded = (struct loaded){0};
}

static const char *variable_of(char *const *environment, const char *name)
{
    size_t size = strlen(name);
    for (; *environment; environment++)
        if (strncmp(*environment, name, size) == 0 && (*environment)[size] == '=')
            return *environment + size + 1;
    return NULL;
}

int load_assemble(const struct loaded *loaded, const struct options *options,
                  char *const *inherited, struct diagnostics *diagnostics, struct plan **out)
{
    *out = NULL;
    if (!loaded->types_are_known)
        return -EINVAL; // what would be found now only follows from what was told already
    if (!loaded->has_procfile && !loaded->has_declaration) {
        diagnostics_error(diagnostics, nowhere, "%s does not exist", loaded->procfile_path);
        return -EINVAL;
    }
    const char *app = strrchr(loaded->root, '/');
    app = app && app[1] ? app + 1 : "app"; // in the root folder of a container
    struct plan_sources sources = {
        .procfile = loaded->has_procfile ? &loaded->procfile : NULL,
        .declaration = loaded->has_declaration ? &loaded->declaration : NULL,
        .env_files = loaded->env_files,
        .env_file_count = loaded->env_file_count,
        .options = options,
        .inherited_port = variable_of(inherited, "PORT"),
        .app = app,
        .root = loaded->root,
    };
    return plan_assemble(&sources, out, diagnostics);
}

static void check_launch(const struct process_type *type, const struct launch *launch,
                         struct diagnostics *diagnostics)
{
    char path[PATH_MAX];
    char interpreter[PATH_MAX];
    int result = file_check_directory(launch->directory);
    if (result < 0) {
        diagnostics_error(diagnostics, type->origin, "%.*s: cannot run in %s: %s",
                          STR_ARGS(type->name), launch->directory, strerror(-result));
        return;
    }
    if (launch->keeps_shell && plan_type_wants_sockets(type) && !strstr(launch->argv[2], "exec "))
        diagnostics_warn(diagnostics,
                         type->listening.count > 0 ? type->listening.items[0].origin
                                                   : type->sockets.origin,
                         "%.*s may not take its sockets for its own, since a shell stays between: "
                         "write 'exec' before the program",
                         STR_ARGS(type->name));
    if (launch->by_shell)
        return;
    result =
        program_find(launch->argv[0], launch_variable(launch, "PATH"), launch->directory, path);
    if (result == -EACCES)
        diagnostics_error(diagnostics, type->origin, "%.*s: not executable: %s",
                          STR_ARGS(type->name), launch->argv[0]);
    else if (result < 0)
        diagnostics_error(diagnostics, type->origin, "%.*s: command not found: %s",
                          STR_ARGS(type->name), launch->argv[0]);
    else if (program_check_interpreter(path, launch->directory, interpreter) < 0)
        diagnostics_error(diagnostics, type->origin, "%.*s: the interpreter of %s is not there: %s",
                          STR_ARGS(type->name), path, interpreter);
}

int load_check_programs(const struct plan *plan, char *const *inherited,
                        struct diagnostics *diagnostics)
{
    size_t errors_before = diagnostics->error_count;
    for (size_t i = 0; i < plan->type_count; i++) {
        const struct process_type *type = &plan->types[i];
        struct arena arena = {0};
        struct launch launch;
        struct error error;
        if (type->quantity == 0)
            continue;
        int result = launch_make(plan, (struct process_id){(uint16_t)i, 1}, inherited, NULL, &arena,
                                 &launch, &error);
        if (result == 0)
            check_launch(type, &launch, diagnostics);
        else if (result != -ENOMEM)
            diagnostics_error(diagnostics, type->origin, "%s", error.text);
        arena_fini(&arena);
        if (result == -ENOMEM)
            return result;
    }
    return result_of(diagnostics, errors_before);
}

static void check_rights(const struct loaded *loaded, const struct plan *plan,
                         struct diagnostics *diagnostics)
{
    for (size_t i = 0; i < plan->type_count; i++)
        if (plan->types[i].quantity > 0)
            load_check_rights(loaded, &plan->types[i], diagnostics);
}

int load_plan(const struct options *options, char *const *inherited,
              struct diagnostics *diagnostics, struct plan **out)
{
    struct loaded loaded;
    struct plan *plan = NULL;
    size_t errors_before = diagnostics->error_count;
    int result = load_files(options, false, diagnostics, &loaded);
    if (result != -ENOMEM) {
        // Assembled also when a .env file had errors, for what else is wrong.
        int found = load_accounts(&loaded, diagnostics);
        int assembled = load_assemble(&loaded, options, inherited, diagnostics, &plan);
        result = result < 0 ? result : found < 0 ? found : assembled;
    }
    if (result == 0) {
        check_rights(&loaded, plan, diagnostics);
        result = result_of(diagnostics, errors_before);
    }
    loaded_fini(&loaded);
    if (result == 0)
        result = load_check_programs(plan, inherited, diagnostics);
    if (result == 0 && plan_most_processes(plan) == 0) {
        diagnostics_error(diagnostics, nowhere,
                          "nothing to start: the quantity of every type is 0");
        result = -EINVAL;
    }
    if (result < 0) {
        plan_free(plan);
        return result;
    }
    *out = plan;
    return 0;
}
