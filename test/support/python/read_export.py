"""Reads an export as its users do, and prints a JSON line for each row: its image's sha256 and decoded size, its cells.

read_export.py READER FOLDER
"""

import glob
import hashlib
import io
import json
import sys

from PIL import Image


def told(image_bytes, cells):
    with Image.open(io.BytesIO(image_bytes)) as image:
        image.load()
        size = image.size
    digest = hashlib.sha256(image_bytes).hexdigest()
    print(json.dumps({"image": [digest, *size], "cells": cells}, sort_keys=True))


def read_pyarrow(folder):
    import pyarrow.dataset

    table = pyarrow.dataset.dataset(sorted(glob.glob(folder + "/*.parquet"))).to_table()
    for row in table.to_pylist():
        image = row.pop("image")
        assert image["path"] == row["file_name"]
        told(image["bytes"], row)


def load(folder):
    import datasets

    return datasets.load_dataset(folder, split="train")


def as_bytes(data, column):
    import datasets

    return data.cast_column(column, datasets.Image(decode=False))


def read_datasets_parquet(folder):
    data = load(folder)
    decoded = data[0]["image"].size
    assert decoded[0] > 0
    for row in as_bytes(data, "image"):
        told(row.pop("image")["bytes"], row)


def read_datasets_tar(folder):
    data = load(folder)
    types = [column for column in ("png", "jpg", "webp") if column in data.column_names]
    for column in types:
        data = as_bytes(data, column)
    for row in data:
        (image,) = [row[column] for column in types if row[column] is not None]
        assert row["txt"] == row["json"]["prompt"]
        told(image["bytes"], row["json"])


def read_webdataset(folder):
    import webdataset

    shards = sorted(glob.glob(folder + "/*.tar"))
    for sample in webdataset.WebDataset(shards, shardshuffle=False):
        (image,) = [sample[type] for type in ("png", "jpg", "webp") if type in sample]
        cells = json.loads(sample["json"])
        assert sample["txt"].decode() == cells["prompt"]
        told(image, cells)


def read_open_clip(folder):
    """The pipeline of open_clip and img2dataset's readers: pairs of a decoded image and its text."""
    import webdataset

    count = len(glob.glob(folder + "/*.tar"))
    shards = folder + "/train-{00000..%05d}-of-%05d.tar" % (count - 1, count)
    data = (
        webdataset.WebDataset(shards, shardshuffle=False)
        .decode("pil")
        .rename(image="jpg;png;jpeg;webp", text="txt")
        .to_tuple("image", "text")
    )
    for image, text in data:
        print(json.dumps({"size": list(image.size), "text": text}))


def read_imagefolder(folder):
    for row in as_bytes(load(folder), "image"):
        image = row.pop("image")
        with open(image["path"], "rb") as file:
            told(image["bytes"] or file.read(), row)


if __name__ == "__main__":
    _, reader, folder = sys.argv
    globals()["read_" + reader](folder)
