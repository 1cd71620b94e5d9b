"""Where each data set is to be had.

A URL or hash stands here only with where it was found. None of the URLs could be tried when this
table was written, and no hash is published by the authors; what is not known is None.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class RemoteFile:
    """One file of a download.

    Args:
        name: Its name on disk.
        url: Where it lies.
        sha256: Hash of its bytes, None if not known.
        source: Where the URL and the hash were found.
        unpack: Whether the archive is unpacked into a folder of its own. The loaders read zip
            archives as they are, so that most are left packed.
    """

    name: str
    url: str
    sha256: str | None
    source: str
    unpack: bool = False


@dataclass(frozen=True)
class DatasetDownload:
    """How to get a data set.

    Args:
        title: Name for people.
        page: The authors' page.
        files: What can be fetched without asking; empty if nothing can or no address is known.
        how: What a person has to do or know.
    """

    title: str
    page: str
    files: tuple[RemoteFile, ...]
    how: str


_UTD_SOURCE = (
    "addresses used by public scripts (datasets/download_utd_mhad.sh of razzu/cmc-cmkm), in the "
    "page's own folder; not tried by us; no hash is published"
)

DOWNLOADS = {
    "utd_mhad": DatasetDownload(
        title="UTD-MHAD",
        page="https://personal.utdallas.edu/~kehtar/UTD-MHAD.html",
        files=tuple(
            RemoteFile(name, f"https://www.utdallas.edu/~kehtar/UTD-MAD/{name}", None, _UTD_SOURCE)
            for name in ("Inertial.zip", "Skeleton.zip")
        ),
        how="If an address has moved, take Inertial.zip and Skeleton.zip from the page.",
    ),
    "berkeley_mhad": DatasetDownload(
        title="Berkeley MHAD",
        page="https://tele-immersion.citris-uc.org/berkeley_mhad",
        files=(),
        how="Take the accelerometer and motion capture archives from the page (we know no address "
        "of the files) and unpack them below one folder, BerkeleyMHAD/Accelerometer and "
        "BerkeleyMHAD/Mocap.",
    ),
    "mmact": DatasetDownload(
        title="MMAct",
        page="https://mmact19.github.io/2019/",
        files=(),
        how="Given out on request: fill in the authors' form on the page, and ask for the trimmed "
        "sensor clips (acc_watch_clip, acc_phone_clip, gyro_clip, orientation_clip) and, for "
        "skeletons, the pose annotations of the challenge. Unpack them below one folder.",
    ),
    "smartfallmm": DatasetDownload(
        title="SmartFallMM",
        page="https://github.com/txst-cs-smartfall/SmartFallMM-Dataset",
        files=(
            RemoteFile(
                "SmartFallMM-Dataset-main.zip",
                "https://github.com/txst-cs-smartfall/SmartFallMM-Dataset/archive/refs/heads/"
                "main.zip",
                None,
                "GitHub's address of a branch as zip, of the authors' repository; not tried by "
                "us. It follows the branch, so that no hash can stand here",
                unpack=True,
            ),
        ),
        how="The same files: git clone the page's address.",
    ),
}
