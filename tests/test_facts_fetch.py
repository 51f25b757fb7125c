"""The fetcher of Slack's pages, against a site on loopback."""

import http.server
import threading

import pytest

from tools.facts import fetch


class Site(http.server.ThreadingHTTPServer):
    """Pages with an ETag. `requests`: (connection, path, status); `failing`: path -> answers."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.pages = {"chat.update": "one", "pins.list": "two", "pins.add": "three"}
        self.requests = []
        self.failing = {}

    @property
    def url(self):
        return "http://127.0.0.1:%d/" % self.server_port


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        site = self.server
        failing = site.failing.get(self.path)
        if failing:
            return self.answer(failing.pop(0), b"", {"Retry-After": "7"})
        if self.path == fetch.INDEX:
            links = ["- [x](%s/reference/methods/%s.md)" % (site.url, each) for each in site.pages]
            return self.answer(200, "\n".join(links).encode(), {})
        name = self.path.rpartition("/")[2][: -len(".md")]
        if name not in site.pages:
            return self.answer(404, b"", {})
        etag = '"%s"' % site.pages[name]
        if self.headers.get("If-None-Match") == etag:
            return self.answer(304, b"", {"ETag": etag})
        return self.answer(200, site.pages[name].encode(), {"ETag": etag})

    def answer(self, status, body, headers):
        self.server.requests.append((self.client_address, self.path, status))
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def site():
    server = Site()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def fetch_all(site, folder, today="2026-12-01", track=iter):
    """The pauses that the fetcher made."""
    pauses = []
    pace = fetch.Pace(today=today, pause=0.25, sleep=pauses.append)
    fetch.Fetcher(site.url, folder, pace).fetch(track)
    return pauses


def statuses(site):
    found = [status for _, path, status in site.requests if path != fetch.INDEX]
    site.requests.clear()
    return found


def texts(folder):
    return {path.stem: path.read_text(encoding="utf-8") for path in folder.glob("*.md")}


def test_pages_come_over_one_connection_with_pauses(site, tmp_path):
    pauses = fetch_all(site, tmp_path)
    assert texts(tmp_path) == site.pages
    assert pauses == [0.25] * 4
    assert len({connection for connection, _, _ in site.requests}) == 1


def test_the_next_run_asks_whether_a_page_changed(site, tmp_path):
    fetch_all(site, tmp_path)
    assert statuses(site) == [200, 200, 200]
    site.pages["pins.add"] = "another"
    fetch_all(site, tmp_path, "2026-12-08")
    assert sorted(statuses(site)) == [200, 304, 304] and texts(tmp_path) == site.pages


def test_a_page_that_is_gone_leaves_the_folder(site, tmp_path):
    fetch_all(site, tmp_path)
    del site.pages["pins.add"]
    fetch_all(site, tmp_path, "2026-12-08")
    assert set(texts(tmp_path)) == {"chat.update", "pins.list"}


def test_a_page_that_the_index_names_and_the_site_lacks(site, tmp_path):
    fetch_all(site, tmp_path)
    site.failing["/reference/methods/pins.add.md"] = [404]
    fetch_all(site, tmp_path, "2026-12-08")
    assert "pins.add" not in texts(tmp_path)


def test_a_run_that_was_cut_off_goes_on(site, tmp_path):
    def cut_off(names):
        yield names[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch_all(site, tmp_path, track=cut_off)
    assert statuses(site) == [200]
    fetch_all(site, tmp_path)
    assert statuses(site) == [200, 200] and texts(tmp_path) == site.pages


def test_the_site_may_ask_for_time(site, tmp_path):
    site.failing["/reference/methods/pins.add.md"] = [429, 503]
    pauses = fetch_all(site, tmp_path)
    assert texts(tmp_path) == site.pages and pauses.count(7.0) == 2


@pytest.mark.parametrize(
    "path, answers",
    [("/reference/methods/pins.add.md", [500]), (fetch.INDEX, [404]), (fetch.INDEX, [429] * 9)],
)
def test_a_site_that_fails_stops_the_run(site, tmp_path, path, answers):
    site.failing[path] = answers
    with pytest.raises(fetch.FetchFailed, match="answered|no /llms"):
        fetch_all(site, tmp_path)


def test_an_index_without_methods_stops_the_run(site, tmp_path):
    site.pages.clear()
    with pytest.raises(fetch.FetchFailed, match="no method"):
        fetch_all(site, tmp_path)
