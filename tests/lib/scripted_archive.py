# SPDX-License-Identifier: Apache-2.0
"""Images made of nothing: layers of any size produced on the fly, and the docker-archive that `docker save` gives."""
import functools
import hashlib
import io
import json
import random
import tarfile

BLOCK = 1 << 20


def dumps(value):
    return json.dumps(value, separators=(",", ":"))


def tar_entry(name, size=0, kind=tarfile.REGTYPE, mtime=0):
    entry = tarfile.TarInfo(name)
    entry.size, entry.type, entry.mtime = size, kind, mtime
    entry.mode = 0o755 if kind == tarfile.DIRTYPE else 0o644
    entry.uname = entry.gname = "root"
    return entry.tobuf(tarfile.USTAR_FORMAT)


def padding(size):
    return bytes(-size % 512)


def tar_file(name, data):
    return tar_entry(name, len(data)) + data + padding(len(data))


@functools.lru_cache(maxsize=4)
def noise(seed):
    return random.Random(seed).randbytes(BLOCK)


class Layer:
    """A layer with one file of `size` bytes that do not compress; equal arguments make equal layers."""

    def __init__(self, size, seed=0):
        self.size, self.seed = size, seed
        self.tar_size = 512 + size + len(padding(size)) + 1024
        self.diff_id = "sha256:" + diff_digest(size, seed)

    def pieces(self):
        """The layer's tar archive, in blocks of 1 MiB."""
        return layer_pieces(self.size, self.seed)


def layer_pieces(size, seed):
    yield tar_entry(f"data-{seed}", size)
    block = noise(seed)
    for start in range(0, size, BLOCK):
        yield (start.to_bytes(8, "big") + block[8:])[:size - start]
    yield padding(size) + bytes(1024)


@functools.lru_cache(maxsize=None)
def diff_digest(size, seed):
    digest = hashlib.sha256()
    for piece in layer_pieces(size, seed):
        digest.update(piece)
    return digest.hexdigest()


def chain_ids(layers):
    """Names for the layers' folders: each depends on all below it."""
    name = ""
    for layer in layers:
        name = hashlib.sha256(f"{name} {layer.diff_id}".encode()).hexdigest()
        yield name


def save(images):
    """The pieces of the docker-archive of [(image, [references])]."""
    manifest, repositories, done = [], {}, set()
    for image, refs in images:
        config = image.hex_id + ".json"
        folders = list(chain_ids(image.layers))
        yield tar_file(config, image.config)
        for number, (folder, layer) in enumerate(zip(folders, image.layers)):
            if folder not in done:
                yield from save_layer(folder, layer, folders[number - 1] if number else None)
                done.add(folder)
        manifest.append({"Config": config, "RepoTags": refs or None, "Layers": [f + "/layer.tar" for f in folders]})
        for ref in refs:
            name, _, tag = ref.rpartition(":")
            repositories.setdefault(name, {})[tag] = folders[-1]
    yield tar_file("manifest.json", dumps(manifest).encode() + b"\n")
    if repositories:
        yield tar_file("repositories", dumps(repositories).encode() + b"\n")
    yield bytes(1024)


def save_layer(folder, layer, parent):
    about = {"id": folder, "created": "1970-01-01T00:00:00Z", "os": "linux"}
    if parent:
        about["parent"] = parent
    yield tar_entry(folder + "/", kind=tarfile.DIRTYPE)
    yield tar_file(folder + "/VERSION", b"1.0") + tar_file(folder + "/json", dumps(about).encode())
    yield tar_entry(folder + "/layer.tar", layer.tar_size)
    yield from layer.pieces()
    yield padding(layer.tar_size)


class Pipe(io.RawIOBase):
    """Pieces as a file, for tarfile."""

    def __init__(self, pieces):
        self.pieces, self.rest = iter(pieces), b""

    def readable(self):
        return True

    def readinto(self, into):
        while not self.rest:
            piece = next(self.pieces, None)
            if piece is None:
                return 0
            self.rest = piece
        data, self.rest = self.rest[:len(into)], self.rest[len(into):]
        into[:len(data)] = data
        return len(data)


def load(pieces):
    """[(config, references, sizes of the layers)] of a docker-archive, read in one pass."""
    files, sizes = {}, {}
    with tarfile.open(fileobj=io.BufferedReader(Pipe(pieces)), mode="r|") as tar:
        for entry in tar:
            sizes[entry.name] = entry.size
            if entry.name.endswith(".json") and entry.isfile():
                files[entry.name] = tar.extractfile(entry).read()
    return [(files[image["Config"]], image["RepoTags"] or [], [sizes[name] for name in image["Layers"]])
            for image in json.loads(files["manifest.json"])]
