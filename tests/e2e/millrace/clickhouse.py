"""Questions to ClickHouse, as the owner of the tables."""

import base64
import json
import urllib.parse

from millrace.http import Http


class ClickHouseError(AssertionError):
    pass


class ClickHouse:
    def __init__(self, url):
        parts = urllib.parse.urlsplit(url)
        login = base64.b64encode(f"{parts.username}:{parts.password}".encode()).decode()
        self._http = Http(url, {"Authorization": f"Basic {login}"}, timeout_s=60)

    def run(self, sql, **parameters):
        """The answer's text. Parameters fill {name:Type} in the statement."""
        names = {f"param_{name}": value for name, value in parameters.items()}
        settings = {"database": "millrace", "output_format_json_quote_64bit_integers": 0}
        answer = self._http.post("/", sql.encode(), **settings, **names)
        if answer.status != 200:
            raise ClickHouseError(str(answer))
        return answer.body

    def rows(self, sql, **parameters):
        """A list for each row."""
        body = self.run(sql + " FORMAT JSONCompactEachRow", **parameters)
        return [json.loads(line) for line in body.splitlines()]

    def value(self, sql, **parameters):
        return self.rows(sql, **parameters)[0][0]

    def stop_merges_of_events(self):
        """ReplacingMergeTree drops doubled rows when it merges; whoever counts doubled rows needs them kept.
        A setting of the table, because SYSTEM STOP MERGES would end with the server."""
        self.run(
            "ALTER TABLE events MODIFY SETTING max_bytes_to_merge_at_max_space_in_pool = 1,"
            " max_bytes_to_merge_at_min_space_in_pool = 1,"
            " parts_to_delay_insert = 100000, parts_to_throw_insert = 100000"
        )

    def resume_merges_of_events(self):
        self.run(
            "ALTER TABLE events RESET SETTING max_bytes_to_merge_at_max_space_in_pool,"
            " max_bytes_to_merge_at_min_space_in_pool, parts_to_delay_insert, parts_to_throw_insert"
        )
