"""Berkeley MHAD (Ofli et al., WACV 2013)."""

from data_prep.loaders.berkeley_mhad.loader import BerkeleyMHADLoader

__all__ = ["BerkeleyMHADLoader"]
