"""A finished run as a page: loaded from its folder, drawn as SVG, written as one HTML file."""

from typing import TYPE_CHECKING

from data_prep.lazy import lazy_names

if TYPE_CHECKING:
    from pskd_tf.reporting.charts import (
        RIGHT as RIGHT,
        SOFT as SOFT,
        WRONG as WRONG,
        colour_of as colour_of,
        numbered_colour as numbered_colour,
    )
    from pskd_tf.reporting.comparison import write_comparison as write_comparison
    from pskd_tf.reporting.pictures import write_pictures as write_pictures
    from pskd_tf.reporting.report import model_card as model_card, write_report as write_report
else:
    __all__, __getattr__, __dir__ = lazy_names(__name__)
