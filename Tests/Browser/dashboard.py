#!/usr/bin/env python3
"""Shows the dashboard of a running coordinator to a headless browser and compares it with the API.

usage: dashboard.py URL [--screenshots FOLDER]
The session behind the URL may still be running: the page must then grow without being loaded again.
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


def check_fits(browser, screenshots):
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
                browser.screenshot(screenshots / f"{theme}-{width}.png")


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
        check_figures(browser, url.partition("#")[0].rstrip("/"))
        check_fits(browser, options.screenshots)
        complaints = browser.complaints()
        assert not complaints, complaints
    print(f"dashboard: {len(steps)} steps seen growing, figures equal the API's, "
          f"{len(widths)} widths in {len(themes)} themes")


if __name__ == "__main__":
    try:
        main()
    except AssertionError as failure:
        sys.exit(f"dashboard: error: {failure}")
