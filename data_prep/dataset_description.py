"""The description of a prepared set in dataset.json: classes, streams, skeleton, protocols."""

import dataclasses
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data_prep.errors import UserError
from data_prep.records import FileName, record_from_json

SCHEMA_VERSION = 2

# A board sends a label in a line of 160 bytes, of which time, index and confidence take up to 35.
LONGEST_LABEL = 120


def check_labels(class_names: Sequence[str]) -> None:
    """Refuses a label that a board's line or a C string cannot hold.

    Args:
        class_names: Name of each class.

    Raises:
        UserError: A label is too long, or holds a null character.
    """
    for name in class_names:
        length = len(name.encode("utf-8", "surrogatepass")) + name.count('"')
        if length > LONGEST_LABEL:
            rule = (
                f"A label takes at most {LONGEST_LABEL} bytes in UTF-8, a quote two, for the line "
                "that a board sends; rename the action"
            )
            raise UserError(rule, f"{length} bytes: {name[:20]}...")
        if "\0" in name:
            raise UserError("A label must not hold a null character", repr(name))


def _check_protocols(protocols: Mapping[str, Mapping[str, Any]]) -> None:
    for name, declared in protocols.items():
        for part in ("train", "test"):
            wanted = declared.get(part, {"subject": declared.get(f"{part}_subjects")})
            values = list(wanted.values()) if isinstance(wanted, Mapping) else [None]
            if not all(isinstance(one, list | tuple) and _are_names(one) for one in values):
                rule = f"A protocol must list its {part}_subjects, or values of columns as {part}"
                raise UserError(rule, f"{wanted} in {name}")


def _are_names(values: Iterable[Any]) -> bool:
    return all(isinstance(one, str | int) for one in values)


@dataclass(frozen=True)
class DatasetDescription:
    """The content of dataset.json. A loader gives the draft; the writer adds the hashes.

    Args:
        name: Name by which the data set is chosen ("utd_mhad").
        title: Name for people.
        is_synthetic: Whether the clips were generated instead of recorded.
        citation: The publication to cite with every number from this data set.
        num_clips: Number of clips; in a loader's draft of those found.
        subjects: All subjects, in natural order.
        class_names: Name of each class index.
        streams: Stream name -> {"unit", "nominal_rate_hz", "channels"}.
        joint_names: Name of each joint index.
        joint_parents: Parent's index of each joint, -1 for the root.
        root_joint: Index of the root joint.
        up_axis: Index of the skeleton's axis that points up.
        protocols: Protocol name -> how it splits the clips; see `data_prep.protocols`.
        made_by: Versions, and the seed of generated data; see `made_by`.
        alignment: How streams share time: "end_to_end" means that first sample and first frame
            coincide, and last and last; "clip" that they show the same movement but were cut
            separately, so that frames do not pair with samples.
        wrist_place: The `sensor_place` of the clips that train a wrist student.
        skeleton_dimensions: 3 for x, y, z in metres; 2 for x, y in body-scaled metres with the
            pose estimator's confidence, 0 to 1, as third channel.
        options: The loader's options, defaults included.
        sources: Raw archive or folder -> SHA-256.
        source_notes: Remarks on the raw data, such as an incomplete download.
        num_quarantined: Number of clips found but left out as bad; 0 in a loader's draft.
        array_sha256: File of the prepared set -> SHA-256; empty in a loader's draft.
        schema_version: Version of the prepared form.
    """

    name: str
    title: str
    is_synthetic: bool
    citation: str
    num_clips: int
    subjects: list[str]
    class_names: list[str]
    streams: dict[str, dict[str, Any]]
    joint_names: list[str]
    joint_parents: list[int]
    root_joint: int
    up_axis: int
    protocols: dict[str, dict[str, Any]]
    made_by: dict[str, str | int]
    alignment: str = "end_to_end"
    wrist_place: str = "right_wrist"
    skeleton_dimensions: int = 3
    options: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    source_notes: list[str] = field(default_factory=list)
    num_quarantined: int = 0
    array_sha256: dict[FileName, str] = field(default_factory=dict)
    schema_version: int = SCHEMA_VERSION

    def __post_init__(self) -> None:
        check_labels(self.class_names)
        _check_protocols(self.protocols)

    def without(self, num_quarantined: int, subjects: Collection[str]) -> "DatasetDescription":
        """Returns the description of the same set after bad clips were left out.

        Args:
            num_quarantined: How many were left out.
            subjects: Subjects that still have a clip; others leave the subjects and protocols.
        """

        def remaining(protocol: dict[str, Any]) -> dict[str, Any]:
            parts = {"train_subjects", "test_subjects"} & protocol.keys()
            kept = {part: [name for name in protocol[part] if name in subjects] for part in parts}
            return {**protocol, **kept}

        return dataclasses.replace(
            self,
            num_clips=self.num_clips - num_quarantined,
            num_quarantined=num_quarantined,
            subjects=[name for name in self.subjects if name in subjects],
            protocols={name: remaining(protocol) for name, protocol in self.protocols.items()},
        )

    def to_json(self) -> str:
        """Returns the text of dataset.json, the same for the same content."""
        return json.dumps(dataclasses.asdict(self), indent=2, sort_keys=True) + "\n"

    @classmethod
    def load(cls, path: str | Path) -> "DatasetDescription":
        """Reads a dataset.json.

        Args:
            path: The file.

        Returns:
            The description.

        Raises:
            UserError: The file is missing, no JSON, of another schema version, or lacks a field.
        """
        try:
            content = json.loads(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise UserError("A prepared set needs a dataset.json", error.strerror, path) from error
        except (ValueError, RecursionError) as error:
            raise UserError("A dataset.json must be JSON in UTF-8", error, path) from error
        if not isinstance(content, dict):
            raise UserError("A dataset.json must hold an object", type(content).__name__, path)
        version = content.get("schema_version")
        if version != SCHEMA_VERSION:
            raise UserError(
                f"The prepared set must have schema version {SCHEMA_VERSION}; prepare it again",
                version,
                path,
            )
        fields = {item.name for item in dataclasses.fields(cls)}
        if set(content) != fields:
            odd = ", ".join(sorted(set(content) ^ fields))
            raise UserError("A dataset.json must hold all fields and no other", odd, path)
        return record_from_json(cls, content, path)
