#include "image/image-packages.h"

#include "base/fs.h"
#include "base/proc.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

/*
 * apt with lists, cache and package status of its own, for an architecture this machine
 * need not know. Of the machine's apt only the addresses of Debian's mirrors, the
 * keyrings and the configuration (proxies, certificates, authentication) are used.
 * Nothing is installed and no privilege is needed.
 */

#define KEYRING "/usr/share/keyrings/debian-archive-keyring.gpg"

struct apt {
	const struct image_request *request;
	char *state;         /* directory of lists and cache */
	char *sources;       /* its sources.list */
	char *config;        /* its apt.conf */
	const char *suite;   /* "bookworm" */
	const char *arch;    /* "arm64" */
	struct strv mirrors; /* "URI SUITE" of the machine's entries for Debian */
	/* while packages are downloaded */
	const char *into; /* directory; NULL */
	uint64_t total_bytes;
	char line[160];
};

/* ---- running it */

static void tell(const struct apt *a, const char *line, double fraction)
{
	if (a->request->progress)
		a->request->progress(a->request->ctx, line, fraction);
}

static uint64_t downloaded_bytes(const char *dir)
{
	autorelease(strv) struct strv names = STRV_INIT;
	uint64_t bytes = 0;
	struct err ignored;

	if (fs_list_dir(dir, &names, &ignored) < 0)
		return 0;
	for (size_t i = 0; i < names.len; i++) {
		autofree char *path = fs_join(dir, names.v[i]);
		struct stat st;

		if (stat(path, &st) == 0)
			bytes += (uint64_t)st.st_size;
	}
	return bytes;
}

/* Asked some ten times a second: also when to tell how far the download is. */
static bool on_cancelled(void *ctx)
{
	struct apt *a = ctx;

	if (a->into && a->total_bytes) {
		uint64_t done = MIN(downloaded_bytes(a->into), a->total_bytes);

		snprintf(a->line, sizeof(a->line), "downloading: %.1f of %.1f MiB",
			(double)done / (1 << 20), (double)a->total_bytes / (1 << 20));
		tell(a, a->line, (double)done / (double)a->total_bytes);
	}
	return a->request->cancelled && a->request->cancelled(a->request->ctx);
}

/* A configuration file, because only there lists of the machine's configuration can be
 * cleared: what it does after an update is not for ours. */
static int write_config(const struct apt *a, struct err *e)
{
	const struct {
		const char *option, *dir, *value;
	} options[] = {
		{"Dir::State", "", a->state},
		{"Dir::State::status", "", "/dev/null"},
		{"Dir::State::lists", a->state, "/lists"},
		{"Dir::Cache", a->state, "/cache"},
		{"Dir::Cache::archives", "", "archives"},
		{"Dir::Cache::pkgcache", "", "pkgcache.bin"},
		{"Dir::Cache::srcpkgcache", "", "srcpkgcache.bin"},
		{"Dir::Etc::sourcelist", "", a->sources},
		{"Dir::Etc::sourceparts", "", "/dev/null"},
		{"Dir::Etc::preferences", "", "/dev/null"},
		{"Dir::Etc::preferencesparts", "", "/dev/null"},
		{"Dir::Log", a->state, "/log"},
		{"APT::Architecture", "", a->arch},
		{"APT::Architectures::", "", a->arch},
		{"APT::Update::Error-Mode", "", "any"},
		{"APT::Sandbox::User", "", ""},
		{"APT::Install-Recommends", "", "false"},
		{"Acquire::Languages", "", "none"},
		{"Acquire::ForceHash", "", "SHA256"},
		{"Acquire::Retries", "", "2"},
		{"Acquire::IndexTargets::deb::DEP-11::DefaultEnabled", "", "false"},
		{"Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled", "", "false"},
	};
	autorelease(buf) struct buf text = BUF_INIT;

	buf_append_str(&text, "#clear APT::Architectures;\n#clear APT::Update;\n"
			      "#clear APT::Default-Release;\n#clear DPkg;\n");
	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		buf_printf(&text, "%s \"%s%s\";\n", options[i].option, options[i].dir,
			options[i].value);
	return fs_write_file(a->config, text.data, text.len, 0644, e);
}

/* The lines that say why, joined; at most three. The caller's. */
static char *complaint(const struct proc_result *result)
{
	autorelease(strv) struct strv lines = STRV_INIT, why = STRV_INIT;

	strv_split(&lines, buf_str(&result->err), "\n");
	for (size_t i = 0; i < lines.len && why.len < 3; i++)
		if (starts_with(lines.v[i], "E: ") || starts_with(lines.v[i], "W: "))
			strv_push(&why, lines.v[i] + 3);
	if (!why.len && lines.len)
		strv_push(&why, lines.v[lines.len - 1]);
	return strv_join(&why, "; ");
}

/* apt-get WORD…, with the machine's own state when `own` is false. */
static int run_apt(struct apt *a, bool own, const char *cwd, const char *const *words,
	struct proc_result *result, struct err *e)
{
	autorelease(strv) struct strv argv = STRV_INIT, env = STRV_INIT;
	struct proc_options options = {
		.cwd = cwd, .env = &env, .cancelled = on_cancelled, .ctx = a};

	proc_environ(&env);
	strv_env_set(&env, "LC_ALL", "C");
	strv_push(&argv, "apt-get");
	strv_push(&argv, "-qq");
	if (own) {
		strv_push(&argv, "-c");
		strv_push(&argv, a->config);
	}
	strv_push_array(&argv, words);
	return proc_run(&argv, &options, result, e);
}

/* ---- sources */

/* The part of a release's name before the first "-", and what follows. */
static const char *pocket_of(const char *release)
{
	const char *dash = strchr(release, '-');

	return dash ? dash : "";
}

static bool is_wanted_pocket(const char *pocket)
{
	return !pocket[0] || streq(pocket, "-updates") || streq(pocket, "-security");
}

static void add_mirror(struct apt *a, const char *uri, const char *release)
{
	autofree char *entry = NULL;
	size_t len = strlen(uri);

	while (len && uri[len - 1] == '/')
		len--;
	entry = xasprintf("%.*s %s", (int)len, uri, release);
	if (is_wanted_pocket(pocket_of(release)) && !strv_has(&a->mirrors, entry))
		strv_push(&a->mirrors, entry);
}

/* Entries tell themselves from other vendors' by what the machine has verified already:
 * the Origin of the release file. */
static void read_verified(struct apt *a, const char *text)
{
	autorelease(strv) struct strv lines = STRV_INIT;

	strv_split(&lines, text, "\n");
	for (size_t i = 0; i < lines.len; i++) {
		autorelease(strv) struct strv fields = STRV_INIT;

		strv_split(&fields, lines.v[i], "|");
		if (fields.len == 4 && streq(fields.v[2], "main") &&
			streq(fields.v[3], "Debian"))
			add_mirror(a, fields.v[0], fields.v[1]);
	}
}

/* On a machine whose lists were removed (containers) only the addresses are known:
 * 'URI/dists/RELEASE/main/binary-ARCH/Packages.xz' …; Debian's have a directory debian or
 * debian-security. What is no Debian after all fails its signature. */
static void read_unverified(struct apt *a, const char *text)
{
	autorelease(strv) struct strv lines = STRV_INIT;

	strv_split(&lines, text, "\n");
	for (size_t i = 0; i < lines.len; i++) {
		char *uri = lines.v[i] + (lines.v[i][0] == '\'');
		char *dists = strstr(uri, "/dists/");
		char *release = dists ? dists + strlen("/dists/") : NULL;
		char *end = release ? strstr(release, "/main/binary-") : NULL;

		if (!end)
			continue;
		*dists = *end = '\0';
		if (ends_with(uri, "/debian") || ends_with(uri, "/debian-security") ||
			strstr(uri, "/debian/") || strstr(uri, "/debian-security/"))
			add_mirror(a, uri, release);
	}
}

static int find_mirrors(struct apt *a, struct err *e)
{
	static const char *const verified[] = {"indextargets", "--format",
		"$(REPO_URI)|$(RELEASE)|$(COMPONENT)|$(ORIGIN)", "Created-By: Packages",
		NULL};
	static const char *const all[] = {"update", "--print-uris", NULL};
	const char *mirror = getenv("XTEST_DEBIAN_MIRROR");
	const char *const *queries[] = {verified, all};

	if (mirror && mirror[0]) {
		add_mirror(a, mirror, a->suite);
		return 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(queries) && !a->mirrors.len; i++) {
		struct proc_result result = {0};
		int status = run_apt(a, false, NULL, queries[i], &result, e);

		if (status == 0 && proc_succeeded(&result))
			(i ? read_unverified : read_verified)(a, buf_str(&result.out));
		proc_result_release(&result);
		if (status < 0)
			return -1;
	}
	if (a->mirrors.len)
		return 0;
	return err_set(e, ERR_SETUP,
		"apt on this machine has no entry for Debian: set XTEST_DEBIAN_MIRROR to "
		"a "
		"mirror's address, or take the packages from a folder with --deb-dir");
}

static const char *release_of(const char *mirror)
{
	return strchr(mirror, ' ') + 1;
}

static bool is_of_suite(const char *release, const char *suite)
{
	const char *pocket = pocket_of(release);
	size_t len = (size_t)(pocket - release);

	if (!pocket[0])
		len = strlen(release);
	return strlen(suite) == len && strncmp(release, suite, len) == 0;
}

/* Entries of the suite as they are; when there are none, others with the suite's name put
 * in. With `plain` only the suite itself, without its updates. */
static int write_sources(struct apt *a, bool plain, struct err *e)
{
	autorelease(buf) struct buf text = BUF_INIT;
	bool here = false;

	for (size_t i = 0; i < a->mirrors.len; i++)
		here = here || is_of_suite(release_of(a->mirrors.v[i]), a->suite);
	for (size_t i = 0; i < a->mirrors.len; i++) {
		const char *mirror = a->mirrors.v[i], *release = release_of(mirror);
		const char *pocket = pocket_of(release);

		if ((here && !is_of_suite(release, a->suite)) || (plain && pocket[0]))
			continue;
		buf_printf(&text, "deb %s%.*s %s%s main\n",
			fs_exists(KEYRING) ? "[signed-by=" KEYRING "] " : "",
			(int)(release - mirror - 1), mirror, a->suite, pocket);
	}
	return fs_write_file(a->sources, text.data, text.len, 0644, e);
}

/* ---- lists */

static int update(struct apt *a, struct err *e)
{
	static const char *const words[] = {"update", NULL};
	autofree char *why = NULL;
	int status = 0;

	snprintf(a->line, sizeof(a->line), "reading Debian %s's lists for %s", a->suite,
		a->arch);
	tell(a, a->line, -1);
	/* A mirror need not have the suite's security updates where this machine's are.
	 */
	for (int plain = 0; plain < 2; plain++) {
		struct proc_result result = {0};
		bool ok;

		if (write_sources(a, plain, e) < 0)
			return -1;
		status = run_apt(a, true, NULL, words, &result, e);
		ok = proc_succeeded(&result);
		if (status == 0 && !ok && !why)
			why = complaint(&result);
		proc_result_release(&result);
		if (status < 0 || ok)
			return status;
	}
	return err_set(e, ERR_SETUP,
		"Debian %s's list of packages for %s could not be fetched: %s; without a "
		"network, take the packages from a folder with --deb-dir",
		a->suite, a->arch, why);
}

/* ---- which packages */

/* Wanted only by scripts that install and configure, which nobody runs here. */
static bool is_noise(const char *name)
{
	static const char *const noise[] = {"adduser", "debconf", "debianutils", "dpkg",
		"init-system-helpers", "install-info", "passwd", "perl-base",
		"sensible-utils", "systemd", "sysvinit-utils", "ucf", "udev"};

	for (size_t i = 0; i < ARRAY_LEN(noise); i++)
		if (streq(noise[i], name))
			return true;
	return starts_with(name, "linux-image-") || starts_with(name, "initramfs-tools");
}

struct choice {
	const char *kernel;         /* package or metapackage; NULL: none */
	const struct strv *named;   /* these alone */
	const struct strv *closure; /* these and what they need; NULL */
};

static bool is_chosen(const struct choice *choice, const char *name)
{
	if (choice->kernel && image_package_is_kernel(name))
		return true;
	if (choice->named && strv_has(choice->named, name))
		return true;
	return choice->closure && (strv_has(choice->closure, name) || !is_noise(name));
}

/* "name_version_arch.deb", with "%3a" for ":" in the version. */
static void read_file_name(struct image_package_list *list, const char *file,
	const char *size, const char *hash)
{
	struct image_package *package;
	autorelease(strv) struct strv parts = STRV_INIT;
	autorelease(buf) struct buf version = BUF_INIT;

	strv_split(&parts, file, "_");
	if (parts.len != 3 || image_package_list_has(list, parts.v[0]))
		return;
	package = image_package_list_add(list, parts.v[0]);
	for (const char *p = parts.v[1]; *p; p++) {
		bool colon = strncasecmp(p, "%3a", 3) == 0;

		buf_append_char(&version, colon ? ':' : *p);
		p += colon ? 2 : 0;
	}
	package->version = buf_take(&version);
	package->path = xstrdup(file);
	package->size_bytes = strtoull(size, NULL, 10);
	snprintf(package->digest, sizeof(package->digest), "%s", hash);
	package->kernel = image_package_is_kernel(parts.v[0]);
}

/* Lines of 'URI' FILE SIZE SHA256:DIGEST. */
static void read_uris(
	struct image_package_list *list, const struct choice *choice, const char *text)
{
	autorelease(strv) struct strv lines = STRV_INIT;

	strv_split(&lines, text, "\n");
	for (size_t i = 0; i < lines.len; i++) {
		autorelease(strv) struct strv words = STRV_INIT;
		autofree char *name = NULL;

		strv_split(&words, lines.v[i], " ");
		if (words.len < 4 || !starts_with(words.v[3], "SHA256:"))
			continue;
		name = xstrndup(words.v[1], strcspn(words.v[1], "_"));
		if (is_chosen(choice, name))
			read_file_name(list, words.v[1], words.v[2],
				words.v[3] + strlen("SHA256:"));
	}
}

static int choose(struct apt *a, struct image_package_list *list,
	const struct choice *choice, struct err *e)
{
	autorelease(strv) struct strv words = STRV_INIT;
	struct proc_result result = {0};
	int status;

	strv_push(&words, "--print-uris");
	strv_push(&words, "install");
	if (choice->kernel)
		strv_push(&words, choice->kernel);
	if (choice->named)
		strv_push_all(&words, choice->named);
	if (choice->closure)
		strv_push_all(&words, choice->closure);
	status = run_apt(
		a, true, NULL, (const char *const *)strv_argv(&words), &result, e);
	if (status == 0 && !proc_succeeded(&result)) {
		autofree char *why = complaint(&result);

		status = err_set(e, ERR_SETUP, "packages of Debian %s for %s: %s",
			a->suite, a->arch, why);
	} else if (status == 0) {
		read_uris(list, choice, buf_str(&result.out));
	}
	proc_result_release(&result);
	return status;
}

static int choose_all(struct apt *a, struct image_package_list *list, struct err *e)
{
	const struct image_request *r = a->request;
	const struct choice base = {
		.kernel = r->kernel ? NULL : r->recipe->kernel_package,
		.named = &r->recipe->packages,
	};
	const struct choice more = {.closure = r->packages};

	if ((base.kernel || base.named->len) && choose(a, list, &base, e) < 0)
		return -1;
	if (r->packages && r->packages->len)
		return choose(a, list, &more, e);
	return 0;
}

/* ---- their files */

static int download(struct apt *a, struct image_package_list *list,
	const char *packages_dir, const char *partial, struct err *e)
{
	autorelease(strv) struct strv words = STRV_INIT;
	struct proc_result result = {0};
	int status;

	strv_push(&words, "download");
	for (size_t i = 0; i < list->len; i++) {
		autofree char *kept = fs_join(packages_dir, list->v[i].path);
		char digest[HASH_HEX_SIZE];
		struct err ignored;

		if (hash_file(kept, digest, &ignored) == 0 &&
			streq(digest, list->v[i].digest))
			continue;
		strv_pushf(&words, "%s=%s", list->v[i].name, list->v[i].version);
		a->total_bytes += list->v[i].size_bytes;
	}
	if (words.len == 1)
		return 0;
	a->into = partial;
	status = run_apt(
		a, true, partial, (const char *const *)strv_argv(&words), &result, e);
	a->into = NULL;
	if (status == 0 && !proc_succeeded(&result)) {
		autofree char *why = complaint(&result);

		status = err_set(e, ERR_SETUP,
			"packages of Debian %s for %s could not be fetched: %s", a->suite,
			a->arch, why);
	}
	proc_result_release(&result);
	return status;
}

/* What apt has verified goes to its place; what was there already stays. */
static int keep(struct image_package_list *list, const char *packages_dir,
	const char *partial, struct err *e)
{
	for (size_t i = 0; i < list->len; i++) {
		struct image_package *package = &list->v[i];
		autofree char *from = fs_join(partial, package->path);
		char *to = fs_join(packages_dir, package->path);

		free(package->path);
		package->path = to;
		if (rename(from, to) < 0 && (errno != ENOENT || !fs_is_file(to)))
			return err_sys(e, errno, "keep %s", to);
	}
	return 0;
}

static int fetch(struct apt *a, struct image_package_list *list, const char *packages_dir,
	struct err *e)
{
	autofree char *partial = xasprintf("%s/partial", a->state);

	if (write_config(a, e) < 0 || find_mirrors(a, e) < 0 || update(a, e) < 0 ||
		choose_all(a, list, e) < 0 || fs_remove_tree(partial, e) < 0 ||
		fs_mkdir_p(partial, e) < 0 ||
		download(a, list, packages_dir, partial, e) < 0)
		return -1;
	return keep(list, packages_dir, partial, e);
}

/* apt's own index of the lists is larger than they are, and soon made again; of a
 * download that was broken off nothing is taken up. */
static void drop_leftovers(const struct apt *a)
{
	static const char *const dirs[] = {"cache", "partial"};
	struct err ignored;

	for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
		autofree char *dir = fs_join(a->state, dirs[i]);

		if (fs_remove_tree(dir, &ignored) < 0)
			continue;
	}
}

int image_apt_get(struct image_package_list *list, const struct image_request *request,
	const char *store, const char *packages_dir, struct err *e)
{
	struct apt a = {
		.request = request,
		.suite = request->recipe->suite,
		.arch = request->recipe->architecture,
	};
	static const char *const dirs[] = {
		"lists/partial", "cache/archives/partial", "log"};
	autofree char *apt_get = fs_find_program("apt-get", NULL);
	int status = 0;

	if (!apt_get)
		return err_set(e, ERR_SETUP,
			"there is no apt-get here: take the packages from a folder with "
			"--deb-dir, or bring a kernel of your own with --kernel");
	a.state = xasprintf("%s/apt/%s-%s", store, a.suite, a.arch);
	a.sources = fs_join(a.state, "sources.list");
	a.config = fs_join(a.state, "apt.conf");
	for (size_t i = 0; !status && i < ARRAY_LEN(dirs); i++) {
		autofree char *dir = fs_join(a.state, dirs[i]);

		status = fs_mkdir_p(dir, e);
	}
	status = status ? status : fs_mkdir_p(packages_dir, e);
	if (!status)
		status = fetch(&a, list, packages_dir, e);
	drop_leftovers(&a);
	strv_release(&a.mirrors);
	free(a.sources);
	free(a.config);
	free(a.state);
	return status;
}
