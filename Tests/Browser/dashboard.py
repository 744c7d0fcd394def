#!/usr/bin/env python3
"""Shows the dashboard of a running coordinator to a headless browser and compares it with the API.

usage: dashboard.py URL [--screenshots FOLDER]
The session behind the URL may still be running: the page must then grow without being loaded again.
Then a file is uploaded by the signed-in browser, and the page about content must show it.
"""
import argparse, json, pathlib, sys, urllib.request

from browser import chromium

widths = (1280, 390)
themes = ("light", "dark")


def api(url, path):
    with urllib.request.urlopen(f"{url}/api/v1{path}", timeout=10) as response:
        return json.load(response)


def text_of(browser, selector):
    return browser.script("return document.querySelector(arguments[0])?.textContent", selector)


points = "Chart.getChart('accuracy-chart').data.datasets[0].data.length"
ended = "['finished', 'completed'].includes(document.querySelector('#session .chip')?.textContent)"


def check_grows(browser):
    """The page follows the session to its end by events: it is never loaded a second time."""
    browser.script("window.loadedOnce = true")
    browser.until("return document.getElementById('live').dataset.state === 'live'", "a live page")
    steps = [browser.script(f"return {points}")]
    while not browser.script(f"return {ended}"):
        browser.until(f"return {ended} || {points} > {steps[-1]}", "the next round")
        steps.append(browser.script(f"return {points}"))
    assert browser.script("return window.loadedOnce === true"), "the page was loaded again"
    assert steps[-1] > steps[0], f"the chart did not grow: {steps}"
    return steps


def check_figures(browser, url):
    """Every figure checked here is the API's, formatted as the page formats it."""
    session = api(url, "/federated-learning/sessions")["sessions"][0]
    path = f"/federated-learning/sessions/{session['session_id']}"
    detail, rounds = api(url, path), api(url, path + "/rounds")["rounds"]
    accuracy = f"{detail['accuracy'] * 100:.1f} %"
    browser.until(
        f"return document.getElementById('accuracy-now').textContent === {json.dumps(accuracy)}",
        f"accuracy {accuracy}")
    browser.until(f"return {points} === {len(rounds)}", f"{len(rounds)} points")
    rejected = sum(u["status"] == "rejected" for r in rounds for u in r["updates"])
    shown = text_of(browser, ".rejections h3") or "0 rejected"
    assert shown == f"{rejected} rejected", f"{shown}, API says {rejected}"
    nodes = api(url, "/nodes")["nodes"]
    browser.until(
        f"return document.querySelectorAll('#nodes tbody tr').length === {len(nodes)}",
        f"{len(nodes)} nodes")
    check_money(browser, url)


def check_money(browser, url):
    ledger, accounts = api(url, "/ledger/status"), api(url, "/ledger/accounts")["accounts"]
    browser.until(
        f"return document.querySelectorAll('#balances tbody tr').length === {len(accounts)}",
        "every account")
    for number, account in enumerate(accounts, 1):
        unit = 10 ** ledger["decimals"]
        whole, rest = divmod(int(account["balance"]), unit)
        exact = f"{whole:,}.{rest:0{ledger['decimals']}d} {ledger['symbol']}"
        title = f"document.querySelector('#balances tbody tr:nth-child({number}) .figure')?.title"
        browser.until(f"return {title} === {json.dumps(exact)}", f"{account['account']}: {exact}")


def shows(browser, selector, text):
    """Waits until an element says this: the pages ask again every few seconds."""
    found = f"document.querySelector({json.dumps(selector)})?.textContent"
    browser.until(f"return {found} === {json.dumps(text)}", f"{selector}: {text}")


# 3,000,000 bytes that are no earlier file's; a typed array costs the driver no traffic.
upload_script = """
const response = await fetch("/api/v1/ipfs/upload?filename=browser.bin",
    {method: "POST", body: new Uint8Array(3000000).map((_, at) => at % 251)});
return response.json();
"""
throughput = "Chart.getChart('throughput-chart').data.datasets[0].data"


def check_content(browser, url):
    """The page about content: an upload of the signed-in browser shows up, figures are the API's."""
    browser.open(f"{url}/content")
    browser.until("return document.getElementById('live').dataset.state === 'live'", "a live page")
    stored = browser.script(upload_script)
    assert stored["success"] is True, stored
    browser.until(f"return {throughput}.some((rate) => rate > 0)", "throughput of the upload")
    nodes = api(url, "/ipfs/status")["nodes"]
    browser.until(
        f"return document.querySelectorAll('#content-nodes tbody tr').length === {len(nodes)}",
        f"{len(nodes)} nodes of content")
    shows(browser, "#content-nodes tbody tr td:nth-child(2)", nodes[0]["health"])
    shows(browser, "#overview .chip", api(url, "/ipfs/health")["status"])
    pins = api(url, "/ipfs/pins?limit=20")["pins"]
    assert pins[0]["cid"] == stored["cid"], "the largest object is the one just uploaded"
    shows(browser, "#largest tbody tr:first-child strong", "browser.bin")
    shows(browser, "#largest tbody tr:first-child td:nth-child(2)", "3.0 MB")
    browser.until(
        f"return document.querySelectorAll('#largest tbody tr').length === {len(pins)}",
        f"{len(pins)} pins")
    store = api(url, "/ipfs/status")["store"]
    shows(browser, "#store .tile:nth-child(3) dd", f"{store['pins']:,}")
    download = browser.script("return document.querySelector('#largest a').getAttribute('href')")
    with urllib.request.urlopen(url + download, timeout=10) as response:
        assert response.read() == bytes(at % 251 for at in range(3_000_000)), "other bytes came back"


# The demo describes no model, so the drawing is handed one: two parents, of which one has another.
graph_script = """
const {showProvenance} = await import("/provenance.js");
const said = (name, parents) => ({type: "model", name, size: 1000, licence: "", parents});
const nodes = [
    {cid: "root", generation: 0, state: "signed", statement: said("<b>tuned</b>", ["a", "b"])},
    {cid: "a", generation: 1, state: "signed", statement: said("base", ["c"])},
    {cid: "b", generation: 1, state: "refused", statement: null},
    {cid: "c", generation: 2, state: "unrecorded", statement: null}];
const section = document.createElement("section");
showProvenance(section, [], {cid: "root", cut: false, nodes}, () => {});
const boxes = [...section.querySelectorAll(".graph-node")];
const at = (box) => Number(box.getAttribute("transform").match(/[0-9]+/)[0]);
return {boxes: boxes.length, edges: section.querySelectorAll(".graph-edge").length,
        name: boxes[0].querySelector(".graph-name").textContent,
        markup: section.querySelectorAll("b").length,
        ordered: at(boxes[0]) > at(boxes[1]) && at(boxes[1]) === at(boxes[2])
            && at(boxes[2]) > at(boxes[3])};
"""


def check_graph(browser):
    drawn = browser.script(graph_script)
    wanted = {"boxes": 4, "edges": 3, "name": "<b>tuned</b>", "markup": 0, "ordered": True}
    assert drawn == wanted, drawn


def check_fits(browser, screenshots, page="session"):
    for width in widths:
        for theme in themes:
            browser.prefer(theme)
            browser.resize(width, 900)
            # The page hears of the change by an event of its own.
            shown = "document.documentElement.dataset.theme"
            browser.until(f"return {shown} === {json.dumps(theme)}", f"{theme} colours")
            # Charts follow their frame by an event, too; a page that stays wider fails here.
            fits = f"return document.documentElement.scrollWidth <= {width}"
            browser.until(fits, f"a page that fits {width} pixels")
            if screenshots:
                browser.screenshot(screenshots / f"{page}-{theme}-{width}.png")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--screenshots", type=pathlib.Path)
    options = parser.parse_args()
    url = options.url.rstrip("/")
    if options.screenshots:
        options.screenshots.mkdir(parents=True, exist_ok=True)
    with chromium() as browser:
        browser.resize(1280, 900)
        browser.open(options.url)
        steps = check_grows(browser)
        server = url.partition("#")[0].rstrip("/")
        check_figures(browser, server)
        check_fits(browser, options.screenshots)
        browser.resize(1280, 900)
        check_content(browser, server)
        check_graph(browser)
        check_fits(browser, options.screenshots, "content")
        complaints = browser.complaints()
        assert not complaints, complaints
    print(f"dashboard: {len(steps)} steps seen growing, an upload shown, figures equal the API's, "
          f"two pages in {len(widths)} widths in {len(themes)} themes")


if __name__ == "__main__":
    try:
        main()
    except AssertionError as failure:
        sys.exit(f"dashboard: error: {failure}")
