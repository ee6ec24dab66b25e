/* Command lines, their words with NULs between them. */
#include "fuzz.h"

#define COMMANDS_WORDS 64

/* What is true of any options that were taken. */
static void
commands_require(struct options *o)
{
	const struct option_row *row;
	size_t i;
	int64_t port, count = 0;

	for (i = 0; i < OPTION_ROWS; i++) {
		row = &option_rows[i];
		if (row->kind >= OPTION_NUMBER) {
			const int64_t *value = option_field(row, o);

			REQUIRE(*value >= 0);
			REQUIRE(row->high == 0 || *value == NEVER ||
				(*value >= row->low && *value <= row->high));
		}
	}
	REQUIRE(o->access.allow.count <= CIDRS_MAX);
	REQUIRE(o->access.deny.count <= CIDRS_MAX);
	REQUIRE(o->settings.count <= SETTINGS_MAX);
	REQUIRE(memchr(o->protocol_name, '\0', sizeof o->protocol_name));
	REQUIRE(memchr(o->target.host, '\0', HOST_MAX) != NULL);
	REQUIRE(memchr(o->local.host, '\0', HOST_MAX) != NULL);
	REQUIRE(memchr(o->proxy_at.host, '\0', HOST_MAX) != NULL);
	if (o->fd != NEVER)
		return; /* then there is nothing to be named */
	REQUIRE(o->target.path != NULL || port_parse(o->target.port));
	REQUIRE(o->unix_domain == (o->target.path != NULL));
	REQUIRE(o->listen || o->unix_domain || *o->target.host != '\0');
	REQUIRE(o->proxy == NULL || o->proxy_at.path != NULL ||
		(*o->proxy_at.host != '\0' && port_parse(o->proxy_at.port)));
	if (!o->scan || o->unix_domain)
		return;
	for (port = 0; port < PORTS; port++)
		count += port_set_has(&o->ports, port);
	REQUIRE(count > 0 && count == o->port_count);
	REQUIRE(!port_set_has(&o->ports, 0));
}

struct command {
	int count;
	char *words[COMMANDS_WORDS + 2];
	struct options options;
};

static void
commands_take(void *memory)
{
	struct command *command = memory;

	optind = 0; /* glibc and musl begin afresh */
	options_parse(&command->options, command->count, command->words);
}

/* Whether a command line is taken.  If not it is said why. */
static bool
commands_run(struct command *command)
{
	bool ended;

	fuzz_message_lines = 0;
	fuzz_printed = 0;
	ended = fuzz_exits(commands_take, command);
	if (!ended)
		REQUIRE(fuzz_message_lines == 0 && fuzz_printed == 0);
	else if (fuzz_exit_status == STATUS_OK)
		REQUIRE(fuzz_message_lines == 0 && fuzz_printed > 0);
	else if (fuzz_exit_status == STATUS_SETUP)
		REQUIRE(fuzz_message_lines == 1 && fuzz_printed == 0);
	else
		REQUIRE(fuzz_exit_status == STATUS_USAGE &&
			fuzz_message_lines == 2 && fuzz_printed == 0);
	return !ended;
}

FUZZER(commands, 1024)
{
	static struct command command;
	static struct options once;
	static char name[] = "sockcat";
	char *text = malloc(size + 1), *c = text;
	int i;

	REQUIRE(text != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	command.words[0] = name;
	command.count = 1;
	while (c < text + size && command.count <= COMMANDS_WORDS) {
		command.words[command.count++] = c;
		c += strlen(c) + 1;
	}
	command.words[command.count] = NULL;
	if (commands_run(&command)) {
		once = command.options;
		commands_require(&once);
		/* getopt has put the operands last, which changes nothing. */
		for (i = 1; i < command.count; i++)
			while (command.words[i] > text &&
				command.words[i][-1] != '\0')
				command.words[i]--; /* unix: was taken off */
		REQUIRE(commands_run(&command));
		REQUIRE(memcmp(&once, &command.options, sizeof once) == 0);
	}
	free(text);
}
