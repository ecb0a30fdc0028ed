"""Bundles made member by member, and how one is refused."""

import hashlib
import io
import json
import tracemalloc
import zipfile

import pytest

from stilo.errors import BundleError
from stilo.styles.bundle import read_bundle


def packed(members, compression=zipfile.ZIP_DEFLATED):
    """A zip of `members`: a dict, or pairs when a name stands twice."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, data in members.items() if isinstance(members, dict) else members:
            archive.writestr(name, data)
    return out.getvalue()


def summed(members, **changes):
    """The members with sums that fit, as a hostile maker would set them right; `changes` to style.json."""
    others = {name: data for name, data in members.items() if name != "style.json"}
    sums = {name: hashlib.sha256(data).hexdigest() for name, data in others.items()}
    document = {**json.loads(members["style.json"]), "sha256": sums, **changes}
    return {"style.json": json.dumps(document), **others}


def refused(path, data, most_bytes=None):
    """The message; `most_bytes` bounds the memory that reading may take."""
    path.write_bytes(data)
    if most_bytes is not None:
        tracemalloc.start()
    with pytest.raises(BundleError) as caught:
        read_bundle(path)
    if most_bytes is not None:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < most_bytes
    message = str(caught.value)
    assert message.isprintable()
    assert message.startswith(str(path))
    return message
