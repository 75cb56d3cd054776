"""Lists, read as a client of the API reads them: page after page, by the cursor."""

PAGES_MAX = 1000


def all_pages(api, **parameters):
    """Every event that GET /v1/events lists, in its order."""
    events, cursor = [], {}
    for _ in range(PAGES_MAX):
        answer = api.get("/v1/events", page_size=50, count_total="false", **parameters, **cursor)
        assert answer.status == 200, str(answer)
        page = answer.json
        events += page["events"]
        if not page["has_more"]:
            return events
        cursor = {"iter_last_key": page["iter_last_key"]}
    raise AssertionError(f"more than {PAGES_MAX} pages")
