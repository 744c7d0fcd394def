"""Writes private_object.json: two private objects made from docs/specs/private-content.md alone, with
PyNaCl 1.6.2, cryptography 50.0.2, cbor2 6.2.1 and zstandard 0.25.0 (python3 private_object.py).

The first has one plain chunk for two peers; the second three compressed chunks with an index, for a
passphrase. PrivateObjectTests opens both.
"""
import base64
import hashlib
import hmac
import json
import os

import cbor2
import zstandard
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from nacl import pwhash
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_encrypt
from nacl.public import SealedBox
from nacl.signing import SigningKey

CHUNK = (1 << 20) - 17
RAW, DAG_CBOR = 0x55, 0x71
author = SigningKey(bytes(range(32)))
reader = SigningKey(bytes(range(32, 64)))
blocks = {}


def store(codec, data):
    """Keeps a block; its binary CID."""
    cid = bytes([1, codec, 0x12, 32]) + hashlib.sha256(data).digest()
    blocks["b" + base64.b32encode(cid).decode().lower().rstrip("=")] = data.hex()
    return cid


def text(cid):
    return "b" + base64.b32encode(cid).decode().lower().rstrip("=")


def link(cid):
    return cbor2.CBORTag(42, b"\0" + cid)


def derive(key, purpose, salt=b""):
    extracted = hmac.digest(b"martlet private object 1" + salt, key, "sha256")
    return hmac.digest(extracted, purpose + b"\x01", "sha256")


def seal(key, number, is_last, form, body):
    nonce = number.to_bytes(11, "big") + bytes([is_last])
    return ChaCha20Poly1305(key).encrypt(nonce, bytes([form]) + body, None)


def encode(value):
    # cbor2's canonical order of text keys is that of dag-cbor: by length, then by bytes.
    return cbor2.dumps(value, canonical=True)


def write(content, name, key, wrapped, readers, salt, compressed):
    chunks = [content[i:i + CHUNK] for i in range(0, len(content), CHUNK)] or [b""]
    compressor = zstandard.ZstdCompressor(level=19)
    sealed = [
        seal(derive(key, b"content"), i, i == len(chunks) - 1, int(compressed),
             compressor.compress(chunk) if compressed else chunk)
        for i, chunk in enumerate(chunks)]
    body = b"".join(sealed)
    assert len(body) <= 1 << 20  # one leaf, so that this file needs no UnixFS
    content_cid = store(RAW, body)
    index_cid = None
    if compressed:
        table = b"".join(len(chunk).to_bytes(4, "big") for chunk in sealed)
        index_cid = store(RAW, seal(derive(key, b"index"), 0, True, 0, table))
    header = {
        "author": bytes(author.verify_key), "bytes": len(content), "name": name,
        "readers": readers, "sha256": hashlib.sha256(content).digest(), "type": ""}
    signed = encode(["martlet private object 1", link(content_cid),
                     link(index_cid) if index_cid else None, header])
    header["signature"] = author.sign(signed).signature
    manifest = {
        "martlet-private": 1, "content": link(content_cid), "salt": salt,
        "commitment": derive(key, b"commitment"), "keys": wrapped,
        "header": seal(derive(key, b"header", salt), 0, True, 0, encode(header))}
    if index_cid:
        manifest["index"] = link(index_cid)
    return text(store(DAG_CBOR, encode(manifest)))


def for_peer(key, peer):
    return {"peer": SealedBox(peer.verify_key.to_curve25519_public_key()).encrypt(key)}


def for_passphrase(key, passphrase):
    salt, nonce = bytes(range(16)), bytes(range(24))
    secret = pwhash.argon2id.kdf(32, passphrase, salt, opslimit=3, memlimit=256 << 20)
    head = b"\x01" + salt + nonce
    return {"passphrase": head + crypto_aead_xchacha20poly1305_ietf_encrypt(
        key, head, nonce, secret)}


plain_key, packed_key = bytes([7] * 32), bytes([8] * 32)
plain = write(b"for your eyes only", "note.txt", plain_key,
              [for_peer(plain_key, author), for_peer(plain_key, reader)],
              [bytes(author.verify_key), bytes(reader.verify_key)], bytes([1] * 16), False)
packed = write(b"0123456789abcdef" * 160_000, "digits", packed_key,
               [for_passphrase(packed_key, b"correct horse")], [], bytes([2] * 16), True)
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "private_object.json"), "w") as out:
    json.dump({"plain": plain, "packed": packed, "blocks": blocks}, out, indent=1)
    out.write("\n")
