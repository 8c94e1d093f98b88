/*
 * What of a result a person is shown, and when: whether its line appears as it ends,
 * whether it is listed once more at the end, and where its output goes. The words and
 * their order are cargo-nextest's; each level shows what those before it show, too.
 */
#ifndef XTEST_MODEL_DISPLAY_H
#define XTEST_MODEL_DISPLAY_H

#include "base/util.h"

struct event;

/* Of all of these 0 is "nobody says". */

enum display_output {
	DISPLAY_OUTPUT_UNSET,
	DISPLAY_IMMEDIATE, /* as the case ends */
	DISPLAY_IMMEDIATE_FINAL,
	DISPLAY_FINAL, /* at the end of the run */
	DISPLAY_NEVER,
};

/* Results whose lines are shown as they end. */
enum display_status {
	DISPLAY_STATUS_UNSET,
	DISPLAY_STATUS_NONE,
	DISPLAY_STATUS_FAIL,
	DISPLAY_STATUS_RETRY, /* attempts that are followed by another, and what passed
				 after them */
	DISPLAY_STATUS_SLOW,  /* that a case goes on for long */
	DISPLAY_STATUS_LEAK,
	DISPLAY_STATUS_PASS,
	DISPLAY_STATUS_SKIP,
	DISPLAY_STATUS_ALL,
};

/* Results that are listed once more at the end. */
enum display_final {
	DISPLAY_FINAL_UNSET,
	DISPLAY_FINAL_NONE,
	DISPLAY_FINAL_FAIL,
	DISPLAY_FINAL_FLAKY,
	DISPLAY_FINAL_SLOW,
	DISPLAY_FINAL_SKIP,
	DISPLAY_FINAL_LEAK,
	DISPLAY_FINAL_PASS,
	DISPLAY_FINAL_ALL,
};

struct display {
	enum display_output success_output, failure_output;
	enum display_status status_level;
	enum display_final final_status_level;
};

/* The words of each enum in its order, without the 0; NULL at the end. */
extern const char *const display_output_words[];
extern const char *const display_status_words[];
extern const char *const display_final_words[];

/* The value of one of `words`; 0 of NULL, and of a word that is none of them. */
int display_find(const char *const *words, const char *word);
/* The word of a value; NULL of 0. */
const char *display_word(const char *const *words, int value);

/* What `first` leaves open is taken from `second`. */
struct display display_merge(struct display first, struct display second);

/* What becomes of one result. */
struct display_choice {
	bool line;         /* as it ends */
	bool output;       /* behind that line, which is there then in any case */
	bool final_line;   /* among those listed at the end */
	bool final_output; /* behind that line, likewise */
};

/* For an EVENT_CASE_END. `said` is what the command line says; what that leaves open is
 * said by the item and by `of_run`, and else by default: failures at once, flaky results
 * and worse once more at the end. `slow`: the case was told as slow. */
struct display_choice display_choose(const struct display *said,
	const struct display *of_run, const struct event *event, bool slow);
/* Whether a case that goes on for long is told. */
bool display_shows_slow(const struct display *said, const struct display *of_run);

#endif
