"""The files of own recordings, each read once however many clips are cut out of it."""

from dataclasses import asdict, replace

from data_prep.formats.archives import RawFile, ReadOnce
from data_prep.loaders.custom.accelerometer import CustomAccelerometer
from data_prep.loaders.custom.manifest_row import CustomClip
from data_prep.loaders.custom.raw_samples import RawSamples, read_raw_samples
from data_prep.loaders.custom.skeleton_files import CustomSkeleton, read_custom_skeleton
from data_prep.skeletons import SkeletonLayout

_Source = tuple[str, str]


class ReadFiles(ReadOnce):
    """The recordings of a manifest that were read last."""

    def accelerometer(self, item: RawFile, clip: CustomClip) -> tuple[CustomAccelerometer, _Source]:
        """Returns the whole recording of a clip's accelerometer.

        Args:
            item: The file.
            clip: The row of the manifest. Clips with other cells of the accelerometer have it read
                anew; clips that are parts of a table share it.

        Returns:
            The recording, and the file's name and SHA-256.

        Raises:
            UserError: The file is damaged or differs from the manifest.
        """
        suffix, name = item.path.suffix.lower(), f"{item.name}; {clip.place}"

        def read_samples(content: bytes) -> RawSamples:
            return read_raw_samples(content, clip, suffix, name)

        def read_whole(content: bytes) -> CustomAccelerometer:
            return CustomAccelerometer.read(content, clip, suffix, name)

        cells = tuple(
            value
            for field, value in asdict(clip).items()
            if field.startswith(("accelerometer_", "gyroscope_")) and field != "accelerometer_part"
        )
        if clip.accelerometer_part:
            samples, source = self.read(("samples", item, cells), item, name, read_samples)
            return CustomAccelerometer.of(samples, clip, name), source
        whole, source = self.read(("accelerometer", item, cells), item, name, read_whole)
        return replace(whole, name=name), source

    def skeleton(
        self, item: RawFile, clip: CustomClip, layout: SkeletonLayout
    ) -> tuple[CustomSkeleton, _Source]:
        """Returns the whole recording of a clip's skeleton.

        Args:
            item: The file.
            clip: The row of the manifest.
            layout: The joints of the file's columns.

        Returns:
            The recording, and the file's name and SHA-256.

        Raises:
            UserError: The file is damaged or has another number of joints.
        """
        name = f"{item.name}; {clip.place}"
        suffix = "" if item.path.is_dir() else item.path.suffix.lower()

        def read(content: bytes) -> CustomSkeleton:
            return read_custom_skeleton(content, clip, layout, suffix, name)

        cells = (clip.skeleton_columns, clip.skeleton_stamp_column, clip.skeleton_stamp_unit)
        key = ("skeleton", item, cells, clip.skeleton_key)
        return self.read(key, item, name, read)
