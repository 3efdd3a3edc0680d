"""Pages in headless Chromium, as a reader without a network opens them."""

import shutil
from contextlib import contextmanager

import pytest

READY = 120_000  # [ms], on a busy machine


@contextmanager
def open_browser():
    """A Chromium of the system; the test is skipped where there is none."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("no chromium on this machine (apt-get install chromium)")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


class OpenPage:
    """A page with what it complained of and what it asked for.

    Attributes
    ----------
    page
        Of playwright.
    complaints
        Errors and warnings of the console, and exceptions.
    requests
        Addresses that it asked for beside its own file.
    """

    def __init__(self, browser, path, width=1280):
        self.page = browser.new_page(viewport={"width": width, "height": 800})
        self.page.set_default_timeout(READY)
        self.complaints, self.requests = [], []
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda one: self.requests.append(one.url))
        self.page.goto(path.as_uri())
        self.page.wait_for_selector("body[data-ready=yes]")
        own = (path.as_uri(), "data:", "blob:")
        self.requests = [url for url in self.requests if not url.startswith(own)]

    def _note(self, message):
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def read_card(self):
        """Text of the card that follows the pointer, once it is there."""
        self.page.wait_for_selector("#card:not([hidden])")
        return self.page.inner_text("#card")

    def read_column(self, column, table="table.sortable"):
        """Texts of a column."""
        return self.page.eval_on_selector_all(
            f"{table} tbody tr", f"rows => rows.map(row => row.cells[{column}].innerText)"
        )
