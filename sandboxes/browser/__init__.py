"""The browser's boxes: `find_browser` gives them where Chromium, Playwright and bubblewrap are there."""

from sandboxes.browser.boxes import BoxedBrowser as BoxedBrowser
from sandboxes.browser.finding import INSTALL as INSTALL
from sandboxes.browser.finding import BrowserParts as BrowserParts
from sandboxes.browser.finding import find_browser as find_browser
from sandboxes.browser.finding import lacking as lacking
