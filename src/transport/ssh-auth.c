/* Being let in: keys, an agent, and a person's answers. Secrets live on this stack only,
 * and are overwritten after use. */
#include "transport/ssh-client-private.h"

#include "base/fs.h"
#include "transport/ssh-prompt.h"

enum {
	SECRET_SIZE = 1024,
	ANSWER_LIMIT_MS = 30000, /* of the server */
	ASKED_MAX = 3,           /* as OpenSSH: NumberOfPasswordPrompts */
	ROUNDS_MAX = 8, /* a server may ask for several ways, one after another */
	PROMPTS_MAX = 16,
};

struct authentication {
	struct ssh_client *c;
	struct strv tried; /* for people */
	bool locked_key;   /* a key was left out: nobody could be asked for its passphrase
			    */
};

static void tried(struct authentication *a, const char *what)
{
	if (!strv_has(&a->tried, what))
		strv_push(&a->tried, what);
}

static void wait_for_server(struct authentication *a)
{
	a->c->options.allow(a->c->options.ctx, ANSWER_LIMIT_MS, "be let in");
}

static int ask(struct authentication *a, const char *text, bool echo, char *answer)
{
	int status;

	a->c->options.allow(a->c->options.ctx, 0, NULL);
	status = ssh_prompt_ask(text, echo, a->c->options.parent_fd, answer, SECRET_SIZE);
	wait_for_server(a);
	return status;
}

/* ---- keys in files */

struct passphrase {
	struct authentication *a;
	const char *file;
	bool may_ask, asked;
};

static int on_passphrase(const char *prompt, char *buffer, size_t len, int echo,
	int verify, void *userdata)
{
	struct passphrase *p = userdata;
	autofree char *text = xasprintf("Passphrase of %s: ", p->file);
	char secret[SECRET_SIZE];

	(void)prompt, (void)echo, (void)verify;
	p->asked = true;
	if (!p->may_ask || ask(p->a, text, false, secret) < 0)
		return -1;
	strncpy(buffer, secret, len - 1);
	buffer[len - 1] = '\0';
	explicit_bzero(secret, sizeof secret);
	return 0;
}

/* False when the public half lies beside it and the server does not want it: then nobody
 * needs to be asked for the passphrase. */
static bool is_wanted(struct authentication *a, const char *file)
{
	autofree char *beside = xasprintf("%s.pub", file);
	ssh_key key = NULL;
	int status;

	if (ssh_pki_import_pubkey_file(beside, &key) != SSH_OK)
		return true;
	status = ssh_userauth_try_publickey(a->c->session, NULL, key);
	ssh_key_free(key);
	return status == SSH_AUTH_SUCCESS;
}

/* `locked`: the keys with a passphrase, or those without. */
static int try_file(struct authentication *a, const char *file, bool locked)
{
	struct passphrase p = {.a = a, .file = file, .may_ask = locked};
	ssh_key key = NULL;
	int status;

	if (!fs_is_file(file) || (locked && !is_wanted(a, file)))
		return SSH_AUTH_DENIED;
	if (ssh_pki_import_privkey_file(file, NULL, on_passphrase, &p, &key) != SSH_OK) {
		a->locked_key |= p.asked;
		return SSH_AUTH_DENIED;
	}
	if (locked && !p.asked) {
		ssh_key_free(key); /* had its turn */
		return SSH_AUTH_DENIED;
	}
	tried(a, file);
	status = ssh_userauth_publickey(a->c->session, NULL, key);
	ssh_key_free(key);
	return status;
}

static bool is_done(int status)
{
	return status == SSH_AUTH_SUCCESS || status == SSH_AUTH_PARTIAL;
}

static int try_files(struct authentication *a, bool locked)
{
	const struct strv *files = &a->c->settings.identities;

	for (size_t i = 0; i < files->len; i++) {
		int status = try_file(a, files->v[i], locked);

		if (is_done(status))
			return status;
	}
	return SSH_AUTH_DENIED;
}

static int try_agent(struct authentication *a)
{
	const struct ssh_settings *s = &a->c->settings;

	if (s->identities_only || (s->agent && streq(s->agent, "none")) ||
		(!s->agent && !getenv("SSH_AUTH_SOCK")))
		return SSH_AUTH_DENIED;
	tried(a, "the agent's keys");
	return ssh_userauth_agent(a->c->session, NULL);
}

static int try_keys(struct authentication *a)
{
	int status = try_files(a, false);

	if (!is_done(status))
		status = try_agent(a);
	if (!is_done(status) && ssh_prompt_can())
		status = try_files(a, true);
	return status;
}

/* ---- a person */

/* One answer for each of the server's questions. */
static int answer_questions(struct authentication *a)
{
	ssh_session session = a->c->session;
	int n = ssh_userauth_kbdint_getnprompts(session);

	if (n > PROMPTS_MAX)
		return -1;
	for (int i = 0; i < n; i++) {
		char echo = 0, secret[SECRET_SIZE];
		const char *prompt =
			ssh_userauth_kbdint_getprompt(session, (unsigned)i, &echo);
		autofree char *text =
			xasprintf("%s: %s", a->c->name, prompt ? prompt : "");
		int status = ask(a, text, echo, secret);

		if (status == 0)
			status = ssh_userauth_kbdint_setanswer(
				session, (unsigned)i, secret);
		explicit_bzero(secret, sizeof secret);
		if (status < 0)
			return -1;
	}
	return 0;
}

static int try_questions(struct authentication *a)
{
	int status = SSH_AUTH_DENIED;

	tried(a, "your answers");
	for (int i = 0; i < ASKED_MAX && status == SSH_AUTH_DENIED; i++) {
		status = ssh_userauth_kbdint(a->c->session, NULL, NULL);
		for (int k = 0; k < ROUNDS_MAX && status == SSH_AUTH_INFO; k++) {
			if (answer_questions(a) < 0)
				return SSH_AUTH_DENIED;
			status = ssh_userauth_kbdint(a->c->session, NULL, NULL);
		}
	}
	return status;
}

static int try_password(struct authentication *a)
{
	autofree char *text = xasprintf("Password of %s: ", a->c->name);
	int status = SSH_AUTH_DENIED;

	tried(a, "a password");
	for (int i = 0; i < ASKED_MAX && status == SSH_AUTH_DENIED; i++) {
		char secret[SECRET_SIZE];

		if (ask(a, text, false, secret) < 0)
			return SSH_AUTH_DENIED;
		status = ssh_userauth_password(a->c->session, NULL, secret);
		explicit_bzero(secret, sizeof secret);
	}
	return status;
}

/* ---- all of it */

static int try_all(struct authentication *a)
{
	unsigned ways = (unsigned)ssh_userauth_list(a->c->session, NULL);
	int status = SSH_AUTH_DENIED;

	if (ways & SSH_AUTH_METHOD_PUBLICKEY)
		status = try_keys(a);
	if (is_done(status) || status == SSH_AUTH_ERROR || !ssh_prompt_can())
		return status;
	if (ways & SSH_AUTH_METHOD_INTERACTIVE)
		status = try_questions(a);
	if (!is_done(status) && ways & SSH_AUTH_METHOD_PASSWORD)
		status = try_password(a);
	return status;
}

static void describe_ways(struct authentication *a, struct buf *text)
{
	static const struct {
		unsigned bit;
		const char *name;
	} ways[] = {
		{SSH_AUTH_METHOD_PUBLICKEY, "publickey"},
		{SSH_AUTH_METHOD_INTERACTIVE, "keyboard-interactive"},
		{SSH_AUTH_METHOD_PASSWORD, "password"},
		{SSH_AUTH_METHOD_HOSTBASED, "hostbased"},
		{SSH_AUTH_METHOD_GSSAPI_MIC, "gssapi-with-mic"},
	};
	unsigned offered = (unsigned)ssh_userauth_list(a->c->session, NULL);
	autofree char *list = strv_join(&a->tried, ", ");

	buf_printf(text, "; tried: %s; the server takes:", *list ? list : "nothing");
	for (size_t i = 0; i < ARRAY_LEN(ways); i++)
		if (offered & ways[i].bit)
			buf_printf(text, " %s", ways[i].name);
	if (!ssh_prompt_can())
		buf_append_str(text, a->locked_key
					     ? "; a key has a passphrase, and there is "
					       "no terminal to ask on: use an agent"
					     : "; there is no terminal to ask on");
}

int ssh_auth_run(struct ssh_client *c, struct err *e)
{
	struct authentication a = {.c = c, .tried = STRV_INIT};
	autorelease(buf) struct buf text = BUF_INIT;
	int status;

	wait_for_server(&a);
	status = ssh_userauth_none(c->session, NULL);
	for (int i = 0; i < ROUNDS_MAX && status != SSH_AUTH_SUCCESS; i++) {
		status = try_all(&a);
		if (status != SSH_AUTH_PARTIAL)
			break;
	}
	if (status == SSH_AUTH_SUCCESS) {
		strv_release(&a.tried);
		return 0;
	}
	describe_ways(&a, &text);
	strv_release(&a.tried);
	if (!ssh_is_connected(c->session))
		return err_set(e, ERR_INFRA,
			"%s ended the connection and lets %s not in%s", c->name,
			c->settings.user, buf_str(&text));
	return err_set(e, ERR_INFRA, "%s does not let %s in%s", c->name, c->settings.user,
		buf_str(&text));
}
