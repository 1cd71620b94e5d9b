"""Training, compression and export of a run; above all other packages."""

from typing import TYPE_CHECKING

from data_prep.lazy import lazy_names

if TYPE_CHECKING:
    from pskd_tf.runs.choose_recognizer import (
        Choice as Choice,
        ValidationModel as ValidationModel,
        choose_settings as choose_settings,
        validation_models as validation_models,
    )
    from pskd_tf.runs.finished_run import (
        FinishedRun as FinishedRun,
        Prediction as Prediction,
        load_run as load_run,
    )
else:
    __all__, __getattr__, __dir__ = lazy_names(__name__)
