#include "wire/wire.h"

#include <errno.h>
#include <string.h>

#define FIELDS(type, ...) static const struct wire_field type##_fields[] = {__VA_ARGS__}
#define F(type, kind, field)                                                             \
	{                                                                                \
#field, WIRE_##kind, offsetof(struct wire_##type, field)                 \
	}
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MESSAGE(number, name, type)                                                      \
	{                                                                                \
		number, name, sizeof(struct wire_##type), COUNT(type##_fields),          \
			type##_fields                                                    \
	}

FIELDS(hello, F(hello, U32, version), F(hello, U32, features), F(hello, U64, session),
	F(hello, U32, last_seen), F(hello, U32, silence_ms), F(hello, U64, life));
FIELDS(welcome, F(welcome, U32, version), F(welcome, U32, features),
	F(welcome, U64, session), F(welcome, U32, last_seen), F(welcome, U32, resumed),
	F(welcome, STR, arch), F(welcome, STR, kernel), F(welcome, STR, build_id),
	F(welcome, STR, work), F(welcome, U32, big_endian), F(welcome, U32, word_bits),
	F(welcome, U32, page_size), F(welcome, U32, cpus), F(welcome, U64, memory_bytes),
	F(welcome, U64, disk_free_bytes), F(welcome, U32, pid), F(welcome, U32, uid),
	F(welcome, U32, gid), F(welcome, U64, life), F(welcome, U32, recalls));
FIELDS(sequence, F(sequence, U32, sequence));
FIELDS(ping, F(ping, U64, token), F(ping, U32, last_sent), F(ping, U32, running));
FIELDS(emulator, F(emulator, STR, name), F(emulator, BYTES, magic),
	F(emulator, BYTES, mask), F(emulator, STR, path), F(emulator, LIST, args),
	F(emulator, STR, argv0_option));
FIELDS(enter, F(enter, BYTES, emulators), F(enter, LIST, binds));
FIELDS(entered, F(entered, U32, done), F(entered, U32, binfmt_errno),
	F(entered, U32, binds_errno), F(entered, STR, binfmt_why),
	F(entered, STR, binds_why));
FIELDS(rlimit, F(rlimit, U32, limit), F(rlimit, U64, value));
FIELDS(run, F(run, U32, flags), F(run, LIST, prefix), F(run, LIST, argv),
	F(run, LIST, env), F(run, STR, cwd), F(run, U32, wall_ms), F(run, U32, idle_ms),
	F(run, U32, cpu_ms), F(run, U32, grace_ms), F(run, U32, leak_ms),
	F(run, U64, output_bytes), F(run, U32, tail_bytes), F(run, BYTES, rlimits),
	F(run, U32, uid), F(run, U32, gid), F(run, STR, tmpdir),
	F(run, LIST, tmpdir_names), F(run, U32, rows), F(run, U32, columns),
	F(run, U32, notice_ms));
FIELDS(started, F(started, U32, pid), F(started, STR, tmpdir), F(started, U64, entry));
FIELDS(struck, F(struck, U32, kind));
FIELDS(failed, F(failed, U32, step), F(failed, U32, error), F(failed, STR, text));
FIELDS(kill, F(kill, U32, signal), F(kill, U32, grace_ms));
FIELDS(input, F(input, U32, eof), F(input, BYTES, data), F(input, U32, rows),
	F(input, U32, columns));
FIELDS(output, F(output, U32, stream), F(output, U64, skipped), F(output, BYTES, data));
FIELDS(exited, F(exited, U32, kind), F(exited, U32, code), F(exited, U32, core),
	F(exited, U64, wall_us), F(exited, U64, user_us), F(exited, U64, system_us),
	F(exited, U64, max_rss_kib), F(exited, U32, leaked), F(exited, LIST, leak_names),
	F(exited, U64, dropped_out_bytes), F(exited, U64, dropped_err_bytes),
	F(exited, U32, killed_by_host));
FIELDS(digests, F(digests, BYTES, digests));
FIELDS(have, F(have, BYTES, digests), F(have, U32, lists));
FIELDS(blob, F(blob, BYTES, digest), F(blob, U32, coding), F(blob, BYTES, base),
	F(blob, U64, size_bytes), F(blob, U64, coded_bytes), F(blob, U64, offset),
	F(blob, BYTES, data));
FIELDS(stored, F(stored, BYTES, digest), F(stored, U32, error), F(stored, STR, text));
FIELDS(entry, F(entry, U32, kind), F(entry, U32, mode), F(entry, STR, path),
	F(entry, STR, target), F(entry, BYTES, digest), F(entry, U64, mtime_s),
	F(entry, U32, copy));
FIELDS(tree, F(tree, STR, name), F(tree, BYTES, entries), F(tree, U32, last),
	F(tree, BYTES, list), F(tree, U64, mtime_s));
FIELDS(result, F(result, STR, path), F(result, U32, error), F(result, STR, text));
FIELDS(read, F(read, STR, path), F(read, U64, offset), F(read, U64, length));
FIELDS(content, F(content, U64, offset), F(content, U32, last), F(content, U32, error),
	F(content, STR, text), F(content, BYTES, data));
FIELDS(clean, F(clean, STR, name), F(clean, U64, keep_bytes));
FIELDS(clock, F(clock, U64, realtime_ns), F(clock, BYTES, entropy));
FIELDS(bye, F(bye, U32, remove_work));
FIELDS(note, F(note, U32, level), F(note, STR, text));
FIELDS(recalled, F(recalled, BYTES, exited));

const struct wire_message msg_emulator = MESSAGE(0, "emulator", emulator);
const struct wire_message msg_rlimit = MESSAGE(0, "rlimit", rlimit);
const struct wire_message msg_entry = MESSAGE(0, "entry", entry);

static const struct wire_message messages[] = {
	MESSAGE(WIRE_HELLO, "HELLO", hello),
	MESSAGE(WIRE_WELCOME, "WELCOME", welcome),
	MESSAGE(WIRE_ACK, "ACK", sequence),
	MESSAGE(WIRE_ACKED, "ACKED", sequence),
	MESSAGE(WIRE_RESEND, "RESEND", sequence),
	MESSAGE(WIRE_REPEAT, "REPEAT", sequence),
	MESSAGE(WIRE_PING, "PING", ping),
	MESSAGE(WIRE_PONG, "PONG", ping),
	MESSAGE(WIRE_ENTER, "ENTER", enter),
	MESSAGE(WIRE_ENTERED, "ENTERED", entered),
	MESSAGE(WIRE_RUN, "RUN", run),
	MESSAGE(WIRE_STARTED, "STARTED", started),
	MESSAGE(WIRE_KILL, "KILL", kill),
	MESSAGE(WIRE_FAILED, "FAILED", failed),
	MESSAGE(WIRE_INPUT, "INPUT", input),
	MESSAGE(WIRE_OUTPUT, "OUTPUT", output),
	MESSAGE(WIRE_EXITED, "EXITED", exited),
	MESSAGE(WIRE_HAVE, "HAVE", have),
	MESSAGE(WIRE_MISSING, "MISSING", digests),
	MESSAGE(WIRE_BLOB, "BLOB", blob),
	MESSAGE(WIRE_STORED, "STORED", stored),
	MESSAGE(WIRE_TREE, "TREE", tree),
	MESSAGE(WIRE_STAGED, "STAGED", result),
	MESSAGE(WIRE_READ, "READ", read),
	MESSAGE(WIRE_CONTENT, "CONTENT", content),
	MESSAGE(WIRE_CLEAN, "CLEAN", clean),
	MESSAGE(WIRE_CLEANED, "CLEANED", result),
	MESSAGE(WIRE_CLOCK, "CLOCK", clock),
	MESSAGE(WIRE_CLOCK_SET, "CLOCK_SET", result),
	MESSAGE(WIRE_BYE, "BYE", bye),
	MESSAGE(WIRE_GONE, "GONE", bye),
	MESSAGE(WIRE_NOTE, "NOTE", note),
	MESSAGE(WIRE_RECALLED, "RECALLED", recalled),
	MESSAGE(WIRE_STRUCK, "STRUCK", struck),
};

const struct wire_message *msg_at(size_t index)
{
	return index < COUNT(messages) ? &messages[index] : NULL;
}

const struct wire_message *msg_find(unsigned int type)
{
	for (size_t i = 0; i < COUNT(messages); i++)
		if (messages[i].type == type)
			return &messages[i];
	return NULL;
}

/* ---- encoding: a writer that counts on after its buffer is full, so that one walk
 * serves size and content */

struct writer {
	uint8_t *out;
	size_t size, len;
};

static void write_raw(struct writer *w, const void *data, size_t len)
{
	if (len && w->len + len <= w->size)
		memcpy(w->out + w->len, data, len);
	w->len += len;
}

static void write_int(struct writer *w, uint64_t v, size_t width)
{
	uint8_t bytes[8];

	for (size_t i = 0; i < width; i++)
		bytes[i] = (uint8_t)(v >> 8 * i);
	write_raw(w, bytes, width);
}

static void write_list(struct writer *w, const struct wire_list *list)
{
	size_t len = 0, count = 0;

	if (!list->v) {
		write_int(w, list->count, 4);
		write_int(w, list->len, 4);
		write_raw(w, list->data, list->len);
		return;
	}
	for (; list->v[count]; count++)
		len += strlen(list->v[count]) + 1;
	write_int(w, count, 4);
	write_int(w, len, 4);
	for (size_t i = 0; i < count; i++)
		write_raw(w, list->v[i], strlen(list->v[i]) + 1);
}

static void write_field(struct writer *w, enum wire_kind kind, const void *field)
{
	const struct wire_bytes *bytes = field;
	const char *s;

	switch (kind) {
	case WIRE_U32:
		write_int(w, *(const uint32_t *)field, 4);
		break;
	case WIRE_U64:
		write_int(w, *(const uint64_t *)field, 8);
		break;
	case WIRE_STR:
		s = *(const char *const *)field;
		s = s ? s : "";
		write_int(w, strlen(s), 4);
		write_raw(w, s, strlen(s) + 1);
		break;
	case WIRE_BYTES:
		write_int(w, bytes->len, 4);
		write_raw(w, bytes->data, bytes->len);
		break;
	case WIRE_LIST:
		write_list(w, field);
		break;
	}
}

static size_t encode(
	const struct wire_message *m, const void *structure, uint8_t *out, size_t size)
{
	struct writer w = {.out = out, .size = size};

	for (size_t i = 0; i < m->field_count; i++)
		write_field(&w, m->fields[i].kind,
			(const char *)structure + m->fields[i].offset);
	return w.len;
}

size_t msg_size(const struct wire_message *m, const void *structure)
{
	return encode(m, structure, NULL, 0);
}

int msg_encode(
	const struct wire_message *m, const void *structure, uint8_t *out, size_t size)
{
	size_t len = encode(m, structure, out, size);

	return len <= size && len <= WIRE_MESSAGE_MAX ? (int)len : -EMSGSIZE;
}

/* ---- decoding */

struct reader {
	const uint8_t *p;
	size_t left;
};

static int read_int(struct reader *r, size_t width, uint64_t *v)
{
	if (r->left < width)
		return -EBADMSG;
	*v = 0;
	for (size_t i = 0; i < width; i++)
		*v |= (uint64_t)r->p[i] << 8 * i;
	r->p += width;
	r->left -= width;
	return 0;
}

static int read_bytes(struct reader *r, size_t extra, struct wire_bytes *bytes)
{
	uint64_t len;

	if (read_int(r, 4, &len) < 0 || len > r->left || extra > r->left - len)
		return -EBADMSG;
	bytes->data = r->p;
	bytes->len = (uint32_t)len;
	r->p += len + extra;
	r->left -= len + extra;
	return 0;
}

static int read_str(struct reader *r, const char **s)
{
	struct wire_bytes bytes;

	if (read_bytes(r, 1, &bytes) < 0 ||
		strnlen((const char *)bytes.data, bytes.len + 1u) != bytes.len)
		return -EBADMSG;
	*s = (const char *)bytes.data;
	return 0;
}

static int read_list(struct reader *r, struct wire_list *list)
{
	struct wire_bytes bytes;
	uint64_t count;
	uint32_t ends = 0;

	if (read_int(r, 4, &count) < 0 || read_bytes(r, 0, &bytes) < 0)
		return -EBADMSG;
	for (uint32_t i = 0; i < bytes.len; i++)
		ends += !bytes.data[i];
	if (ends != count || (bytes.len && bytes.data[bytes.len - 1]))
		return -EBADMSG;
	list->data = (const char *)bytes.data;
	list->len = bytes.len;
	list->count = ends;
	return 0;
}

static int read_field(struct reader *r, enum wire_kind kind, void *field)
{
	uint64_t v;

	switch (kind) {
	case WIRE_U32:
		if (read_int(r, 4, &v) < 0)
			return -EBADMSG;
		*(uint32_t *)field = (uint32_t)v;
		return 0;
	case WIRE_U64:
		return read_int(r, 8, field);
	case WIRE_STR:
		return read_str(r, field);
	case WIRE_BYTES:
		return read_bytes(r, 0, field);
	case WIRE_LIST:
		return read_list(r, field);
	}
	return -EBADMSG;
}

int msg_decode(
	const struct wire_message *m, const uint8_t *body, size_t len, void *structure)
{
	struct reader r = {body, len};

	memset(structure, 0, m->size);
	for (size_t i = 0; i < m->field_count; i++)
		if (m->fields[i].kind == WIRE_STR)
			*(const char **)((char *)structure + m->fields[i].offset) = "";
	for (size_t i = 0; i < m->field_count && r.left; i++)
		if (read_field(&r, m->fields[i].kind,
			    (char *)structure + m->fields[i].offset) < 0)
			return -EBADMSG;
	return 0;
}

const char *msg_list_next(const struct wire_list *list, const char **at)
{
	const char *s = *at ? *at : list->data;

	if (!list->count || s >= list->data + list->len)
		return NULL;
	*at = s + strlen(s) + 1;
	return s;
}

int msg_put_record(const struct wire_message *m, const void *structure, uint8_t *out,
	size_t size, size_t len)
{
	struct writer w = {.out = out, .size = size, .len = len};
	size_t record = msg_size(m, structure);

	if (record > WIRE_MESSAGE_MAX || len > size || size - len < 4 + record)
		return -EMSGSIZE;
	write_int(&w, record, 4);
	encode(m, structure, out + w.len, size - w.len);
	return (int)(w.len + record);
}

int msg_next_record(const struct wire_message *m, const struct wire_bytes *records,
	size_t *at, void *structure)
{
	struct reader r = {records->data + *at, records->len - *at};
	struct wire_bytes record;

	if (*at == records->len)
		return 0;
	if (read_bytes(&r, 0, &record) < 0 ||
		msg_decode(m, record.data, record.len, structure) < 0)
		return -EBADMSG;
	*at = records->len - r.left;
	return 1;
}
