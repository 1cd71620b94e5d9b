"""Methods compared on honest splits: cells, their records, boards."""

from typing import TYPE_CHECKING

from data_prep.lazy import lazy_names

if TYPE_CHECKING:
    from pskd_tf.benchmark.board import (
        BoardRow as BoardRow,
        board_rows as board_rows,
        leaderboard_markdown as leaderboard_markdown,
        leaderboard_plot as leaderboard_plot,
        leaderboard_table as leaderboard_table,
    )
    from pskd_tf.benchmark.results import CellRecord as CellRecord
    from pskd_tf.benchmark.statistics import (
        majority_vote as majority_vote,
        nested_bootstrap as nested_bootstrap,
    )
    from pskd_tf.benchmark.stream import (
        StreamRecord as StreamRecord,
        StreamRow as StreamRow,
        read_streams as read_streams,
        stream_markdown as stream_markdown,
        stream_rows as stream_rows,
        stream_table as stream_table,
    )
else:
    __all__, __getattr__, __dir__ = lazy_names(__name__)
