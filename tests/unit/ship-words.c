#include "engine/ship-words.h"

#include "tests/tap.h"

int main(void)
{
	static const struct {
		const char *name;
		struct ship_figures f;
		int64_t elapsed_ms;
		const char *doing, *sent;
	} table[] = {
		{"nothing is known yet", {5000, 0, 0, 0}, 10,
			"sending what the tests need", "0.0 KiB sent for 4.9 KiB"},
		{"begun", {50 << 20, 10 << 20, 0, 0}, 100,
			"sending what the tests need: 0.0 of 10.0 MiB, 40.0 MiB saved",
			"0.0 KiB sent for 50.0 MiB"},
		{"in its midst", {50 << 20, 10 << 20, 4 << 20, 1 << 20}, 2000,
			"sending what the tests need: 4.0 of 10.0 MiB, 512.0 KiB/s, "
			"43.0 MiB saved",
			"1.0 MiB sent for 50.0 MiB"},
		{"what does not shrink saves nothing", {1000, 1000, 1000, 1010}, 1000,
			"sending what the tests need: 0.0 of 0.0 MiB, 1.0 KiB/s, 0.0 KiB "
			"saved",
			"1.0 KiB sent for 1.0 KiB"},
		{"more of the list than of files", {0, 300, 300, 100}, 0,
			"sending what the tests need: 0.0 of 0.0 MiB, 0.2 KiB saved",
			"0.1 KiB sent for 0.0 KiB"},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		autofree char *doing = ship_words_doing(&table[i].f, table[i].elapsed_ms);
		autofree char *sent = ship_words_sent(&table[i].f);

		is_str(doing, table[i].doing, table[i].name);
		is_str(sent, table[i].sent, table[i].name);
	}
	return tap_done();
}
