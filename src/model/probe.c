#include "model/probe.h"

#include "base/fs.h"
#include "base/hash.h"
#include "base/proc.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PROBE_TIMEOUT_MS = 30000 };

static char *run_for_output(const struct strv *argv)
{
	struct proc_result r = {0};
	struct proc_options options = {.timeout_ms = PROBE_TIMEOUT_MS};
	struct err e = {0};
	char *text = NULL;

	if (!proc_run(argv, &options, &r, &e) && proc_succeeded(&r) && r.out.len) {
		text = buf_take(&r.out);
		text[strcspn(text, "\n")] = '\0';
	}
	proc_result_release(&r);
	if (text && !text[0]) {
		free(text);
		text = NULL;
	}
	return text;
}

char *probe_ask(const struct strv *cc, const char *option)
{
	autorelease(strv) struct strv argv = STRV_INIT;

	strv_push_all(&argv, cc);
	strv_push(&argv, option);
	return run_for_output(&argv);
}

char *probe_version(const char *program)
{
	autorelease(strv) struct strv argv = STRV_INIT;
	autofree char *line = NULL;
	const char *word;

	strv_push(&argv, program);
	strv_push(&argv, "--version");
	line = run_for_output(&argv);
	word = line ? strstr(line, "version ") : NULL;
	if (!word)
		return NULL;
	word += strlen("version ");
	return xstrndup(word, strcspn(word, " ,("));
}

/* Where the outcome of a test link with this compiler is kept; NULL without a home. */
static char *cache_path(const struct strv *cc, const struct strv *env)
{
	const char *xdg = strv_env_find(env, "XDG_CACHE_HOME");
	const char *home = strv_env_find(env, "HOME");
	autorelease(buf) struct buf key = BUF_INIT;
	char hex[HASH_HEX_SIZE];
	struct stat st;

	if (stat(cc->v[0], &st) || ((!xdg || xdg[0] != '/') && (!home || home[0] != '/')))
		return NULL;
	for (size_t i = 0; i < cc->len; i++)
		buf_append(&key, cc->v[i], strlen(cc->v[i]) + 1);
	buf_printf(&key, "%lld %lld", (long long)st.st_size, (long long)st.st_mtime);
	hash_memory(key.data, key.len, hex);
	if (xdg && xdg[0] == '/')
		return xasprintf("%s/xtest/link-%.32s", xdg, hex);
	return xasprintf("%s/.cache/xtest/link-%.32s", home, hex);
}

static bool cache_read(const char *path, struct elf_identity *id)
{
	autorelease(buf) struct buf text = BUF_INIT;
	unsigned machine, class, big_endian, flags;
	struct err e = {0};
	int start = 0;

	if (!path || !fs_exists(path) || fs_read_file(path, &text, &e) ||
		sscanf(buf_str(&text), "%u %u %u %u %n", &machine, &class, &big_endian,
			&flags, &start) != 4 ||
		!fs_exists(buf_str(&text) + start))
		return false;
	*id = (struct elf_identity){.machine = (uint16_t)machine,
		.class = (uint8_t) class,
		.big_endian = big_endian,
		.flags = flags};
	return true;
}

/* A cache that cannot be written costs the next run one link and nothing else. */
static void cache_write(
	const char *path, const struct strv *cc, const struct elf_identity *id)
{
	autofree char *start_file = probe_ask(cc, "-print-file-name=crt1.o");
	autorelease(buf) struct buf text = BUF_INIT;
	autofree char *dir = path ? fs_dirname(path) : NULL;
	struct err e = {0};

	/* Not found, it is printed back as it is. */
	if (!path || !start_file || start_file[0] != '/' || fs_mkdir_p(dir, &e))
		return;
	buf_printf(&text, "%u %u %u %u %s", id->machine, id->class, id->big_endian,
		id->flags, start_file);
	if (fs_write_if_changed(path, text.data, text.len, 0644, &e))
		return;
}

/* The line of a compiler's complaint that says most: the first with "error" or "cannot".
 */
static char *first_complaint(const struct buf *text)
{
	const char *line, *first = NULL;
	size_t len, first_len = 0, pos = 0;

	while (buf_next_line(text->data, text->len, &pos, &line, &len)) {
		if (!first && len) {
			first = line;
			first_len = len;
		}
		if (memmem(line, len, "cannot", 6) || memmem(line, len, "error", 5))
			return xstrndup(line, len);
	}
	return first ? xstrndup(first, first_len) : xstrdup("it said nothing");
}

static int link_program(const struct strv *cc, const struct strv *env, const char *dir,
	struct elf_identity *id, char **why, struct err *e)
{
	static const char source[] = "int main(void) { return 0; }\n";
	autofree char *from = fs_join(dir, "probe.c");
	autofree char *to = fs_join(dir, "probe");
	autorelease(strv) struct strv argv = STRV_INIT;
	struct proc_options options = {
		.env = env, .timeout_ms = PROBE_TIMEOUT_MS, .merge_stderr = true};
	struct proc_result r = {0};
	struct elf elf;
	int linked = -1;

	if (fs_write_file(from, source, strlen(source), 0644, e))
		return -1;
	strv_push_all(&argv, cc);
	strv_push(&argv, "-o");
	strv_push(&argv, to);
	strv_push(&argv, from);
	if (!proc_run(&argv, &options, &r, e)) {
		linked = proc_succeeded(&r) && fs_is_file(to);
		if (!linked)
			*why = first_complaint(&r.out);
	}
	proc_result_release(&r);
	if (linked != 1)
		return linked;
	linked = elf_open(to, &elf, e);
	if (linked == 1) {
		*id = elf.id;
		elf_release(&elf);
	} else if (linked == 0) {
		*why = xstrdup("what it makes is not ELF");
	}
	return linked;
}

int probe_link(const struct strv *cc, const struct strv *env, struct elf_identity *id,
	char **why, struct err *e)
{
	autofree char *cached = cache_path(cc, env);
	autofree char *dir = NULL;
	struct err ignored = {0};
	int linked;

	*why = NULL;
	if (cache_read(cached, id))
		return 1;
	dir = fs_temp_dir("xtest-link", e);
	if (!dir)
		return -1;
	linked = link_program(cc, env, dir, id, why, e);
	if (linked == 1)
		cache_write(cached, cc, id);
	if (fs_remove_tree(dir, &ignored) && linked >= 0) {
		*e = ignored;
		linked = -1;
	}
	return linked;
}

int probe_run(const struct strv *cc, const struct strv *prefix, const struct strv *env,
	char **why, struct err *e)
{
	autofree char *dir = fs_temp_dir("xtest-run", e);
	autofree char *program = dir ? fs_join(dir, "probe") : NULL;
	autorelease(strv) struct strv argv = STRV_INIT;
	struct proc_options options = {
		.env = env, .timeout_ms = PROBE_TIMEOUT_MS, .merge_stderr = true};
	struct proc_result r = {0};
	struct elf_identity id;
	struct err ignored = {0};
	int runs;

	*why = NULL;
	if (!dir)
		return -1;
	runs = link_program(cc, env, dir, &id, why, e);
	if (runs == 1) {
		strv_push_all(&argv, prefix);
		strv_push(&argv, program);
		runs = proc_run(&argv, &options, &r, e) ? -1 : proc_succeeded(&r);
		if (runs == 0)
			*why = first_complaint(&r.out);
		proc_result_release(&r);
	}
	if (fs_remove_tree(dir, &ignored) && runs >= 0) {
		*e = ignored;
		runs = -1;
	}
	return runs;
}

bool probe_runs_i386(void)
{
	/* An ELF header, one segment and three instructions: _exit(0) through int 0x80.
	 */
	static const unsigned char program[] = {
		0x7f, 'E', 'L', 'F', 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* e_ident */
		2, 0, 3, 0, 1, 0, 0, 0,               /* type, machine, version */
		0x54, 0x80, 0x04, 0x08, 52, 0, 0, 0,  /* entry, phoff */
		0, 0, 0, 0, 0, 0, 0, 0,               /* shoff, flags */
		52, 0, 32, 0, 1, 0, 0, 0, 0, 0, 0, 0, /* sizes and counts */
		1, 0, 0, 0, 0, 0, 0, 0,               /* PT_LOAD, offset */
		0x00, 0x80, 0x04, 0x08, 0x00, 0x80, 0x04, 0x08, /* addresses */
		0x5d, 0, 0, 0, 0x5d, 0, 0, 0,                   /* sizes */
		5, 0, 0, 0, 0, 0x10, 0, 0,                      /* r-x, alignment */
		0x31, 0xdb,                                     /* xor ebx, ebx */
		0x31, 0xc0, 0x40,                               /* eax = 1 */
		0xcd, 0x80, 0x0f, 0x0b,                         /* int 0x80; ud2 */
	};
	autoclose int write_fd = memfd_create("xtest-i386", MFD_CLOEXEC);
	autoclose int fd = -1;
	char path[64];
	autorelease(strv) struct strv argv = STRV_INIT;
	struct proc_options options = {.timeout_ms = 5000};
	struct proc_result r = {0};
	struct err e = {0};
	bool runs;

	if (write_fd < 0 || fs_write_all(write_fd, program, sizeof(program)) ||
		fchmod(write_fd, 0500))
		return false;
	/* No file that is open for writing is executed. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", write_fd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	close(take_fd(write_fd));
	strv_pushf(&argv, "/proc/%d/fd/%d", (int)getpid(), fd);
	runs = !proc_run(&argv, &options, &r, &e) && proc_succeeded(&r);
	proc_result_release(&r);
	return runs;
}
