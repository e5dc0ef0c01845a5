"""The environment that cells run in: the same, whatever a machine or a user has set."""

from __future__ import annotations

import os
import sysconfig

from coprod.paths import PROJECT, package_folder

__all__ = ["KEYED", "kernel_environment"]

# One thread for linear algebra in each process: two chapters with default threads are slower than one.
THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
# What would have cells compute, draw or speak in another way,
SETTINGS = (
    *("PYTHON", "MPL", "MATPLOTLIB", "OPENBLAS_", "OMP_", "MKL_", "NUMEXPR_", "NPY_"),
    *("LC_", "LANG", "COLUMNS", "LINES"),
)
# but for where modules are, and where is room for what is compiled or drawn with.
PLACES = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX", "MPLCONFIGDIR")
KEYED = ("COPROD_", "PYTHONPATH")
"""What the names of those start with on which results rest."""


def kernel_environment() -> dict[str, str]:
    """The environment of a kernel: single-threaded, seeded, the same on every machine."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name in PLACES or not name.startswith(SETTINGS)
    }
    environment.update(dict.fromkeys(THREADS, "1"))
    environment.update(PYTHONHASHSEED="0", PYTHONIOENCODING="utf-8", PYTHONUTF8="1")
    environment.update(TZ="UTC", LC_ALL="C.UTF-8")
    drawing = package_folder("matplotlib") / "mpl-data" / "matplotlibrc"
    environment.update(
        MPLBACKEND="module://matplotlib_inline.backend_inline", MATPLOTLIBRC=str(drawing)
    )
    # The package that makes the book is the one that its cells import, whichever is installed.
    if str(PROJECT) not in (sysconfig.get_path("purelib"), sysconfig.get_path("platlib")):
        others = environment.get("PYTHONPATH")
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(PROJECT), others]))
    return environment
