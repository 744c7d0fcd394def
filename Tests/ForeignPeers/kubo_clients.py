"""Uses a node's RPC with two clients of Kubo: aioipfs and ipfshttpclient.

    python kubo_clients.py URL FOLDER

Every command that they have and the node serves is called, and what comes back is compared with
what Kubo gives: CIDs are Kubo's own.
"""

import asyncio
import pathlib
import sys
import urllib.parse

import aioipfs
import ipfshttpclient

HELLO = "hello world\n"
HELLO_CID = "QmT78zSuBmuS4z925WZfrqQ1qHaJ56DQaTfyMUF7F8ff5o"
HELLO_RAW = "bafkreifjjcie6lypi6ny7amxnfftagclbuxndqonfipmb64f2km2devei4"
VALUE_CID = "bafyreidykglsfhoixmivffc5uwhcgshx4j465xwqntbmu43nb2dzqwfvae"
EMPTY_DIRECTORY = "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn"
# Four chunks of Kubo's size and a bit.
LARGE = bytes(range(256)) * 4_100


def require(condition, *facts):
    if not condition:
        raise AssertionError(facts)


def equal(found, expected):
    require(found == expected, found, "is not", expected)


def tree(folder):
    root = folder / "tree"
    (root / "inside" / "deeper").mkdir(parents=True, exist_ok=True)
    (root / "empty").mkdir(exist_ok=True)
    (root / "hello.txt").write_text(HELLO)
    (root / "inside" / "name with space & ü.txt").write_text(HELLO)
    (root / "inside" / "deeper" / "large.bin").write_bytes(LARGE)
    return root


def same_tree(left, right):
    names = sorted(path.relative_to(left) for path in left.rglob("*"))
    equal(sorted(path.relative_to(right) for path in right.rglob("*")), names)
    for name in names:
        if (left / name).is_file():
            equal((right / name).read_bytes(), (left / name).read_bytes())


def failing(call, word):
    try:
        call()
    except Exception as error:  # each client has errors of its own
        require(word in str(error), error, "does not say", word)
        return
    raise AssertionError(f"nothing failed, although {word}")


# ipfshttpclient


def http_client(url, folder):
    # It refuses every Kubo that is younger than itself.
    ipfshttpclient.client.assert_version = lambda *_, **__: None
    address = urllib.parse.urlparse(url)
    return ipfshttpclient.connect(f"/ip4/{address.hostname}/tcp/{address.port}/http")


def http_files(client, folder):
    equal(client.add_str(HELLO), HELLO_CID)
    equal(client.add_bytes(HELLO.encode()), HELLO_CID)
    equal(client.cat(HELLO_CID), HELLO.encode())
    equal(client.cat(HELLO_CID, offset=6, length=5), b"world")
    root = tree(folder)
    added = client.add(str(root), recursive=True)
    names = {entry["Name"]: entry["Hash"] for entry in added}
    equal(names["tree/hello.txt"], HELLO_CID)
    equal(names["tree/empty"], EMPTY_DIRECTORY)
    cid = names["tree"]
    equal(client.add(str(root), recursive=True, only_hash=True, pin=False)[-1]["Hash"], cid)
    target = folder / "http"
    target.mkdir()
    client.get(cid, str(target))
    same_tree(root, target / cid)
    links = {link["Name"]: link for link in client.ls(cid)["Objects"][0]["Links"]}
    equal(links["hello.txt"]["Size"], len(HELLO))
    equal((links["inside"]["Type"], links["hello.txt"]["Type"]), (1, 2))
    single = client.add(str(root / "hello.txt"), raw_leaves=True, cid_version=1)
    equal(single["Hash"], HELLO_RAW)
    wrapped = client.add(str(root / "hello.txt"), wrap_with_directory=True)
    equal(client.cat(f"/ipfs/{wrapped[-1]['Hash']}/hello.txt"), HELLO.encode())
    equal(client.get_json(client.add_json({"a": [1, 2]})), {"a": [1, 2]})
    equal(client.resolve(f"/ipfs/{cid}/hello.txt")["Path"], f"/ipfs/{HELLO_CID}")
    return cid


def http_pins(client, cid):
    equal(client.pin.ls(cid)["Keys"][cid]["Type"], "recursive")
    inside = client.pin.ls(f"/ipfs/{cid}/inside")["Keys"]
    equal([inside[name]["Type"] for name in inside], [f"indirect through {cid}"])
    equal(client.pin.rm(cid)["Pins"], [cid])
    failing(lambda: client.pin.rm(cid), "not pinned")
    equal(client.pin.add(cid)["Pins"], [cid])
    require(cid in client.pin.ls(type="recursive")["Keys"], "pin.ls")
    equal(client.pin.update(cid, HELLO_CID, unpin=False)["Pins"], [cid, HELLO_CID])
    require(all(pin["Ok"] for pin in client.pin.verify(cid, verbose=True)), "pin.verify")


def http_blocks(client, cid, folder):
    block = folder / "block"
    block.write_bytes(HELLO.encode())
    key = client.block.put(str(block))["Key"]
    equal(client.block.get(key), HELLO.encode())
    equal(client.block.stat(key)["Size"], len(HELLO))
    node = folder / "node.json"
    node.write_text('{"hello": "world"}')
    equal(client.dag.put(str(node))["Cid"]["/"], VALUE_CID)
    equal(client.dag.get(VALUE_CID)["hello"], "world")
    equal(client.dag.resolve(VALUE_CID)["Cid"]["/"], VALUE_CID)
    archive = folder / "http.car"
    archive.write_bytes(client.dag.export(cid))
    equal(client.dag.imprt(str(archive))["Root"]["Cid"]["/"], cid)


def http_node(client):
    equal(client.version()["Version"], "0.22.0")
    status = client.repo.stat()
    require(status["NumObjects"] > 0 and status["RepoSize"] > 0, status)
    require(isinstance(client.repo.gc(), list), "repo.gc")
    equal(client.bootstrap.list()["Peers"], [])
    require("Identity" in client.config.get(), "config.get")
    failing(client.swarm.peers, "online mode")
    failing(client.key.list, "online mode")


def with_http_client(url, folder):
    client = http_client(url, folder)
    cid = http_files(client, folder)
    http_pins(client, cid)
    http_blocks(client, cid, folder)
    http_node(client)


# aioipfs


async def listed(generator):
    return [value async for value in generator]


async def aio_files(client, folder):
    equal((await client.core.add_bytes(HELLO.encode()))["Hash"], HELLO_CID)
    equal((await client.core.add_str(HELLO, name="hello"))["Name"], "hello")
    equal((await client.core.add_json({"a": 1}))["Size"], "16")
    equal(await client.core.cat(HELLO_CID, offset=6, length=5), b"world")
    root = tree(folder)
    added = await listed(client.core.add(str(root), recursive=True, cid_version=1))
    names = {entry["Name"]: entry["Hash"] for entry in added}
    equal(names["tree/hello.txt"], HELLO_RAW)
    cid = names["tree"]
    named = await listed(client.core.add(str(root / "hello.txt"), only_hash=True, pin=False))
    equal([entry["Hash"] for entry in named], [HELLO_CID])
    target = folder / "aio"
    target.mkdir()
    require(await client.core.get(cid, dstdir=str(target)), "get")
    same_tree(root, target / cid)
    links = (await client.core.ls(cid))["Objects"][0]["Links"]
    equal([link["Name"] for link in links], ["empty", "hello.txt", "inside"])
    equal(len(await listed(client.core.ls_streamed(cid))), 3)
    return cid


async def aio_pins(client, cid):
    steps = await listed(client.pin.add(cid))
    equal(steps[-1]["Pins"], [cid])
    equal((await client.pin.ls(path=cid))["Keys"][cid]["Type"], "recursive")
    equal((await client.pin.rm(cid))["Pins"], [cid])
    await listed(client.pin.add(cid))
    equal((await client.pin.update(cid, HELLO_RAW, unpin=False))["Pins"], [cid, HELLO_RAW])
    await client.pin.verify()


async def aio_blocks(client, cid, folder):
    block = folder / "block"
    block.write_bytes(HELLO.encode())
    key = (await client.block.put(str(block), cid_codec="raw"))["Key"]
    equal(key, HELLO_RAW)
    equal(await client.block.get(key), HELLO.encode())
    equal((await client.block.stat(key))["Size"], len(HELLO))
    node = folder / "node.json"
    node.write_text('{"hello": "world"}')
    equal((await client.dag.put(str(node)))["Cid"]["/"], VALUE_CID)
    equal(await client.dag.get(VALUE_CID), '{"hello":"world"}')
    equal((await client.dag.resolve(f"{VALUE_CID}/hello"))["RemPath"], "hello")
    archive = await client.dag.car_export(cid)
    imported = await client.dag.car_import(archive)
    equal(imported["Root"]["Cid"]["/"], cid)
    statistics = await listed(client.dag.stat(cid))
    equal(statistics[-1]["DagStats"][0]["Cid"], cid)


async def aio_node(client):
    equal((await client.core.version())["Repo"], "16")
    require("Subcommands" in await client.core.commands(), "commands")
    require((await client.repo.stat())["NumObjects"] > 0, "repo.stat")
    equal((await client.repo.version())["Version"], "fs-repo@16")
    require(len(await listed(client.refs.local())) > 0, "refs.local")
    await listed(client.repo.gc())
    for call in [client.core.id, client.swarm.peers, client.swarm.addrs, client.key.list,
                 client.stats.bw]:
        try:
            await call()
        except aioipfs.APIError as error:
            require("online mode" in error.message, error)
        else:
            raise AssertionError(f"{call} needs a network")


async def with_aioipfs(url, folder):
    address = urllib.parse.urlparse(url)
    async with aioipfs.AsyncIPFS(host=address.hostname, port=address.port) as client:
        cid = await aio_files(client, folder)
        await aio_pins(client, cid)
        await aio_blocks(client, cid, folder)
        await aio_node(client)


def main():
    url, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    with_http_client(url, folder)
    print("passed: ipfshttpclient", flush=True)
    asyncio.run(with_aioipfs(url, folder))
    print("passed: aioipfs", flush=True)


if __name__ == "__main__":
    main()
