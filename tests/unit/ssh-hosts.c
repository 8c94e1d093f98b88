/* Whom known_hosts lets us talk to. */
#include "transport/ssh-hosts.h"

#include "base/fs.h"
#include "tests/tap.h"

#include <sys/stat.h>

/* Made by ssh-keygen -H of "[pi.lab]:2222". */
#define HASHED "|1|5tB6CmV7XfTcY5ucnq1EinCFg7I=|ruAu6+qBVm7+Tg52M5+3OXV2Wwk="

static const struct {
	const char *name, *text, *host;
	unsigned port;
	enum ssh_trust trust;
	unsigned line; /* that is named; 0: none */
} rows[] = {
	{"an empty file", "", "pi.lab", 22, SSH_TRUST_NEW, 0},
	{"its name", "# x\npi.lab ed A\n", "pi.lab", 22, SSH_TRUST_KNOWN, 2},
	{"its name in capitals", "Pi.Lab ed A\n", "PI.LAB", 22, SSH_TRUST_KNOWN, 1},
	{"one of several names", "10.0.0.7,pi.lab ed A me@here\n", "pi.lab", 22,
		SSH_TRUST_KNOWN, 1},
	{"a pattern", "*.lab ed A\n", "pi.lab", 22, SSH_TRUST_KNOWN, 1},
	{"not this one", "*.lab,!pi.lab ed A\n", "pi.lab", 22, SSH_TRUST_NEW, 0},
	{"another host", "pa.lab ed A\n", "pi.lab", 22, SSH_TRUST_NEW, 0},
	{"another key", "\npi.lab ed B\n", "pi.lab", 22, SSH_TRUST_CHANGED, 2},
	{"two keys, one of them its own", "pi.lab ed B\npi.lab ed A\n", "pi.lab", 22,
		SSH_TRUST_KNOWN, 2},
	{"a key of another kind only", "pi.lab rsa A\n", "pi.lab", 22, SSH_TRUST_CHANGED,
		1},
	{"another key is named before another kind", "pi.lab rsa C\npi.lab ed B\n",
		"pi.lab", 22, SSH_TRUST_CHANGED, 2},
	{"a revoked key", "pi.lab ed A\n@revoked * ed A\n", "pi.lab", 22,
		SSH_TRUST_REVOKED, 2},
	{"revoked first", "@revoked * ed A\npi.lab ed A\n", "pi.lab", 22,
		SSH_TRUST_REVOKED, 1},
	{"another key revoked", "@revoked * ed B\npi.lab ed A\n", "pi.lab", 22,
		SSH_TRUST_KNOWN, 2},
	{"an authority says nothing here", "@cert-authority *.lab ed A\n", "pi.lab", 22,
		SSH_TRUST_NEW, 0},
	{"its port", "[pi.lab]:2222 ed A\n", "pi.lab", 2222, SSH_TRUST_KNOWN, 1},
	{"another port", "[pi.lab]:2223 ed B\n", "pi.lab", 2222, SSH_TRUST_NEW, 0},
	{"the same key at the usual port", "pi.lab ed A\n", "pi.lab", 2222,
		SSH_TRUST_KNOWN, 1},
	{"another key at the usual port", "pi.lab ed B\n", "pi.lab", 2222, SSH_TRUST_NEW,
		0},
	{"revoked at the usual port", "@revoked pi.lab ed A\n", "pi.lab", 2222,
		SSH_TRUST_REVOKED, 1},
	{"a hashed name", HASHED " ed A\n", "pi.lab", 2222, SSH_TRUST_KNOWN, 1},
	{"a hashed name, another key", HASHED " ed B\n", "pi.lab", 2222,
		SSH_TRUST_CHANGED, 1},
	{"a hashed name of another", HASHED " ed A\n", "pa.lab", 2222, SSH_TRUST_NEW, 0},
	{"a damaged hash",
		"|1|5tB6CmV7|x ed A\n|1|!!|!! ed A\n|1| ed A\n|1|| ed A\n|2|a|b ed A\n",
		"pi.lab", 2222, SSH_TRUST_NEW, 0},
	{"a line that ends early", "pi.lab ed\npi.lab\n@revoked\n@revoked * ed", "pi.lab",
		22, SSH_TRUST_NEW, 0},
};

static void test_rows(const char *file)
{
	const struct ssh_host_key key = {"ed", "A"};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		autorelease(strv) struct strv files = STRV_INIT;
		autofree char *where = NULL;
		autofree char *wanted =
			rows[i].line ? xasprintf("%s:%u", file, rows[i].line) : NULL;
		enum ssh_trust trust = SSH_TRUST_NEW;
		struct err e = {0};

		strv_push(&files, "/nonexistent");
		strv_push(&files, file);
		if (fs_write_file(file, rows[i].text, strlen(rows[i].text), 0600, &e) < 0)
			abort();
		ok(ssh_hosts_judge(&files, rows[i].host, rows[i].port, &key, &trust,
			   &where, &e) == 0 &&
				trust == rows[i].trust,
			"%s", rows[i].name);
		is_str(where, wanted, "... and its line");
	}
}

static void test_types(const char *file)
{
	static const char text[] = "pi ed A\npi rsa B\npa dsa C\npi ed D\n"
				   "@revoked pi ecdsa E\n";
	autorelease(strv) struct strv files = STRV_INIT, types = STRV_INIT;
	autofree char *all = NULL;
	struct err e = {0};

	strv_push(&files, file);
	ok(fs_write_file(file, text, strlen(text), 0600, &e) == 0 &&
			ssh_hosts_types(&files, "pi", 22, &types, &e) == 0,
		"the kinds of its keys");
	all = strv_join(&types, " ");
	is_str(all, "ed rsa", "... without what is revoked");
}

static void test_add(const char *dir)
{
	autofree char *below = fs_join(dir, "ssh"), *file = fs_join(below, "known_hosts");
	const struct ssh_host_key key = {"ed", "A"};
	autorelease(strv) struct strv files = STRV_INIT;
	autorelease(buf) struct buf text = BUF_INIT;
	autofree char *where = NULL;
	enum ssh_trust trust = SSH_TRUST_NEW;
	struct stat st = {0};
	struct err e = {0};

	strv_push(&files, file);
	ok(ssh_hosts_add(file, "Pi", 22, &key, &e) == 0, "a file that is not there");
	ok(stat(below, &st) == 0 && (st.st_mode & 0777) == 0700,
		"... in a private folder");
	ok(fs_read_file(file, &text, &e) == 0 && streq(buf_str(&text), "pi ed A\n"),
		"... has one line");
	ok(fs_write_file(file, "pa ed B", 7, 0600, &e) == 0 &&
			ssh_hosts_add(file, "pi", 2222, &key, &e) == 0 &&
			ssh_hosts_judge(&files, "pi", 2222, &key, &trust, &where, &e) ==
				0 &&
			trust == SSH_TRUST_KNOWN,
		"behind a last line without an end");
	buf_clear(&text);
	ok(fs_read_file(file, &text, &e) == 0 &&
			streq(buf_str(&text), "pa ed B\n[pi]:2222 ed A\n"),
		"... both are there");
}

int main(void)
{
	struct err e = {0};
	autofree char *dir = fs_temp_dir("xtest-ssh", &e), *file = NULL;

	if (!dir)
		return 99;
	file = fs_join(dir, "known_hosts");
	test_rows(file);
	test_types(file);
	test_add(dir);
	return fs_remove_tree(dir, &e) < 0 ? 99 : tap_done();
}
