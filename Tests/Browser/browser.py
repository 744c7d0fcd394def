"""Drives headless Chromium through its driver's WebDriver interface, with Python's library alone."""
import base64, contextlib, json, re, shutil, subprocess, time, urllib.error, urllib.request

# A page that shows nothing for this long is broken, not slow.
wait_seconds_max = 30


class Browser:
    """One page; `script` runs in it, and `until` waits for what it says."""

    def __init__(self, port):
        self.base = f"http://127.0.0.1:{port}"
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                   "--hide-scrollbars", "--disable-background-networking", "--no-first-run"]
        capabilities = {"browserName": "chrome", "goog:chromeOptions": {"args": options},
                        "goog:loggingPrefs": {"browser": "ALL"}}
        answer = self.call("POST", "/session", {"capabilities": {"alwaysMatch": capabilities}})
        self.base += f"/session/{answer['sessionId']}"

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, method=method,
                                         headers={"content-type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return json.load(response)["value"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(error.read().decode()) from error

    def open(self, url):
        self.call("POST", "/url", {"url": url})

    def script(self, text, *arguments):
        return self.call("POST", "/execute/sync", {"script": text, "args": list(arguments)})

    def until(self, text, what):
        deadline = time.monotonic() + wait_seconds_max
        while time.monotonic() < deadline:
            value = self.script(text)
            if value:
                return value
            time.sleep(0.05)
        raise AssertionError(f"waited {wait_seconds_max} s for {what}")

    def devtools(self, command, **parameters):
        self.call("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def resize(self, width, height):
        self.devtools("Emulation.setDeviceMetricsOverride", width=width, height=height,
                      deviceScaleFactor=1, mobile=width < 600)

    def prefer(self, theme):
        features = [{"name": "prefers-color-scheme", "value": theme}]
        self.devtools("Emulation.setEmulatedMedia", features=features)

    def screenshot(self, path):
        """Writes the whole page, not only what fits the window."""
        height = self.script("return document.documentElement.scrollHeight")
        width = self.script("return innerWidth")
        self.resize(width, height)
        path.write_bytes(base64.b64decode(self.call("GET", "/screenshot")))

    def complaints(self):
        """Returns what the page wrote as errors to its console."""
        entries = self.call("POST", "/se/log", {"type": "browser"})
        return [entry["message"] for entry in entries if entry["level"] == "SEVERE"]


@contextlib.contextmanager
def chromium():
    """Starts the driver on a free port, and stops it with its browser."""
    driver = shutil.which("chromedriver")
    if driver is None:
        raise FileNotFoundError("chromedriver")
    process = subprocess.Popen([driver, "--port=0"], stdout=subprocess.PIPE, text=True,
                               stderr=subprocess.DEVNULL)
    browser = None
    try:
        for line in process.stdout:
            started = re.search(r"on port (\d+)", line)
            if started and "successfully" in line:
                browser = Browser(int(started[1]))
                break
        yield browser
    finally:
        if browser is not None:
            with contextlib.suppress(RuntimeError, OSError):
                browser.call("DELETE", "")
        process.terminate()
        process.wait()
