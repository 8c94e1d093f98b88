#include "transport/ssh-hosts.h"

#include "base/fs.h"
#include "base/hash.h"
#include "transport/ssh-words.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { USUAL_PORT = 22, HASH_SIZE = HASH_SHA1_SIZE };

/* One line that names the host. */
struct line {
	const char *file;
	unsigned number;
	bool revoked;
	const char *type, *base64;
};

/* Returns true to end the search. */
typedef bool on_line(void *ctx, const struct line *line);

char *ssh_hosts_name(const char *host, unsigned port)
{
	autofree char *name = port == USUAL_PORT || !port
				      ? xstrdup(host)
				      : xasprintf("[%s]:%u", host, port);

	for (char *c = name; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return take_ptr(name);
}

/* "|1|SALT|HASH": HMAC-SHA1 of the name under the salt. */
static bool matches_hash(const char *field, const char *name)
{
	uint8_t salt[HASH_SIZE], want[HASH_SIZE], have[HASH_SIZE];
	const char *text = field + strlen("|1|"), *bar = strchr(text, '|');

	if (!bar || hash_base64(text, (size_t)(bar - text), salt, HASH_SIZE) < 0 ||
		hash_base64(bar + 1, strlen(bar + 1), want, HASH_SIZE) < 0)
		return false;
	hash_hmac_sha1(salt, HASH_SIZE, name, strlen(name), have);
	return memcmp(want, have, HASH_SIZE) == 0;
}

static bool names(const char *field, const char *name)
{
	return starts_with(field, "|1|") ? matches_hash(field, name)
					 : ssh_words_match_list(field, ",", name);
}

static bool read_line(const char *text, size_t len, const char *name, struct line *line,
	on_line *found, void *ctx)
{
	autofree char *copy = xstrndup(text, len);
	autorelease(strv) struct strv words = STRV_INIT;
	size_t first;

	strv_split(&words, copy, " \t");
	if (words.len < 3 || *words.v[0] == '#')
		return false;
	first = *words.v[0] == '@';
	/* Of certificates nothing is understood, so nobody is trusted for one. */
	if (first && !streq(words.v[0], "@revoked"))
		return false;
	if (words.len < first + 3 || !names(words.v[first], name))
		return false;
	line->revoked = first;
	line->type = words.v[first + 1];
	line->base64 = words.v[first + 2];
	return found(ctx, line);
}

static int search(const struct strv *files, const char *name, on_line *found, void *ctx,
	struct err *e)
{
	for (size_t i = 0; i < files->len; i++) {
		autorelease(buf) struct buf text = BUF_INIT;
		struct line line = {.file = files->v[i]};
		const char *at;
		size_t pos = 0, len;

		if (!fs_is_file(files->v[i]))
			continue;
		if (fs_read_file(files->v[i], &text, e) < 0)
			return -1;
		while (buf_next_line(buf_str(&text), text.len, &pos, &at, &len)) {
			line.number++;
			if (read_line(at, len, name, &line, found, ctx))
				return 0;
		}
	}
	return 0;
}

/* ---- judging */

struct judging {
	const struct ssh_host_key *key;
	enum ssh_trust trust;
	char **where;
	bool same_type; /* of the line that told of a change */
};

static void decide(struct judging *j, enum ssh_trust trust, const struct line *line)
{
	j->trust = trust;
	free(*j->where);
	*j->where = xasprintf("%s:%u", line->file, line->number);
}

static bool judge_line(void *ctx, const struct line *line)
{
	struct judging *j = ctx;
	bool same_type = streq(line->type, j->key->type);
	bool same = same_type && streq(line->base64, j->key->base64);

	if (line->revoked) {
		if (same)
			decide(j, SSH_TRUST_REVOKED, line);
		return same;
	}
	if (same) {
		/* A line further down may revoke it. */
		decide(j, SSH_TRUST_KNOWN, line);
	} else if (j->trust == SSH_TRUST_NEW ||
		   (j->trust == SSH_TRUST_CHANGED && same_type && !j->same_type)) {
		j->same_type = same_type;
		decide(j, SSH_TRUST_CHANGED, line);
	}
	return false;
}

int ssh_hosts_judge(const struct strv *files, const char *host, unsigned port,
	const struct ssh_host_key *key, enum ssh_trust *trust, char **where,
	struct err *e)
{
	autofree char *name = ssh_hosts_name(host, port);
	autofree char *elsewhere = NULL;
	struct judging j = {.key = key, .trust = SSH_TRUST_NEW, .where = where};
	struct judging plain = {.key = key, .trust = SSH_TRUST_NEW, .where = &elsewhere};

	if (search(files, name, judge_line, &j, e) < 0)
		return -1;
	*trust = j.trust;
	if (j.trust != SSH_TRUST_NEW || !port || port == USUAL_PORT)
		return 0;
	/* As in OpenSSH: the same key at the usual port is the same host. */
	free(name);
	name = ssh_hosts_name(host, USUAL_PORT);
	if (search(files, name, judge_line, &plain, e) < 0)
		return -1;
	if (plain.trust == SSH_TRUST_NEW || plain.trust == SSH_TRUST_CHANGED)
		return 0;
	*trust = plain.trust;
	*where = take_ptr(elsewhere);
	return 0;
}

static bool note_type(void *ctx, const struct line *line)
{
	struct strv *types = ctx;

	if (!line->revoked && !strv_has(types, line->type))
		strv_push(types, line->type);
	return false;
}

int ssh_hosts_types(const struct strv *files, const char *host, unsigned port,
	struct strv *types, struct err *e)
{
	autofree char *name = ssh_hosts_name(host, port);

	return search(files, name, note_type, types, e);
}

/* ---- noting down */

static bool ends_line(int fd)
{
	char last = '\n';
	off_t size = lseek(fd, 0, SEEK_END);

	return size <= 0 || (pread(fd, &last, 1, size - 1) == 1 && last == '\n');
}

int ssh_hosts_add(const char *file, const char *host, unsigned port,
	const struct ssh_host_key *key, struct err *e)
{
	autofree char *name = ssh_hosts_name(host, port), *dir = fs_dirname(file),
		      *line = NULL;
	autoclose int fd = -1;

	if (!fs_is_dir(dir)) {
		if (fs_mkdir_p(dir, e) < 0)
			return -1;
		if (chmod(dir, 0700) < 0)
			return err_sys(e, errno, "make %s private", dir);
	}
	fd = open(file, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(e, errno, "note a host's key in %s", file);
	line = xasprintf(
		"%s%s %s %s\n", ends_line(fd) ? "" : "\n", name, key->type, key->base64);
	if (fs_write_all(fd, line, strlen(line)) < 0)
		return err_sys(e, errno, "note a host's key in %s", file);
	return 0;
}
