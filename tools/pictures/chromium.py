"""A headless Chromium (Debian's), driven over its DevTools protocol.

    with Chromium() as browser:
        tab = browser.open("http://127.0.0.1:8080/page")
        tab.until("document.body.dataset.ready")
        tab.click("#composer button")

It has a profile of its own in a temporary folder, reaches 127.0.0.1 only, and ends with its
children. Nothing here sleeps: `until` waits in the page until something holds.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
from typing import Any, Dict, List, Optional

from websockets.sync.client import connect

NAMES = ("chromium", "chromium-browser", "google-chrome")
PROGRAM = next(filter(None, map(shutil.which, NAMES)), None)
PATIENCE = 30.0  # seconds until something that has to come has come
SWITCHES = (
    "--headless=new",
    "--remote-debugging-port=0",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--hide-scrollbars",
    "--no-first-run",
    "--no-proxy-server",
    "--password-store=basic",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
# A promise that is kept once the expression is true.
UNTIL = """new Promise((resolve) => {
  const look = () => {
    let found = false;
    try { found = (%s); } catch (error) { found = false; }
    if (found) resolve(found); else setTimeout(look, 20);
  };
  look();
})"""
# The middle of an element, once it is what lies there and its place is settled.
PLACE = """(() => {
  const node = document.querySelector(%s);
  if (!node || node.disabled) return false;
  node.scrollIntoView({ block: "center", behavior: "instant" });
  const { left, top, width, height } = node.getBoundingClientRect();
  const x = left + width / 2, y = top + height / 2;
  const there = document.elementFromPoint(x, y);
  return there && (node.contains(there) || there.contains(node)) && [x, y];
})()"""
KEYS = {"Enter": 13, "Escape": 27, "Tab": 9}


class BrowserError(RuntimeError):
    """The browser does not start, refuses a command, or what was waited for does not come."""


class Chromium:
    """`open` gives tabs. `process` is the first of a group of its own, `folder` is its home."""

    def __init__(self) -> None:
        self._stack = contextlib.ExitStack()
        self._numbers = 0
        self.tabs: Dict[str, Tab] = {}

    def __enter__(self) -> Chromium:
        with contextlib.ExitStack() as stack:
            folder = tempfile.mkdtemp(prefix="chromium-")
            # A child that is ending may still write into it: what cannot go now, stays.
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            self.folder = folder
            address = self._start(stack)
            self._socket = stack.enter_context(
                connect(address, max_size=None, open_timeout=PATIENCE, compression=None)
            )
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc_info: Any) -> None:
        self._stack.close()

    def _start(self, stack: contextlib.ExitStack) -> str:
        """The address of the DevTools of a new process."""
        if PROGRAM is None:
            raise BrowserError("there is no Chromium here (apt-get install chromium)")
        folder = self.folder
        switches = [*SWITCHES, "--user-data-dir=" + folder]
        if os.geteuid() == 0:  # as root Chromium refuses to start with its sandbox
            switches.append("--no-sandbox")
        self.process = process = subprocess.Popen(
            [PROGRAM, *switches, "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={**os.environ, "HOME": folder, "XDG_CONFIG_HOME": folder, "XDG_CACHE_HOME": folder},
            start_new_session=True,
            text=True,
        )
        response: List[str] = []
        assert process.stderr is not None
        for line in process.stderr:
            found = re.search(r"DevTools listening on (ws://\S+)", line)
            if found:
                # What it says from now on must not fill the pipe.
                rest = threading.Thread(target=process.stderr.read, daemon=True)
                rest.start()
                stack.callback(_end, process, rest)
                return found.group(1)
            response.append(line)
        _end(process)
        raise BrowserError("Chromium does not start:\n" + "".join(response[-20:]))

    def open(self, address: str, width: int = 1280, height: int = 800) -> Tab:
        """A new tab of this size, in CSS pixels, that shows the address."""
        target = self.command("Target.createTarget", url="about:blank")
        attached = self.command("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        tab = self.tabs[attached["sessionId"]] = Tab(
            self, target["targetId"], attached["sessionId"]
        )
        for domain in ("Page", "Runtime", "Network", "Log"):
            tab.command(domain + ".enable")
        tab.size(width, height)
        tab.command("Page.navigate", url=address)
        return tab

    def command(self, method: str, session: Optional[str] = None, **params: Any) -> Any:
        """The result of a command of the protocol; events that come meanwhile go to their tab."""
        self._numbers += 1
        command_json: Dict[str, Any] = {"id": self._numbers, "method": method, "params": params}
        if session is not None:
            command_json["sessionId"] = session
        self._socket.send(json.dumps(command_json))
        while True:
            try:
                response = json.loads(self._socket.recv(timeout=PATIENCE))
            except TimeoutError:
                raise BrowserError("no answer to {}".format(method)) from None
            if response.get("id") == self._numbers:
                break
            if response.get("sessionId") in self.tabs:
                self.tabs[response["sessionId"]].happened(response["method"], response["params"])
        if "error" in response:
            raise BrowserError("{}: {}".format(method, response["error"].get("message")))
        return response["result"]


class Tab:
    """One page. `requested`: the addresses it asked for; `faults`: exceptions and errors of it."""

    def __init__(self, browser: Chromium, target: str, session: str) -> None:
        self._browser = browser
        self._target = target
        self._session = session
        self.requested: List[str] = []
        self.faults: List[str] = []

    def __enter__(self) -> Tab:
        return self

    def __exit__(self, *exc_info: Any) -> None:
        """Close it: a later one must not wait for what this one still does."""
        self._browser.command("Target.closeTarget", targetId=self._target)
        del self._browser.tabs[self._session]

    def command(self, method: str, **params: Any) -> Any:
        """The result of a command to this page."""
        return self._browser.command(method, self._session, **params)

    def happened(self, method: str, params: Dict[str, Any]) -> None:
        """An event of this page."""
        if method == "Network.requestWillBeSent":
            self.requested.append(params["request"]["url"])
        elif method == "Network.webSocketCreated":
            self.requested.append(params["url"])
        elif method == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.faults.append(
                str(details.get("exception", {}).get("description") or details["text"])
            )
        elif method == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.faults.append(params["entry"]["text"])

    def size(self, width: int, height: int) -> None:
        """So many CSS pixels from now on."""
        self.command(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def prefer(self, scheme: str) -> None:
        """Let the page be `light` or `dark`."""
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.command("Emulation.setEmulatedMedia", features=[feature])

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression; a promise's once it is kept."""
        response = self.command(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in response:
            raise BrowserError(json.dumps(response["exceptionDetails"])[:2000])
        return response["result"].get("value")

    def until(self, expression: str) -> Any:
        """The value of the expression once it is true; BrowserError if it never is."""
        try:
            return self.evaluate(UNTIL % expression)
        except BrowserError as error:
            page_text = self.evaluate("document.body.innerText")
            raise BrowserError("{}: {}\n{}".format(expression, error, page_text)) from None

    def click(self, selector: str) -> None:
        """Press the left button over the middle of the first such element, once it is there."""
        x, y = self.until(PLACE % json.dumps(selector))
        for kind in ("mousePressed", "mouseReleased"):
            self.command(
                "Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1
            )

    def type(self, selector: str, text: str) -> None:
        """Click there, and type."""
        self.click(selector)
        self.command("Input.insertText", text=text)

    def key(self, name: str, shift: bool = False) -> None:
        """Press and let go of a key of KEYS."""
        details = {
            "key": name,
            "code": name,
            "windowsVirtualKeyCode": KEYS[name],
            "modifiers": 8 if shift else 0,
            **({"text": "\r"} if name == "Enter" else {}),
        }
        self.command("Input.dispatchKeyEvent", type="keyDown", **details)
        details.pop("text", None)
        self.command("Input.dispatchKeyEvent", type="keyUp", **details)

    def choose(self, selector: str, value: str) -> None:
        """Choose an option of a select element, as a person's choice is told to the page."""
        self.until("document.querySelector({})".format(json.dumps(selector)))
        self.evaluate(
            "(() => {{ const list = document.querySelector({}); list.value = {};"
            "list.dispatchEvent(new Event('change', {{ bubbles: true }})); }})()".format(
                json.dumps(selector), json.dumps(value)
            )
        )

    def picture(self) -> bytes:
        """What can be seen, as PNG."""
        return base64.b64decode(self.command("Page.captureScreenshot", format="png")["data"])


def _end(process: subprocess.Popen[str], reader: Optional[threading.Thread] = None) -> None:
    """End the process and all its children: they are a group of their own."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if reader is not None:
        reader.join()
    if process.stderr is not None:
        process.stderr.close()
