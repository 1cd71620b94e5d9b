"""Readers of file formats; they know nothing about data sets."""

from typing import TYPE_CHECKING

from data_prep.lazy import lazy_names

if TYPE_CHECKING:
    from data_prep.formats.archives import (
        RawFile as RawFile,
        ReadOnce as ReadOnce,
        ZipMember as ZipMember,
        find_raw_files as find_raw_files,
        raw_sources as raw_sources,
    )
    from data_prep.formats.bvh import BvhFile as BvhFile
    from data_prep.formats.csv_files import (
        CsvRecord as CsvRecord,
        read_csv_records as read_csv_records,
        read_sensor_csv as read_sensor_csv,
    )
    from data_prep.formats.mat import (
        read_mat_array as read_mat_array,
        read_mat_cells as read_mat_cells,
    )
    from data_prep.formats.tables import (
        read_columns as read_columns,
        read_npy_array as read_npy_array,
        read_number_table as read_number_table,
    )
else:
    __all__, __getattr__, __dir__ = lazy_names(__name__)
