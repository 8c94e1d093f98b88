/* The protocol is written down three times: as structures in wire.h, as tables in msg.c
 * and for people in docs/protocol.md. The three must say the same. */
#include "wire/wire.h"

#include "tests/tap.h"

#include <ctype.h>

static char *read_text(const char *path)
{
	const char *top = getenv("top_srcdir");
	char full[4096], *text = calloc(1, 1 << 18);
	FILE *f;

	snprintf(full, sizeof(full), "%s/%s", top ? top : ".", path);
	f = fopen(full, "r");
	if (!f || !text || !fread(text, 1, (1 << 18) - 1, f)) {
		printf("Bail out! cannot read %s\n", full);
		exit(99);
	}
	fclose(f);
	return text;
}

static void blank_comments(char *text)
{
	char *end;

	while ((text = strstr(text, "/*")) && (end = strstr(text, "*/")))
		while (text < end + 2)
			*text++ = ' ';
}

/* ---- the page */

static void put_fields(char *out, size_t size, const struct wire_message *m)
{
	static const char *const kinds[] = {
		[WIRE_U32] = "u32",
		[WIRE_U64] = "u64",
		[WIRE_STR] = "str",
		[WIRE_BYTES] = "bytes",
		[WIRE_LIST] = "list",
	};

	for (size_t i = 0, len = 0; i < m->field_count && len < size; i++)
		len += (size_t)snprintf(out + len, size - len, "%s%s %s", i ? ", " : "",
			kinds[m->fields[i].kind], m->fields[i].name);
}

static void test_page(const char *page)
{
	const struct wire_message *const records[] = {
		&msg_emulator, &msg_rlimit, &msg_entry};
	const struct wire_message *m;
	char fields[1024], row[2048];
	size_t rows = 0, count = 0;
	const char *p;

	for (; (m = msg_at(count)); count++) {
		put_fields(fields, sizeof(fields), m);
		snprintf(row, sizeof(row), "\n| %u | %s | %s | %s | %s | ", m->type,
			m->name, m->type % 2 ? "runner" : "host",
			m->type < WIRE_ENTER ? "" : "yes", fields);
		p = strstr(page, row);
		if (!ok(p && isalpha((unsigned char)p[strlen(row)]),
			    "docs/protocol.md explains %s", m->name))
			printf("# expected: %s\n", row + 1);
	}
	for (p = page; (p = strstr(p, "\n| ")); p++)
		rows += isdigit((unsigned char)p[3]) != 0;
	is_int((long long)rows, (long long)count, "and nothing else");
	for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
		put_fields(fields, sizeof(fields), records[i]);
		snprintf(row, sizeof(row), "\n- `%s`: %s\n", records[i]->name, fields);
		ok(strstr(page, row) != NULL, "docs/protocol.md explains %s",
			records[i]->name);
	}
}

/* ---- the structures */

/* The kind as msg.c writes it for a declaration of wire.h, or NULL. */
static const char *kind_of(const char *declaration)
{
	static const char *const table[][2] = {
		{"uint32_t ", "U32"},
		{"uint64_t ", "U64"},
		{"const char *", "STR"},
		{"struct wire_bytes ", "BYTES"},
		{"struct wire_list ", "LIST"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strncmp(declaration, table[i][0], strlen(table[i][0])) == 0)
			return table[i][1];
	return NULL;
}

/* One blank for any number of them, so that "type name" looks like itself however the
 * lines are broken. */
static void squeeze(char *text)
{
	char *to = text;

	for (char *from = text; *from; from++)
		if (!isspace((unsigned char)*from) || (to > text && to[-1] != ' '))
			*to++ = isspace((unsigned char)*from) ? ' ' : *from;
	*to = '\0';
}

/* Every declaration of `body` stands in the table of `name`, in order and with its kind,
 * and the table has no more. */
static void test_structure(const char *name, char *body, const char *source)
{
	char entry[256], *declaration, *rest = body;
	const char *at, *end;
	size_t wrong = 0;

	snprintf(entry, sizeof(entry), "FIELDS(%s,", name);
	at = strstr(source, entry);
	if (!at)
		return;
	end = strstr(at, "));");
	for (; (declaration = strtok_r(rest, ";", &rest));) {
		const char *kind;

		declaration += strspn(declaration, " ");
		if (!*declaration)
			continue;
		kind = kind_of(declaration);
		declaration = strrchr(declaration, ' ') + 1;
		declaration += *declaration == '*';
		snprintf(entry, sizeof(entry), " F(%s, %s, %s)", name, kind ? kind : "?",
			declaration);
		at = strstr(at, " F(");
		if (!at || at > end || strncmp(at, entry, strlen(entry)) != 0) {
			printf("# not there, or not in its place: %s\n", entry);
			wrong++;
			break;
		}
		at++;
	}
	if (!wrong && (at = strstr(at, " F(")) && at < end) {
		printf("# too much: %.60s\n", at);
		wrong++;
	}
	ok(!wrong, "msg.c has struct wire_%s as wire.h has it", name);
}

static void test_structures(char *header, char *source)
{
	char name[64], *p = header, *body, *end;

	blank_comments(header);
	squeeze(header);
	squeeze(source);
	while ((p = strstr(p, "struct wire_"))) {
		p += strlen("struct wire_");
		if (sscanf(p, "%63[a-z0-9_] {", name) != 1 || p[strlen(name) + 1] != '{')
			continue;
		body = strchr(p, '{') + 1;
		end = strchr(body, '}');
		*end = '\0';
		p = end + 1;
		test_structure(name, body, source);
	}
}

/* ---- the numbers */

static void test_numbers(const char *header)
{
	const char *p = strstr(header, "enum wire_type {"),
		   *end = p ? strchr(p, '}') : NULL;
	char name[64];
	unsigned int number;

	for (; p && (p = strstr(p, "WIRE_")) && p < end; p++) {
		const struct wire_message *m;

		if (sscanf(p, "WIRE_%63[A-Z_] = %u", name, &number) != 2)
			continue;
		m = msg_find(number);
		is_str(m ? m->name : NULL, name, "a number of wire.h is in msg.c");
	}
}

int main(void)
{
	char *header = read_text("src/wire/wire.h"),
	     *source = read_text("src/wire/msg.c"), *page = read_text("docs/protocol.md");

	test_page(page);
	test_numbers(header);
	test_structures(header, source);
	free(header);
	free(source);
	free(page);
	return tap_done();
}
