#include "adapter/adapter.h"

#include "base/fs.h"
#include "base/hash.h"
#include "base/proc.h"
#include "model/toolchain.h"

const struct adapter *const adapter_table[] = {
	&adapter_autotools,
	&adapter_cargo,
	&adapter_cmake,
	&adapter_make,
	&adapter_manifest,
	&adapter_meson,
	NULL,
};

const struct adapter *adapter_find(const char *name)
{
	for (size_t i = 0; adapter_table[i]; i++)
		if (streq(adapter_table[i]->name, name))
			return adapter_table[i];
	return NULL;
}

static int nothing_bids(const char *source_dir, struct err *e)
{
	autorelease(buf) struct buf known = BUF_INIT;

	for (size_t i = 0; adapter_table[i]; i++)
		buf_printf(&known, "\n  %-10s %s", adapter_table[i]->name,
			adapter_table[i]->help);
	return err_set(e, ERR_SETUP,
		"%s: no build system recognised; these are looked for:%s", source_dir,
		buf_str(&known));
}

int adapter_rank(const char *source_dir, const struct adapter *ranked[ADAPTER_MAX],
	size_t *n, struct strv *reasons, struct err *e)
{
	int sure[ADAPTER_MAX];
	size_t len = 0;

	for (size_t i = 0; adapter_table[i] && len < ADAPTER_MAX; i++) {
		autofree char *why = NULL;
		int bid = adapter_table[i]->bid(source_dir, &why);
		size_t at = len;

		if (bid <= 0)
			continue;
		while (at > 0 && sure[at - 1] < bid) {
			sure[at] = sure[at - 1];
			ranked[at] = ranked[at - 1];
			at--;
		}
		sure[at] = bid;
		ranked[at] = adapter_table[i];
		strv_insert(reasons, at, why ? why : adapter_table[i]->name);
		len++;
	}
	*n = len;
	return len ? 0 : nothing_bids(source_dir, e);
}

/* The environment of a build command, with the assignments of `more`. */
int adapter_misses(
	const char *program, const char *file, const char *packages, struct err *e)
{
	return err_set(e, ERR_SETUP,
		"%s is needed for %s and not installed: apt-get install %s", program,
		file, packages);
}

static void build_environ(struct strv *env, const struct strv *more)
{
	proc_environ_outside_make(env);
	strv_env_unset(env, "DESTDIR");
	if (more)
		strv_env_merge(env, more);
}

static int command_failed(const struct build_request *request, const struct strv *argv,
	const struct proc_result *r, struct err *e)
{
	autofree char *command = strv_quote(argv);
	char how[64];

	if (request->output) {
		request->output(request->ctx, buf_str(&r->out), r->out.len);
		request->output(request->ctx, buf_str(&r->err), r->err.len);
	}
	return err_set(
		e, ERR_BUILD, "%s: %s", command, proc_describe(r, how, sizeof how));
}

int adapter_run(const struct build_request *request, const struct strv *argv,
	const char *cwd, const struct strv *env, struct err *e)
{
	autorelease(proc_result) struct proc_result r = {0};
	autorelease(strv) struct strv whole = STRV_INIT;
	struct proc_options options = {
		.cwd = cwd,
		.env = &whole,
		.merge_stderr = true,
		.on_line = request->line,
		.cancelled = request->cancelled,
		.ctx = request->ctx,
	};

	build_environ(&whole, env);
	if (proc_run(argv, &options, &r, e) < 0)
		return -1;
	return proc_succeeded(&r) ? 0 : command_failed(request, argv, &r, e);
}

int adapter_ask(const struct build_request *request, const struct strv *argv,
	const char *cwd, const struct strv *env,
	void (*line)(void *ctx, const char *line, size_t len), struct proc_result *r,
	struct err *e)
{
	autorelease(strv) struct strv whole = STRV_INIT;
	struct proc_options options = {
		.cwd = cwd,
		.env = &whole,
		.on_line = line,
		.cancelled = request->cancelled,
		.ctx = request->ctx,
	};

	build_environ(&whole, env);
	return proc_run(argv, &options, r, e);
}

int adapter_capture(const struct build_request *request, const struct strv *argv,
	const char *cwd, const struct strv *env, struct buf *out, struct err *e)
{
	autorelease(proc_result) struct proc_result r = {0};

	if (adapter_ask(request, argv, cwd, env, NULL, &r, e) < 0)
		return -1;
	if (!proc_succeeded(&r))
		return command_failed(request, argv, &r, e);
	buf_append(out, buf_str(&r.out), r.out.len);
	return 0;
}

static char *stamp_path(const struct build_request *request)
{
	return fs_join(request->build_dir, ".xtest-configured");
}

bool adapter_stamp_holds(const struct build_request *request, const char *digest)
{
	autofree char *path = stamp_path(request);
	autorelease(buf) struct buf content = BUF_INIT;
	struct err ignored;

	return fs_read_file(path, &content, &ignored) == 0 &&
	       streq(buf_str(&content), digest);
}

int adapter_stamp_write(
	const struct build_request *request, const char *digest, struct err *e)
{
	autofree char *path = stamp_path(request);

	return fs_write_file(path, digest, strlen(digest), 0644, e);
}

void adapter_stamp_digest(
	const struct strv *argv, const struct buf *cross_file, char *hex)
{
	static const char *const variables[] = {"CFLAGS", "CXXFLAGS", "CPPFLAGS",
		"LDFLAGS", "ASMFLAGS", "CMAKE_PREFIX_PATH", "PKG_CONFIG_PATH"};
	struct hash_sha256 *h = hash_sha256_new();

	hash_sha256_update(h, buf_str(cross_file), cross_file->len);
	for (size_t i = 0; i < argv->len; i++)
		hash_sha256_update(h, argv->v[i], strlen(argv->v[i]) + 1);
	for (size_t i = 0; i < ARRAY_LEN(variables); i++) {
		const char *value = getenv(variables[i]);

		hash_sha256_update(h, value ? value : "", value ? strlen(value) + 1 : 0);
		hash_sha256_update(h, "\n", 1);
	}
	hash_sha256_finish(h, hex);
}

int adapter_stamp_remove(const struct build_request *request, struct err *e)
{
	autofree char *path = stamp_path(request);

	return fs_remove_tree(path, e);
}

void adapter_move_suites(struct suite_list *from, struct suite_list *to)
{
	for (size_t i = 0; i < from->len; i++)
		*suite_list_add(to) = from->v[i];
	from->len = 0;
	suite_list_release(from);
}

const char *adapter_whole_sysroot(const struct toolchain *toolchain)
{
	autofree char *headers = NULL;

	if (!toolchain->sysroot || streq(toolchain->sysroot, "/"))
		return NULL;
	headers = fs_join(toolchain->sysroot, "usr/include/stdio.h");
	return fs_exists(headers) ? toolchain->sysroot : NULL;
}
