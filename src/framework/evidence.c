#include "framework/evidence.h"

static bool needs(const struct elf *elf, const char *library)
{
	for (size_t i = 0; i < elf->needed.len; i++)
		if (starts_with(elf->needed.v[i], library))
			return true;
	return false;
}

static bool prints(const struct elf *elf, const char *const pieces[2])
{
	autofree char *text = xasprintf("%s%s", pieces[0], pieces[1]);

	return elf_has_string(elf, text);
}

int evidence_bid(const struct elf *elf, const struct evidence *e)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(e->main_library) && e->main_library[i]; i++)
		if (needs(elf, e->main_library[i]))
			return EVIDENCE_CERTAIN;
	for (i = 0; i < ARRAY_LEN(e->symbol) && e->symbol[i]; i++)
		if (elf_has_symbol_like(elf, e->symbol[i]))
			return EVIDENCE_CERTAIN;
	/* A program that has its symbols and none of these only talks about it. */
	if (!e->text[0][0] || elf_has_symbol(elf, "main"))
		return 0;
	for (i = 0; i < ARRAY_LEN(e->text) && e->text[i][0]; i++)
		if (!prints(elf, e->text[i]))
			return 0;
	return EVIDENCE_LIKELY;
}
