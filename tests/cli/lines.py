"""Command lines: one at least for each command, each of them run in a pipe and at a terminal."""

from __future__ import annotations

import attrs


@attrs.frozen
class Line:
    """Command line, in which VEHICLE stands for the id of a vehicle.

    Attributes:
        text: The arguments.
        piped: A regular expression that standard output matches, in a pipe.
        shown: A regular expression that is found at a terminal of 100 columns.
        code: The exit code.
        stdin: The input, in a pipe.
    """

    text: str
    piped: str
    shown: str
    code: int = 0
    stdin: str = ""

    @property
    def command(self) -> str:
        """Return the name of the command."""
        return self.text.split()[0]


ID = r"vhcl[0-9A-Z]{26}"
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"
SPENT = r"\d+ requests? spent, [\d,]+ left of the hour"

LINES = (
    Line("fleet", rf"({ID}\t.*\t{TIME}\n){{5}}", rf"Vehicle +Make and model[^$]*{ID}[^$]*5 vehicles · 1 request spent"),
    Line("vehicles", rf"({ID}\t\w+ .*\n){{5}}", rf"Make and model[^$]*{ID}[^$]*5 vehicles · {SPENT}"),
    Line("vehicles list -n 2 --csv", rf"id,trim_id,.*,url\n({ID},.*\n){{2}}", rf"id,trim_id,[^$]*{ID},"),
    Line("vehicles show VEHICLE", rf"id\t{ID}\n(.*\n)+url\thttp://.*\n", rf"id +{ID}\n"),
    Line("vehicles update VEHICLE --charge-limit 85 --yes", rf"id\t{ID}\n(.*\n)+", rf"id +{ID}\n"),
    Line("logs VEHICLE --since 24h", rf"({TIME}\t.*\n)+", rf"Sampled \(UTC\)[^$]*logs of 1 vehicle · {SPENT}"),
    Line("logs - --since yesterday --jsonl", r'(\{"url":.*\}\n)+', r"", stdin="VEHICLE\n"),
    Line("chargers", rf"(evse\w+\t.*{TIME}\n)+", r"Charger[^$]*evse\w+[^$]*chargers · 1 request spent"),
    Line("sessions --since 2d", rf"({TIME}\t.*\n)+", r"kWh[^$]*sessions · 1 request spent"),
    Line("users --json", r'\[\n(\{"id":"user.*\},?\n)+\]\n', r'"email": "'),
    Line("makes", r"(\w+\tvmak\w+\n)+", r"Make[^$]*vmak\w+[^$]*7 makes · 1 request spent"),
    Line("models --fields name,make", r"(.+\t.+vmak\w+\n)+", r"name +make"),
    Line("request GET /vehicles/VEHICLE", rf'\{{"id":"{ID}".*\}}\n', rf'\{{\n  "id": "{ID}"'),
    Line(
        "request GET /vehicles --param page_size=2 --paginate", rf'\[\n(\{{"id":"{ID}".*\}},?\n){{5}}\]\n', r"5 items"
    ),
    Line("sync --db fleet.db", rf"5 vehicles · 5 new logs · {SPENT}\n", rf"5 vehicles · 5 new logs · {SPENT}"),
    Line("export --db kept.db --parquet out", r"\S+/vehicle_status_logs-\d{4}-\d\d.parquet\n", r"1 file written"),
    Line("watch --for 1s", rf"({TIME}\t{ID}\tappeared\t.*\n){{5}}", r"appeared[^$]*5 changes · 1 request spent"),
    Line("plan --vehicles 10000 --every 15m --within 24h", r"900.0\t86400.0\t205\t820.0\ttrue\t.*\n", r"820 +yes"),
    Line(
        "budget",
        rf"limit\t100000\nremaining\t\d+\nused\t\d+\nobserved_at\t{TIME}\nfrees_at\t({TIME})?\n",
        r"remaining +[\d,]+\n",
    ),
    Line(
        "budget --budget budget.db --json",
        r'\[\n\{"bucket":.*"holdings":\[\{"share":.*\}\]\}\n\]\n',
        r'"bucket": "',
    ),
    Line("budget --budget missing.db", r"", r"there is no budget missing.db", code=2),
    Line("budget --budget redis://:secret@127.0.0.1:9", r"", r"set EVENERGY_BUDGET", code=2),
    Line("proxy --port 99999", r"", r"99999", code=2),
    Line("proxy --host 0.0.0.0 --port 0", r"", r"expected a key", code=2),
    Line("boost start VEHICLE --yes", r"(id\t\w+\n(.*\n)+)?", r"charging session|start +20|409", code=-1),
    Line("boost end VEHICLE --yes", r"(id\t\w+\n(.*\n)+)?", r"charging session|start +20|409", code=-1),
    Line("login --client-id sandbox --quiet", r"", r""),
    Line("logout", r"", r"there is no profile default", code=4),
    Line("whoami", r"Credentials from: +the environment\n(.*\n)+", r"Kind: +application\n"),
    Line("doctor", r"(ok      .*\n| +.*\n){14,}", r"ok +credentials +the environment: accepted"),
    Line("doctor --fleet --jsonl", r'(\{"check":.*\}\n){9}', r"bounds are inclusive"),
    Line("demo --vehicles 2 --hours 2", rf"Vehicle .*\n({ID} .*\n){{2}}2 vehicles .*\n", r"2 vehicles · \d+ logs"),
    Line("sandbox --port 99999", r"", r"99999", code=2),
    Line("record new --requests 3", r"(get-\S+\.json\tGET /\S+\t200\n){3}", rf"3 of \d+ operations recorded · {SPENT}"),
    Line("record . --check", r"", r"holds no recording", code=2),
    Line("webhooks trigger --url http://127.0.0.1:9/", r"\t.*ended\t.*\n", r"did not accept it", code=1),
    Line("webhooks listen --port 0 --json", r"", r"use --jsonl", code=2),
    Line("completion bash", r"(.*\n)+.*_EVENERGY_COMPLETE(.*\n)+", r"_EVENERGY_COMPLETE"),
    Line("completion zsh", r"#compdef evenergy\n(.*\n)+", r"#compdef evenergy"),
    Line("completion fish", r"(.*\n)+.*_EVENERGY_COMPLETE(.*\n)+", r"_EVENERGY_COMPLETE"),
    Line("help exit-codes", r"Exit codes of evenergy\n(.*\n)+", r"141 +the reader"),
)
