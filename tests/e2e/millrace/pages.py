"""Lists, read as a client of the API reads them: page after page, by the cursor."""

PAGES_MAX = 1000


def pages(api, key="iter_last_key", **parameters):
    """The answers of GET /v1/events, each asked for by the key of the one before."""
    cursor = {}
    for _ in range(PAGES_MAX):
        answer = api.get("/v1/events", **{"page_size": 50, "count_total": "false", **parameters, **cursor})
        assert answer.status == 200, str(answer)
        page = answer.json
        yield page
        if not page["has_more"]:
            return
        cursor = {key: page[key]}
    raise AssertionError(f"more than {PAGES_MAX} pages")


def all_pages(api, **parameters):
    """Every event that GET /v1/events lists, in its order."""
    return [event for page in pages(api, **parameters) for event in page["events"]]
