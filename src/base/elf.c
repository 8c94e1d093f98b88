#include "base/elf.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef DF_1_PIE
#define DF_1_PIE 0x08000000
#endif

/* The file stays mapped while the searches may be asked. */
struct elf_file {
	Elf *elf;
	const char *raw; /* the whole file */
	size_t size;
};

/* A NUL-terminated string inside the file, or NULL when it does not end there. */
static const char *string_at(const struct elf_file *f, uint64_t offset)
{
	if (offset >= f->size || !memchr(f->raw + offset, '\0', f->size - offset))
		return NULL;
	return f->raw + offset;
}

/* Where in the file the loaded address is; false when no segment has it. */
static bool offset_of(const struct elf_file *f, uint64_t address, uint64_t *offset)
{
	size_t n = 0;
	GElf_Phdr ph;

	if (elf_getphdrnum(f->elf, &n) < 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!gelf_getphdr(f->elf, (int)i, &ph) || ph.p_type != PT_LOAD)
			continue;
		if (address >= ph.p_vaddr && address - ph.p_vaddr < ph.p_filesz) {
			*offset = ph.p_offset + (address - ph.p_vaddr);
			return true;
		}
	}
	return false;
}

struct dynamic {
	Elf_Data *data;
	size_t n;
	uint64_t strings; /* offset in the file */
	uint64_t flags_1;
};

static bool dynamic_entry(const struct dynamic *d, size_t i, GElf_Dyn *entry)
{
	return i < d->n && gelf_getdyn(d->data, (int)i, entry) && entry->d_tag != DT_NULL;
}

static int read_dynamic(struct elf *out, const GElf_Phdr *ph, struct dynamic *d)
{
	const struct elf_file *f = out->file;
	const char *rpath = NULL, *runpath = NULL;
	uint64_t address = 0;
	GElf_Dyn entry;

	d->data = elf_getdata_rawchunk(
		f->elf, (int64_t)ph->p_offset, ph->p_filesz, ELF_T_DYN);
	if (!d->data)
		return -1;
	d->n = d->data->d_size / gelf_fsize(f->elf, ELF_T_DYN, 1, EV_CURRENT);
	for (size_t i = 0; dynamic_entry(d, i, &entry); i++) {
		if (entry.d_tag == DT_STRTAB)
			address = entry.d_un.d_ptr;
		else if (entry.d_tag == DT_FLAGS_1)
			d->flags_1 = entry.d_un.d_val;
	}
	if (!address)
		return 0;
	if (!offset_of(f, address, &d->strings))
		return -1;
	for (size_t i = 0; dynamic_entry(d, i, &entry); i++) {
		const char *text;

		if (entry.d_tag != DT_NEEDED && entry.d_tag != DT_SONAME &&
			entry.d_tag != DT_RPATH && entry.d_tag != DT_RUNPATH)
			continue;
		if (entry.d_un.d_val > f->size)
			return -1;
		text = string_at(f, d->strings + entry.d_un.d_val);
		if (!text)
			return -1;
		if (entry.d_tag == DT_NEEDED)
			strv_push(&out->needed, text);
		else if (entry.d_tag == DT_RPATH)
			rpath = text;
		else if (entry.d_tag == DT_RUNPATH)
			runpath = text;
		else if (!out->soname)
			out->soname = xstrdup(text);
	}
	if (runpath || rpath)
		strv_split(&out->runpath, runpath ? runpath : rpath, ":");
	return 0;
}

static int read_segments(struct elf *out, const GElf_Ehdr *eh)
{
	const struct elf_file *f = out->file;
	struct dynamic d = {0};
	size_t n = 0;
	GElf_Phdr ph;

	/* Without program headers libelf reports failure for some objects. */
	if (eh->e_phoff && elf_getphdrnum(f->elf, &n) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (!gelf_getphdr(f->elf, (int)i, &ph))
			return -1;
		if (ph.p_type == PT_INTERP && ph.p_filesz && !out->interpreter) {
			const char *text = string_at(f, ph.p_offset);

			if (!text)
				return -1;
			out->interpreter = xstrdup(text);
		} else if (ph.p_type == PT_DYNAMIC && ph.p_filesz && !d.data) {
			if (read_dynamic(out, &ph, &d) < 0)
				return -1;
		}
	}
	/* The C library itself has an interpreter, so that it can print its version. */
	if (eh->e_type == ET_DYN &&
		((d.flags_1 & DF_1_PIE) || (out->interpreter && !out->soname)))
		out->kind = ELF_KIND_EXECUTABLE;
	return 0;
}

static int read_header(struct elf *out, GElf_Ehdr *eh)
{
	if (!gelf_getehdr(out->file->elf, eh))
		return -1;
	out->id.machine = eh->e_machine;
	out->id.class = eh->e_ident[EI_CLASS] == ELFCLASS64 ? 64 : 32;
	out->id.big_endian = eh->e_ident[EI_DATA] == ELFDATA2MSB;
	out->id.flags = eh->e_flags;
	out->fixed = eh->e_type == ET_EXEC;
	out->entry = eh->e_entry;
	switch (eh->e_type) {
	case ET_EXEC:
		out->kind = ELF_KIND_EXECUTABLE;
		return 0;
	case ET_DYN:
		out->kind = ELF_KIND_SHARED;
		return 0;
	case ET_REL:
		out->kind = ELF_KIND_OBJECT;
		return 0;
	case ET_CORE:
		out->kind = ELF_KIND_CORE;
		return 0;
	}
	return -1;
}

static struct elf_file *map_file(int fd)
{
	struct elf_file *f;
	Elf *elf;

	if (elf_version(EV_CURRENT) == EV_NONE)
		return NULL;
	elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	if (!elf)
		return NULL;
	f = xcalloc(1, sizeof *f);
	f->elf = elf;
	f->raw = elf_rawfile(elf, &f->size);
	/* From here on everything comes from the mapping; the caller closes `fd`. */
	if (elf_kind(elf) != ELF_K_ELF || !f->raw || elf_cntl(elf, ELF_C_FDREAD) < 0) {
		elf_end(elf);
		free(f);
		return NULL;
	}
	return f;
}

int elf_open(const char *path, struct elf *out, struct err *e)
{
	/* A FIFO must not block, and nothing but a regular file is ELF. */
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char magic[4] = "";
	struct stat st;
	GElf_Ehdr eh;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, errno, "open %s", path);
	if (!S_ISREG(st.st_mode))
		return 0;
	switch (pread(fd, magic, sizeof magic, 0)) {
	case -1:
		return err_sys(e, errno, "read %s", path);
	case sizeof magic:
		break;
	default:
		return 0;
	}
	if (memcmp(magic, "\177ELF", sizeof magic) != 0)
		return 0;
	*out = (struct elf){0};
	out->file = map_file(fd);
	if (!out->file || read_header(out, &eh) < 0 || read_segments(out, &eh) < 0) {
		elf_release(out);
		return err_set(e, ERR_SETUP, "%s is a damaged ELF file", path);
	}
	return 1;
}

void elf_release(struct elf *elf)
{
	free(elf->interpreter);
	free(elf->soname);
	strv_release(&elf->needed);
	strv_release(&elf->runpath);
	if (elf->file) {
		elf_end(elf->file->elf);
		free(elf->file);
	}
	*elf = (struct elf){0};
}

/* The length of the table up to its last NUL. */
static size_t terminated(const char *table, size_t size)
{
	const char *last = memrchr(table, '\0', size);

	return last ? (size_t)(last - table) + 1 : 0;
}

/* Calls match() on every symbol's name in tables whose strings contain the bytes: a
 * string table is searched many times faster than its symbols are read one by one, and
 * almost every question is answered there. */
static bool find_symbol(const struct elf *elf, const char *bytes, size_t len,
	bool (*match)(const char *name, const char *wanted))
{
	Elf *file = elf->file->elf;
	Elf_Scn *scn = NULL;

	while ((scn = elf_nextscn(file, scn))) {
		Elf_Data *symbols, *strings;
		GElf_Shdr sh;
		GElf_Sym sym;
		size_t size;

		if (!gelf_getshdr(scn, &sh) ||
			(sh.sh_type != SHT_SYMTAB && sh.sh_type != SHT_DYNSYM))
			continue;
		strings = elf_getdata(elf_getscn(file, sh.sh_link), NULL);
		symbols = elf_getdata(scn, NULL);
		if (!strings || !strings->d_buf || !symbols ||
			!memmem(strings->d_buf, strings->d_size, bytes, len))
			continue;
		/* Where the last terminated name ends. */
		size = terminated(strings->d_buf, strings->d_size);
		for (int i = 0; gelf_getsym(symbols, i, &sym); i++) {
			/* Every name ends within the table, or it is no name. */
			const char *name = (const char *)strings->d_buf + sym.st_name;

			if (sym.st_name < size && match(name, bytes))
				return true;
		}
	}
	return false;
}

static bool contains(const char *name, const char *part)
{
	return strstr(name, part) != NULL;
}

bool elf_has_symbol(const struct elf *elf, const char *name)
{
	return find_symbol(elf, name, strlen(name) + 1, streq);
}

bool elf_has_symbol_like(const struct elf *elf, const char *part)
{
	return find_symbol(elf, part, strlen(part), contains);
}

static bool range_has(const struct elf_file *f, uint64_t offset, uint64_t size,
	const char *text, size_t len)
{
	return offset < f->size &&
	       memmem(f->raw + offset, MIN(size, f->size - offset), text, len);
}

bool elf_has_string(const struct elf *elf, const char *text)
{
	const struct elf_file *f = elf->file;
	size_t len = strlen(text), n = 0;
	Elf_Scn *scn = NULL;
	bool sections = false;
	GElf_Phdr ph;

	while ((scn = elf_nextscn(f->elf, scn))) {
		GElf_Shdr sh;

		sections = true;
		if (!gelf_getshdr(scn, &sh) || sh.sh_type != SHT_PROGBITS ||
			(sh.sh_flags & (SHF_ALLOC | SHF_WRITE | SHF_EXECINSTR)) !=
				SHF_ALLOC)
			continue;
		if (range_has(f, sh.sh_offset, sh.sh_size, text, len))
			return true;
	}
	/* The section headers may be stripped too; the segments are always there. */
	if (sections || elf_getphdrnum(f->elf, &n) < 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if (gelf_getphdr(f->elf, (int)i, &ph) && ph.p_type == PT_LOAD &&
			!(ph.p_flags & PF_W) &&
			range_has(f, ph.p_offset, ph.p_filesz, text, len))
			return true;
	return false;
}

/* NUL-terminated "KEY=value" strings, with padding between them. */
static char *find_assignment(const char *data, size_t size, const char *key)
{
	size_t len = strlen(key);

	for (size_t at = 0; at < size; at += strnlen(data + at, size - at) + 1)
		if (size - at > len && memcmp(data + at, key, len) == 0 &&
			data[at + len] == '=')
			return xstrndup(data + at + len + 1, size - at - len - 1);
	return NULL;
}

char *elf_module_info(const void *data, size_t len, const char *key)
{
	Elf_Scn *scn = NULL;
	char *value = NULL;
	size_t names;
	Elf *elf;

	elf_version(EV_CURRENT);
	/* libelf changes nothing of a file in memory that it only reads. */
	elf = elf_memory((char *)(uintptr_t)data, len);
	if (!elf)
		return NULL;
	while (elf_getshdrstrndx(elf, &names) == 0 && (scn = elf_nextscn(elf, scn))) {
		GElf_Shdr sh;
		const char *name;

		if (!gelf_getshdr(scn, &sh) || sh.sh_type != SHT_PROGBITS ||
			sh.sh_offset > len || sh.sh_size > len - sh.sh_offset)
			continue;
		name = elf_strptr(elf, names, sh.sh_name);
		if (!name || !streq(name, ".modinfo"))
			continue;
		value = find_assignment(
			(const char *)data + sh.sh_offset, sh.sh_size, key);
		break;
	}
	elf_end(elf);
	return value;
}

const char *elf_machine_name(uint16_t machine)
{
	static const struct {
		uint16_t machine;
		const char *name;
	} names[] = {
		{EM_SPARC, "SPARC"},
		{EM_386, "x86"},
		{EM_68K, "m68k"},
		{EM_MIPS, "MIPS"},
		{EM_PARISC, "PA-RISC"},
		{EM_SPARCV9, "SPARC V9"},
		{EM_PPC, "PowerPC"},
		{EM_PPC64, "PowerPC64"},
		{EM_S390, "S/390"},
		{EM_ARM, "ARM"},
		{EM_SH, "SuperH"},
		{EM_IA_64, "IA-64"},
		{EM_X86_64, "x86-64"},
		{EM_XTENSA, "Xtensa"},
		{EM_MICROBLAZE, "MicroBlaze"},
		{EM_AARCH64, "AArch64"},
		{EM_RISCV, "RISC-V"},
		{EM_BPF, "BPF"},
		{258, "LoongArch"},
		{EM_ALPHA, "Alpha"},
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (names[i].machine == machine)
			return names[i].name;
	return "unknown";
}
