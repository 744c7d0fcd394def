"""The lines of `Scripts/acceptance` about the content network: what exists, foreign oracles, and
bad input. Its speed is measured by Benchmarks/content/run.sh, a part of the bars."""

import re

from checks import run

# What each promised line is called, and which suites show it.
SUITES = [
    ("published files, directories and sharded ones have Kubo's CIDs", "UnixFS|HAMTTests"),
    ("CIDs in every multibase, dag-pb, dag-cbor, dag-json",
     "CIDTests|Multibase|DagPB|IPLDTests"),
    ("archives in and out, paths, exports",
     "CARTests|ContentArchiveTests|DagExport|PathResolution"),
    ("pins, collection beside adds, check and repair",
     "ContentPin|BlockStoreC[ho]|BlockStoreDamage"),
    ("kill -9 amid adds loses nothing acknowledged", "BlockStoreCrashTests"),
    ("Kubo's RPC: shapes, texts, streams, limits", "Kubo(Shape|Text|Stream|Gate)Tests"),
    ("the gateway conformance cases", "Gateway[A-Z][a-z]*Tests"),
    ("names are signed, published and resolved", "ContentNodeTests.NameTests"),
    ("nodes exchange content, hostile ones are found out", "ExchangeTests|Bitswap"),
    ("a client of several nodes: failover, hedging, breakers, cache", "IPFSClientTests"),
    ("lying, stalling and dead gateways", "IPFSClientTests.*(Fault|HostileContent)"),
    ("private content is for its readers alone", "PrivateContentTests|PrivateObjectTests"),
    ("a code outlives each loss that it should", "ErasureCodeTests|ContentBackupTests"),
    ("backups on storage nodes: loss, liars, quotas, strangers", "BackupKeeper|HoldRequest"),
    ("models and data sets: records, checks, search, quarantine, accesses",
     "ContentLibraryTests|LibraryBytesTests|InspectionTests|ClamdTests|Provenance"),
    ("content on the ledger: registration, royalties, rewards, storage deals",
     "LedgerTests.*(Content|Royalt|Reward|Storage)|StorageKeeper|CoordinatorLedger"
     "|APIContentLedger"),
    ("what a node announces", "ProvideStrategyTests|NameTests"),
]
PROGRAMS = [
    ("add here, get there, through the gateway, by name", "content-exchange"),
    ("a running node is asked for content", "content-running"),
    ("the gateway to browsers and clients", "gateway"),
    ("the RPC to foreign clients", "kubo-rpc"),
    ("a 4+2 backup outlives two nodes, and two more", "backup"),
    ("a full disk", "disk-full"),
    ("content is paid for, a storage deal is proved", "content-payments"),
    ("who may read, and what is served to nobody", "content-access"),
    ("rates and the time that is left", "content-progress"),
    ("a newcomer types the README", "content-newcomer"),
]
# How long one of them may take, a build of the tests included.
SECONDS_MAX = 3600


def contents(table):
    for line, suites in SUITES:
        status, output, errors = run(
            "swift", "test", "--disable-xctest", "--filter", suites, timeout=SECONDS_MAX)
        ran = re.search(r"Test run with (\d+) tests? .*passed", output + errors)
        table.add(line, f"swift test --filter '{suites}'",
                  f"{ran[1]} tests passed" if ran else f"exit {status}",
                  status == 0 and ran is not None and int(ran[1]) > 0)
    for line, name in PROGRAMS:
        status, output, errors = run("Scripts/end-to-end", name, timeout=SECONDS_MAX)
        last = (output.strip() or errors.strip()).split("\n")[-1][-70:]
        table.add(line, f"Scripts/end-to-end {name}", last,
                  status == 0 and re.search(rf"passed {re.escape(name)}\b", output) is not None)
