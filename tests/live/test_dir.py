# SPDX-License-Identifier: Apache-2.0
"""The embedded target: an archive that `docker load` reads, and a record beside it."""

import hashlib
import json


def files(folder):
    """({record path: record}, [other files]) of a target folder."""
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    records = {path: json.loads(path.read_text()) for path in paths if path.suffix == ".json"}
    return records, [path for path in paths if path not in records]


def check_folder(folder, second_engine, ref, image_id):
    records, others = files(folder)
    record, = records.values()
    archive, = others  # and no temporary file
    data = archive.read_bytes()
    name, tag = ref.split(":")
    assert (record["name"], record["tags"], record["status"]) == (name, [tag], "active")
    assert (record["container_format"], record["disk_format"]) == ("docker", "raw")
    assert record["size"] == len(data)
    assert record["os_hash_value"] == hashlib.new(record["os_hash_algo"], data).hexdigest()
    second_engine.load(data)
    assert second_engine.image_id(ref) == image_id


def test_dir_is_the_default_without_a_cloud(engine, second_engine, web, tree):
    tree.write("containers/web/commit", "kept:1")
    tree.finish("containers/web")
    tree.write("containers/web/push", "kept:1")
    final = tree.finish("containers/web")
    assert (final["state"], final["percent"], final["error"]) == ("active", "100", "")
    check_folder(tree.state / "images", second_engine, "kept:1", engine.image_id("kept:1"))


def test_a_folder_named_at_the_mount(root, engine, second_engine, web, mount):
    folder = root / "archive"
    tree = mount(None, f"--dir={folder}")
    tree.write("containers/web/commit", "named:1 push=dir")
    assert tree.finish("containers/web")["state"] == "active"
    check_folder(folder, second_engine, "named:1", engine.image_id("named:1"))


def test_dir_although_there_is_a_cloud(engine, second_engine, web, cloud):
    engine.docker("commit", "web", "local:1")
    cloud.appears("images/local:1")
    cloud.write("images/local:1/push", "dir")
    assert cloud.finish("images/local:1")["state"] == "active"
    check_folder(cloud.state / "images", second_engine, "local:1", engine.image_id("local:1"))


def test_store_option(engine, second_engine, web, mount, demo):
    mounted = mount(demo, "--store=dir")
    mounted.write("containers/web/commit", "opt:1")
    mounted.finish("containers/web")
    mounted.write("containers/web/push", "")
    mounted.finish("containers/web")
    check_folder(mounted.state / "images", second_engine, "opt:1", engine.image_id("opt:1"))
