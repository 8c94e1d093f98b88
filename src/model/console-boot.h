/*
 * Tells a machine that starts again from a kernel log that is only printed again (dmesg):
 * both begin with the same banner at time 0. The first lines with a time decide, which in
 * a log printed again were there before to the microsecond.
 */
#ifndef XTEST_MODEL_CONSOLE_BOOT_H
#define XTEST_MODEL_CONSOLE_BOOT_H

#include "model/console-line.h"

enum {
	CONSOLE_BOOT_KNOWN = 256, /* lines of a boot that are remembered */
	CONSOLE_BOOT_WAIT = 300,  /* lines until the first one with a time */
	CONSOLE_BOOT_SURE = 3,    /* lines there before; one may be so by chance */
};

/* Zero-initialise; nothing to release. */
struct console_boot {
	uint64_t known[CONSOLE_BOOT_KNOWN];
	size_t n;
	unsigned stage;       /* of the boot, the last one seen; 0: none */
	bool running;         /* it is known that a machine runs */
	bool undecided;       /* a banner waits for its answer */
	unsigned waited;      /* lines since then */
	unsigned known_again; /* of these, with a time and there before */
	bool again;           /* a log was printed again … */
	int64_t newest_us;    /* the latest stamp … */
	int64_t again_until;  /* … and the latest at that time */
};

enum console_boot_answer {
	CONSOLE_BOOT_FIRST, /* the machine starts, or goes on starting */
	CONSOLE_BOOT_RESET, /* it has started again */
	CONSOLE_BOOT_LATER, /* console_boot_decide() will say */
};

/* A banner of a stage. */
enum console_boot_answer console_boot_banner(
	struct console_boot *b, unsigned stage, const struct console_line *line);
/* While undecided, each line: FIRST when nothing has started, RESET, or LATER. */
enum console_boot_answer console_boot_decide(
	struct console_boot *b, const struct console_line *line);
/* Each line that is no answer: remembers it. True when it was there before. */
bool console_boot_is_again(struct console_boot *b, const struct console_line *line);
/* Ends the waiting at the end of the log: true when something has started. */
bool console_boot_end(struct console_boot *b);

#endif
