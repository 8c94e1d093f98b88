/* What a board answers, honest or not; and the scripts it is asked with, run by this
 * machine's shell. */
#include "transport/ssh-board.h"

#include "base/fs.h"
#include "base/hash.h"
#include "base/proc.h"
#include "model/target.h"
#include "tests/tap.h"

#include <sys/stat.h>
#include <unistd.h>

#define N "0123456789abcdef"
#define DIGEST "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static const struct {
	const char *name, *text;
	bool good;
	size_t n_dirs;
	uint64_t runner_bytes;
} answers[] = {
	{"the usual one",
		N " machine aarch64\n" N " dir good 1000 20 /root/.cache/xtest\n" N
		  " runner 77 " DIGEST "\n" N " end\n",
		true, 1, 77},
	{"a login that talks",
		"Welcome!\nmachine x86_64\r\n" N " machine aarch64\r\n-bash: oops\n" N
		" dir noexec 0 0 /tmp/xtest-0\n" N " end\nbye\n",
		true, 1, 0},
	{"a runner whose digest is not known",
		N " machine x\n" N " dir good 1 1 /a\n" N " runner 77\n" N " end\n", true,
		1, 77},
	{"what comes after the end is not read",
		N " machine x\n" N " end\n" N " dir good 1 1 /evil\n", true, 0, 0},
	{"nothing", "", false, 0, 0},
	{"only noise", "hello\n\0world\n", false, 0, 0},
	{"no end", N " machine aarch64\n", false, 0, 0},
	{"no machine", N " end\n", false, 0, 0},
	{"another's answer", "fedcba9876543210 machine aarch64\n", false, 0, 0},
	{"two machines", N " machine a\n" N " machine b\n" N " end\n", false, 0, 0},
	{"a machine that is shell", N " machine $(reboot)\n" N " end\n", false, 0, 0},
	{"a directory that is shell",
		N " machine x\n" N " dir good 1 1 /tmp/`reboot`\n" N " end\n", false, 0,
		0},
	{"a directory with a quote",
		N " machine x\n" N " dir good 1 1 /tmp/'x\n" N " end\n", false, 0, 0},
	{"a relative directory", N " machine x\n" N " dir good 1 1 tmp\n" N " end\n",
		false, 0, 0},
	{"a directory that goes up",
		N " machine x\n" N " dir good 1 1 /tmp/../etc\n" N " end\n", false, 0, 0},
	{"a directory with a blank",
		N " machine x\n" N " dir good 1 1 /tmp/a b\n" N " end\n", false, 0, 0},
	{"a state nobody knows", N " machine x\n" N " dir fine 1 1 /a\n" N " end\n",
		false, 0, 0},
	{"a number that is none", N " machine x\n" N " dir good -1 1 /a\n" N " end\n",
		false, 0, 0},
	{"a number that is too large",
		N " machine x\n" N " dir good 99999999999999999999 1 /a\n" N " end\n",
		false, 0, 0},
	{"too many directories",
		N " machine x\n" N " dir good 1 1 /a\n" N " dir good 1 1 /b\n" N
		  " dir good 1 1 /c\n" N " dir good 1 1 /d\n" N " dir good 1 1 /e\n" N
		  " end\n",
		false, 0, 0},
	{"two runners", N " machine x\n" N " runner 5\n" N " runner 6\n" N " end\n",
		false, 0, 0},
	{"a word nobody asked for", N " machine x\n" N " reboot now\n" N " end\n", false,
		0, 0},
};

static void test_answers(void)
{
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		autorelease(ssh_board) struct ssh_board b = {0};
		struct err e = {0};
		int status = ssh_board_parse(
			answers[i].text, strlen(answers[i].text), N, &b, &e);

		ok((status == 0) == answers[i].good &&
				(status == 0 || e.kind == ERR_INFRA) &&
				(status < 0 || (b.n_dirs == answers[i].n_dirs &&
						       b.runner_bytes ==
							       answers[i].runner_bytes)),
			"%s %s", answers[i].name, e.msg);
	}
}

/* However an answer is cut, and whatever byte of it is another. */
static void test_damage(void)
{
	const char *text = answers[0].text;
	size_t len = strlen(text), good = 0;

	for (size_t i = 0; i <= len; i++)
		for (int c = -1; c < 256; c++) {
			autorelease(ssh_board) struct ssh_board b = {0};
			autofree char *copy = xstrndup(text, c < 0 ? i : len);
			struct err e = {0};

			if (c >= 0 && i < len)
				copy[i] = (char)c;
			good += ssh_board_parse(copy, c < 0 ? i : len, N, &b, &e) == 0;
			for (size_t k = 0; k < b.n_dirs; k++)
				if (b.dirs[k].path &&
					strpbrk(b.dirs[k].path, " '\"$`\\;&|<>\n"))
					good = SIZE_MAX / 2;
		}
	ok(good > 0 && good < SIZE_MAX / 2,
		"no damage brings a shell's character through");
}

static void test_choice(void)
{
	struct ssh_board b = {.n_dirs = 3,
		.dirs = {{SSH_DIR_NOEXEC, 9000, 0, (char *)(uintptr_t) "/a"},
			{SSH_DIR_GOOD, 100, 50, (char *)(uintptr_t) "/b"},
			{SSH_DIR_GOOD, 5000, 0, (char *)(uintptr_t) "/c"}}};
	const struct ssh_dir *d;
	struct err e = {0};

	d = ssh_board_choose(&b, 150, &e);
	ok(d && streq(d->path, "/b"), "what is ours there already is room, too");
	d = ssh_board_choose(&b, 151, &e);
	ok(d && streq(d->path, "/c"), "the next one has room");
	ok(!ssh_board_choose(&b, 6144, &e), "none has room");
	is_str(e.msg,
		"there is no directory to work in: /a is where nothing can be executed "
		"(mounted noexec?); /b has 0.1 MiB free and 6.0 MiB are needed (5.9 MiB "
		"more); /c has 4.9 MiB free and 6.0 MiB are needed (1.1 MiB more)",
		"... with the figures");
}

static void test_machine(void)
{
	struct target t = {.name = (char *)(uintptr_t) "armv7"};
	struct ssh_board b = {0};
	struct err e = {0};

	strv_push(&t.uname, "armv7l");
	strv_push(&t.native_on, "aarch64");
	b.machine = (char *)(uintptr_t) "armv7l";
	ok(ssh_board_check_machine(&b, &t, &e) == 0, "its own kind");
	b.machine = (char *)(uintptr_t) "aarch64";
	ok(ssh_board_check_machine(&b, &t, &e) == 0, "one that runs it, too");
	b.machine = (char *)(uintptr_t) "riscv64";
	ok(ssh_board_check_machine(&b, &t, &e) < 0 && e.kind == ERR_INFRA, "another: %s",
		e.msg);
	strv_release(&t.uname);
	strv_release(&t.native_on);
}

static const struct {
	const char *text;
	int status; /* of the function */
	enum ssh_lock lock;
	const char *owner;
	uint64_t seconds;
} locks[] = {
	{"ready 17\n", 0, SSH_LOCK_OURS, NULL, 0},
	{"motd\r\nready 17\r\n", 0, SSH_LOCK_OURS, NULL, 0},
	{"held 90 me@host:5:run\n", 0, SSH_LOCK_HELD, "me@host:5:run", 90},
	{"held x me\n", -1, SSH_LOCK_OURS, NULL, 0},
	{"held 90\n", -1, SSH_LOCK_OURS, NULL, 0},
	{"held 90 \033[2J\n", 0, SSH_LOCK_HELD, "?[2J", 90},
	{"error: cannot enter it\n", -1, SSH_LOCK_OURS, NULL, 0},
	{"", -1, SSH_LOCK_OURS, NULL, 0},
};

static void test_locks(void)
{
	for (size_t i = 0; i < ARRAY_LEN(locks); i++) {
		autofree char *owner = NULL;
		enum ssh_lock lock = SSH_LOCK_OURS;
		uint64_t seconds = 0;
		struct err e = {0};
		int status = ssh_board_read_lock(locks[i].text, strlen(locks[i].text),
			&lock, &owner, &seconds, &e);

		ok(status == locks[i].status && lock == locks[i].lock &&
				streq_null(owner, locks[i].owner) &&
				seconds == locks[i].seconds,
			"lock %zu %s", i, e.msg);
	}
}

/* ---- the real shell */

static char *run_script(const char *script, const char *cache)
{
	autorelease(strv) struct strv argv = STRV_INIT, env = STRV_INIT;
	autorelease(proc_result) struct proc_result r = {0};
	struct proc_options o = {.env = &env, .timeout_ms = 60000};
	autofree char *home = fs_dirname(cache);
	struct err e = {0};

	strv_push_array(&argv, (const char *const[]){"sh", "-c", script, NULL});
	proc_environ(&env);
	strv_env_set(&env, "HOME", home);
	strv_env_set(&env, "XDG_CACHE_HOME", cache);
	if (proc_run(&argv, &o, &r, &e) < 0)
		return xstrdup(e.msg);
	return buf_take(&r.out);
}

static enum ssh_dir_state first_state(const char *cache, struct ssh_board *b)
{
	const struct ssh_board_need need = {N, "runner-77", 1};
	autorelease(buf) struct buf script = BUF_INIT;
	autofree char *text = NULL;
	struct err e = {0};

	ssh_board_script(&need, &script);
	text = run_script(buf_str(&script), cache);
	if (ssh_board_parse(text, strlen(text), N, b, &e) < 0 || !b->n_dirs) {
		printf("# %s\n# %s\n", e.msg, text);
		return SSH_DIR_N_STATES;
	}
	return b->dirs[0].state;
}

static void expect(const char *cache, enum ssh_dir_state state, const char *name)
{
	struct ssh_board b = {0};

	is_int(first_state(cache, &b), state, name);
	/* The next best one, if it was made for this. */
	for (size_t i = 1; i < b.n_dirs; i++)
		rmdir(b.dirs[i].path);
	ssh_board_release(&b);
}

static void test_question(const char *dir)
{
	autofree char *cache = fs_join(dir, "cache"), *work = fs_join(cache, "xtest"),
		      *runner = fs_join(work, "runner-77"), *odd = fs_join(dir, "a b"),
		      *words = NULL;
	autorelease(ssh_board) struct ssh_board b = {0};
	struct err e = {0};

	expect(cache, SSH_DIR_GOOD, "a cache that is not there is made");
	ok(chmod(work, 0755) == 0, "others are let in");
	expect(cache, SSH_DIR_OPEN, "... is not taken");
	ok(chmod(work, 0700) == 0 && fs_write_file(runner, "x", 1, 0700, &e) == 0,
		"a runner");
	is_int(first_state(cache, &b), SSH_DIR_GOOD, "... is found");
	is_int((long long)b.runner_bytes, 1, "... with its size");
	is_int(b.gunzip, system("command -v gunzip >/dev/null") == 0,
		"whether there is a gunzip");
	words = fs_join(dir, "elsewhere");
	ok(fs_remove_tree(work, &e) == 0 && mkdir(words, 0700) == 0 &&
			symlink(words, work) == 0,
		"a link");
	expect(cache, SSH_DIR_LINK, "... is not followed");
	ok(unlink(work) == 0 && symlink("nowhere", work) == 0, "a link to nothing");
	expect(cache, SSH_DIR_LINK, "... neither");
	ok(mkdir(odd, 0700) == 0, "a name with a blank");
	expect(odd, SSH_DIR_ODD, "... is not taken");
}

static void test_install(const char *dir)
{
	const struct ssh_board_need need = {N, "runner-77", 1};
	autofree char *upload = fs_join(dir, ".upload"), *old = fs_join(dir, "runner-66"),
		      *runner = fs_join(dir, "runner-77");
	char digest[HASH_HEX_SIZE];
	struct err e = {0};

	hash_memory("new", 3, digest);
	for (int good = 0; good < 2; good++) {
		autorelease(buf) struct buf script = BUF_INIT;
		autofree char *text = NULL;

		if (fs_write_file(upload, good ? "new" : "bad", 3, 0600, &e) < 0 ||
			fs_write_file(old, "old", 3, 0700, &e) < 0)
			abort();
		ssh_board_install_script(&need, dir, ".upload", 3, digest, &script);
		text = run_script(buf_str(&script), dir);
		ok((ssh_board_installed(text, strlen(text), N, &e) == 0) == good,
			good ? "the right one" : "another digest: %s", e.msg);
		ok(fs_exists(runner) == good && fs_exists(old) == !good &&
				!fs_exists(upload),
			"... %s", good ? "is there, and no other" : "is not there");
	}
}

int main(void)
{
	struct err e = {0};
	autofree char *dir = fs_temp_dir("xtest-ssh", &e);

	if (!dir)
		return 99;
	test_answers();
	test_damage();
	test_choice();
	test_machine();
	test_locks();
	test_question(dir);
	test_install(dir);
	return fs_remove_tree(dir, &e) < 0 ? 99 : tap_done();
}
