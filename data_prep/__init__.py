"""From raw recordings of any supported data set to one prepared form that training streams.

`from data_prep import ...` offers the names below; each is imported at its first use.
"""

import sys
import warnings
from typing import TYPE_CHECKING

from data_prep.lazy import lazy_names

if sys.platform == "win32":
    warnings.warn("pskd_tf runs on Linux and macOS; on Windows, in WSL", stacklevel=2)

if TYPE_CHECKING:
    from data_prep.clip import Clip as Clip, check_clip as check_clip
    from data_prep.dataset_description import DatasetDescription as DatasetDescription
    from data_prep.errors import UserError as UserError
    from data_prep.inspection import (
        Inspection as Inspection,
        inspect_recordings as inspect_recordings,
        inspection_table as inspection_table,
    )
    from data_prep.loader import (
        ClipSource as ClipSource,
        DatasetOptions as DatasetOptions,
        Discovery as Discovery,
        Loader as Loader,
    )
    from data_prep.loaders.custom.loader import CustomLoader as CustomLoader
    from data_prep.preparation import prepare_dataset as prepare_dataset
    from data_prep.prepared_set import PreparedSet as PreparedSet
    from data_prep.prepared_set_tables import prepared_table as prepared_table
    from data_prep.prepared_set_writer import write_prepared_set as write_prepared_set
    from data_prep.protocols import (
        ClipSplit as ClipSplit,
        Split as Split,
        cross_subject as cross_subject,
        leave_one_subject_out as leave_one_subject_out,
        protocol_splits as protocol_splits,
        repeated_halves_splits as repeated_halves_splits,
        subject_folds as subject_folds,
        subject_halves as subject_halves,
        validation_splits as validation_splits,
    )
    from data_prep.registry import DATASETS as DATASETS, load_dataset as load_dataset
    from data_prep.skeletons import SkeletonLayout as SkeletonLayout
    from data_prep.split_file import kept_splits as kept_splits
    from data_prep.virtual_acceleration import (
        VirtualSensor as VirtualSensor,
        quality_on_others as quality_on_others,
    )
else:
    __all__, __getattr__, __dir__ = lazy_names(__name__)
