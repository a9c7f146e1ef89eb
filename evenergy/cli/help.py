"""Command ``evenergy help``: the pages that belong to no command."""

from __future__ import annotations

from typing import Final

import click

from .main import command
from .stdout import write

TOPICS: Final = {
    "exit-codes": """\
Exit codes of evenergy

  0    done
  1    the API said no, or failed; or the command could not do its work
  2    usage: an argument, an option or a variable is wrong; nothing was sent
  3    not reachable: no response came
  4    sign in first: there are no credentials, and nothing was sent
  5    rate limited: the wait is on standard error, and in --json as error.retry_after (seconds)
  130  Ctrl-C
  141  the reader of standard output went away, as head does

An error is one line on standard error that says what to do. With --json and --jsonl it is on standard output too, as
{"error": {"message": ..., "exit_code": ..., "status": ..., "retry_after": ...}}; --json puts the items that came before
it into "items".
""",
    "environment": """\
Variables that evenergy reads

  EVENERGY_TOKEN           an access token; it goes before the two below
  EVENERGY_CLIENT_ID       the id of the application
  EVENERGY_CLIENT_SECRET   its secret
  EVENERGY_PROFILE         the profile to use, as --profile
  EVENERGY_USER            the user to act as, as --user
  EVENERGY_BASE_URL        the base URL of the API, as --base-url
  EVENERGY_BUDGET          the budget that processes share: a file, or the URL of a Redis server; all commands but
                           login, logout and doctor draw on it
  EVENERGY_PROXY_KEY       the key that callers of `evenergy proxy` send
  EVENERGY_CONFIG_DIR      the directory of profiles, tokens and what is remembered between runs
  EVENERGY_WEBHOOK_SECRET  the signing secret of webhooks
  EVENERGY_LOG             debug, info, warning: the library's log on standard error
  NO_COLOR                 any value but an empty one: no colours, and no bold or dim text
  COLUMNS                  the width of tables, in place of that of the terminal
  HTTPS_PROXY, NO_PROXY    the proxy, and the hosts that need none
  SSL_CERT_FILE            the certificates to trust, such as a company's

The first of these that has credentials is used, and brings its base URL and its user along:

  1. --profile NAME, as `evenergy login` stored it; no variable changes it
  2. the variables EVENERGY_TOKEN, or EVENERGY_CLIENT_ID and EVENERGY_CLIENT_SECRET, with EVENERGY_BASE_URL
  3. the profile of EVENERGY_PROFILE, else the profile "default"; EVENERGY_USER changes its user

--base-url and --user go before all of them. A profile's token is sent to no other server than the one it is for.

No secret is ever an argument of a command, since others on the machine see arguments.
""",
    "formatting": """\
Output of evenergy

  --json       one document: an array, or an object for a command about one thing. It is written at the end.
  --jsonl      a line for each item, as it comes
  --csv        a heading and a line for each item; nested fields are flat, by the names of evenergy.to_records,
               with the identifying fields and times first, and URLs last
  --fields     only these fields, in this order, by their names in --csv; in any format
  (terminal)   a table; a narrow terminal loses the least important columns first
  (pipe)       the columns of the table, with tabs between them, no heading, no colours, and nothing cut

With NO_COLOR in the environment, text at a terminal is plain: no colours, and no bold or dim text either. Progress of
more than a second still erases its own line; TERM=dumb turns that off, too. --quiet has no progress at all.

Data goes to standard output; progress, notes and errors to standard error. Times in data are UTC in ISO 8601, an
unknown value is null in JSON and empty in CSV and pipes.

Times in options are

  2h, 90m, 7d, 1h30m     so long ago
  now, today, yesterday  days begin at midnight in the time zone of this machine
  2026-03-29             that midnight
  2026-03-29T10:00       that time here; with Z or +02:00 at that offset
""",
}


@click.command("help", params=[click.Argument(["topic"], required=False, metavar="[TOPIC|COMMAND]")])
@click.pass_context
def help_command(context: click.Context, topic: str | None) -> None:
    """Explain exit-codes, environment or formatting, or a command."""
    root = command()
    if topic is None:
        write(f"{root.get_help(context.find_root())}\n\nMore: evenergy help {' | '.join(TOPICS)}\n")
        return
    if topic in TOPICS:
        write(TOPICS[topic])
        return
    found = root.get_command(context, topic)
    if found is None:
        raise click.UsageError(f"there is no topic and no command {topic}; topics are {', '.join(TOPICS)}")
    with click.Context(found, info_name=topic, parent=context.find_root()) as inner:
        write(f"{found.get_help(inner)}\n")
