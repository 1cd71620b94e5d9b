"""One loader for each data set; `load_dataset` finds it by name."""

from typing import TYPE_CHECKING

from data_prep.lazy import lazy_names

if TYPE_CHECKING:
    from data_prep.loaders.berkeley_mhad.loader import BerkeleyMHADLoader as BerkeleyMHADLoader
    from data_prep.loaders.custom.loader import CustomLoader as CustomLoader
    from data_prep.loaders.czu_mhad import CZUMHADLoader as CZUMHADLoader
    from data_prep.loaders.mm_fit.loader import MMFitLoader as MMFitLoader
    from data_prep.loaders.mmact import MMActLoader as MMActLoader
    from data_prep.loaders.openpack.loader import OpenPackLoader as OpenPackLoader
    from data_prep.loaders.smartfallmm import SmartFallMMLoader as SmartFallMMLoader
    from data_prep.loaders.synthetic.loader import SyntheticLoader as SyntheticLoader
    from data_prep.loaders.utd_mhad import UTDMHADLoader as UTDMHADLoader
else:
    __all__, __getattr__, __dir__ = lazy_names(__name__)
