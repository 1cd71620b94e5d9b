"""An export folder: what is refused."""

import json
import shutil

import pytest

from data_prep.errors import UserError
from pskd_tf.exported import Export


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda folder: (folder / "plain_model.c").unlink(),
            r"complete;.* no plain_model\.c",
        ),
        (lambda folder: (folder / "plain_model.c").write_text("x"), r"unchanged.*plain_model\.c"),
    ],
)
def test_a_changed_export_is_refused(tiny_run, tmp_path, change, message):
    shutil.copytree(tiny_run / "export", tmp_path / "export")
    change(tmp_path / "export")
    export = Export.read(tmp_path / "export")
    assert export.file("plain_model.h").is_file()
    with pytest.raises(UserError, match=message):
        export.file("plain_model.c")


def test_a_manifest_of_another_version_is_refused(tiny_run, tmp_path):
    shutil.copytree(tiny_run / "export", tmp_path / "export")
    path = tmp_path / "export" / "manifest.json"
    values = json.loads(path.read_text())
    path.write_text(json.dumps({name: values[name] for name in values if name != "inputs"}))
    with pytest.raises(UserError, match=r"inputs: Field required.*manifest\.json\)$"):
        Export.read(tmp_path / "export")
