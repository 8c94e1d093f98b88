#include "model/console-boot.h"

#include "base/hash.h"

static uint64_t key_of(const struct console_line *line)
{
	return hash_xxh64(line->text, line->len, (uint64_t)line->stamp_us);
}

static enum console_boot_answer accept_reset(struct console_boot *b)
{
	b->n = 0;
	b->newest_us = 0;
	b->again = false;
	b->undecided = false;
	b->running = false;
	return CONSOLE_BOOT_RESET;
}

enum console_boot_answer console_boot_banner(
	struct console_boot *b, unsigned stage, const struct console_line *line)
{
	bool reset = b->running || stage <= b->stage;

	if (!reset) {
		b->stage = stage;
		return CONSOLE_BOOT_FIRST;
	}
	if (line->stamped && b->n) {
		b->undecided = true;
		b->waited = b->known_again = 0;
		return CONSOLE_BOOT_LATER;
	}
	b->stage = stage;
	return accept_reset(b);
}

enum console_boot_answer console_boot_decide(
	struct console_boot *b, const struct console_line *line)
{
	uint64_t key = key_of(line);

	if ((!line->stamped || !line->stamp_us) && ++b->waited < CONSOLE_BOOT_WAIT)
		return CONSOLE_BOOT_LATER;
	for (size_t i = 0; i < b->n; i++)
		if (b->known[i] == key) {
			if (++b->known_again < CONSOLE_BOOT_SURE)
				return CONSOLE_BOOT_LATER;
			b->undecided = false;
			b->again = true;
			b->again_until = b->newest_us;
			return CONSOLE_BOOT_FIRST;
		}
	return accept_reset(b);
}

bool console_boot_is_again(struct console_boot *b, const struct console_line *line)
{
	if (!line->stamped)
		return false;
	if (b->again && line->stamp_us <= b->again_until)
		return true;
	b->newest_us = MAX(b->newest_us, line->stamp_us);
	if (line->stamp_us && b->n < CONSOLE_BOOT_KNOWN)
		b->known[b->n++] = key_of(line);
	return false;
}

bool console_boot_end(struct console_boot *b)
{
	if (!b->undecided)
		return false;
	accept_reset(b);
	return true;
}
