"""Decoding and resizing pictures: catscan against the ways in which others do it, in one run.

    python3 -m venv .venv-bench-pictures
    .venv-bench-pictures/bin/python -m pip install -r benchmarks/pictures-requirements.txt -e .
    .venv-bench-pictures/bin/python benchmarks/pictures.py [--size 64] [--data FOLDER]

The pictures are the 400 originals of Dogs vs. Cats in FOLDER/dogs-vs-cats/originals.zip; FOLDER is
$CATSCAN_DATA, or ../shared/data beside the checkout.
Every way runs in a process of its own, all pinned to one core; they take turns, round by round, and each is counted by
its best round in CPU-seconds, so that other work on the machine disturbs the ratios little. A way whose package is not
installed is left out, by name. PSNR is the median over the pictures against the exact area average of the full decode.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = "cv2.imread + INTER_AREA"
ROUNDS = 5
COPIES = 10  # of the 400 pictures, for what is measured over a whole process
SHARDS = 16  # of a default run: 8 of training, 8 of test pictures
ALL_PICTURES = 37_500
READER = {"channels": "rgb", "fit": "stretch"}

Way = Callable[[str], Any]


def catscan_way(resize: str) -> Callable[[int], Way]:
    def make(side: int) -> Way:
        from catscan.kinds.kernels import area
        from catscan.kinds.pictures.reader import PictureReader
        from catscan.kinds.pictures.settings import PictureSettings
        from catscan.raw.files import RawFiles

        area._work_done[0] = area.WORK_BEFORE_COMPILING  # the start-up is measured by itself
        settings = PictureSettings(size=(side, side), resize=resize, **READER)
        reader = PictureReader(RawFiles("/"), settings)
        return lambda path: reader.read_bytes(Path(path).read_bytes(), name=path).array

    return make


def opencv_way(interpolation: str) -> Callable[[int], Way]:
    def make(side: int) -> Way:
        import cv2

        cv2.setNumThreads(1)
        how = getattr(cv2, interpolation)
        return lambda path: cv2.resize(cv2.imread(path), (side, side), interpolation=how)[..., ::-1]

    return make


def pillow_way(*, draft: bool) -> Callable[[int], Way]:
    def make(side: int) -> Way:
        from PIL import Image

        def way(path: str) -> Any:
            with Image.open(path) as picture:
                if draft:
                    picture.draft("RGB", (side, side))
                return np.asarray(picture.convert("RGB").resize((side, side), Image.Resampling.BOX))

        return way

    return make


def imageio_way(side: int) -> Way:
    import cv2
    import imageio.v3

    cv2.setNumThreads(1)
    return lambda path: cv2.resize(imageio.v3.imread(path), (side, side), interpolation=cv2.INTER_AREA)


def skimage_way(side: int) -> Way:
    from skimage.io import imread
    from skimage.transform import resize

    return lambda path: (resize(imread(path), (side, side), anti_aliasing=True) * 255 + 0.5).astype(np.uint8)


def torch_way(side: int) -> Way:
    """What a torchvision-free data set does: Pillow, then bilinear interpolation with antialiasing."""
    import torch
    from PIL import Image

    torch.set_num_threads(1)

    def way(path: str) -> Any:
        with Image.open(path) as picture:
            pixels = torch.from_numpy(np.array(picture.convert("RGB"))).permute(2, 0, 1)[None]
        small = torch.nn.functional.interpolate(pixels, (side, side), mode="bilinear", antialias=True)
        return small[0].permute(1, 2, 0).numpy()

    return way


def floor_way(_: int) -> Way:
    """The entropy decoding that no reader can do without, and the least of the rest: gray at 1/8."""
    import simplejpeg

    return lambda path: simplejpeg.decode_jpeg(Path(path).read_bytes(), "GRAY", min_height=1, min_width=1, min_factor=8)


def tensorflow_batch(paths: list[str], side: int) -> Callable[[], Any]:
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)

    def read(path: Any) -> Any:
        small = tf.image.resize(tf.io.decode_jpeg(tf.io.read_file(path), channels=3), (side, side), method="area")
        return tf.cast(small + 0.5, tf.uint8)

    data = tf.data.Dataset.from_tensor_slices(paths).map(read).batch(len(paths))
    return lambda: next(iter(data)).numpy()


def dali_batch(paths: list[str], side: int) -> Callable[[], Any]:
    from nvidia.dali import fn, pipeline_def, types

    @pipeline_def(batch_size=len(paths), num_threads=1, device_id=None)
    def pipeline() -> Any:
        encoded, _ = fn.readers.file(files=paths)
        decoded = fn.decoders.image(encoded, device="cpu", output_type=types.RGB)
        return fn.resize(decoded, size=(side, side), interp_type=types.INTERP_TRIANGULAR, antialias=True)

    built = pipeline(prefetch_queue_depth=1, exec_async=False, exec_pipelined=False)
    built.build()
    return lambda: built.run()[0].as_array()  # noqa: PLW0108 -- runs at each call


ONE_BY_ONE: dict[str, tuple[str, Callable[[int], Way]]] = {
    "catscan area": ("catscan", catscan_way("area")),
    "catscan fast": ("catscan", catscan_way("fast")),
    REFERENCE: ("cv2", opencv_way("INTER_AREA")),
    "cv2.imread + INTER_LINEAR (tutorial)": ("cv2", opencv_way("INTER_LINEAR")),
    "Pillow BOX": ("PIL", pillow_way(draft=False)),
    "Pillow draft + BOX": ("PIL", pillow_way(draft=True)),
    "imageio + INTER_AREA": ("imageio", imageio_way),
    "scikit-image": ("skimage", skimage_way),
    "PyTorch: Pillow + bilinear antialias": ("torch", torch_way),
    "floor: entropy decode, gray at 1/8": ("simplejpeg", floor_way),
}
BATCHES: dict[str, tuple[str, Callable[[list[str], int], Callable[[], Any]]]] = {
    "tf.data: decode_jpeg + resize area": ("tensorflow", tensorflow_batch),
    "DALI CPU: decode + triangular": ("nvidia.dali", dali_batch),
}
# What catscan's ways reach at 64 x 64, at least, times the speed of a rival.
GOALS = {
    "catscan area": {
        REFERENCE: 1.7,
        "cv2.imread + INTER_LINEAR (tutorial)": 0.95,
        "Pillow BOX": 1.9,
        "tf.data: decode_jpeg + resize area": 1.4,
        "DALI CPU: decode + triangular": 2.0,
        "imageio + INTER_AREA": 2.7,
    },
    "catscan fast": {REFERENCE: 2.3},
}


def installed(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except ModuleNotFoundError:  # of a package within a package that is not there
        return False


def worker(name: str, folder: Path, side: int) -> None:
    """Run one way a round for each line on standard input; answer with its CPU-seconds."""
    paths = [str(path) for path in sorted((folder / "train").iterdir())]
    if name in BATCHES:
        batch = BATCHES[name][1](paths, side)
    else:
        way = ONE_BY_ONE[name][1](side)

        def batch() -> Any:
            return [way(path) for path in paths]

    result = batch()
    if not name.startswith("floor"):
        np.save(folder / f"{name.replace('/', ' ')}.npy", np.stack(list(result)))
    print("ready", flush=True)
    for _ in sys.stdin:
        began = time.process_time()
        batch()
        print(time.process_time() - began, flush=True)


def side_by_side(folder: Path, side: int) -> dict[str, float]:
    """Pictures per CPU-second of each way that is installed."""
    ways = {name: package for name, (package, _) in (ONE_BY_ONE | BATCHES).items()}  # type: ignore[operator]
    for name in [name for name, package in ways.items() if not installed(package)]:
        print(f"left out, as {ways.pop(name)} is not installed: {name}")
    core = min(os.sched_getaffinity(0))
    command = [sys.executable, __file__, "--size", str(side), "--folder", str(folder), "--worker"]
    workers = {
        name: subprocess.Popen(
            [*command, name],
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            preexec_fn=lambda: os.sched_setaffinity(0, {core}),  # noqa: PLW1509 -- the parent has no threads yet
        )
        for name in ways
    }
    best: dict[str, float] = {}
    for name, process in list(workers.items()):
        if process.stdout is None or process.stdout.readline().strip() != "ready":
            print(f"left out, as it fails here: {name}")
            del workers[name]
    for _ in range(ROUNDS):
        for name, process in workers.items():
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write("go\n")
            process.stdin.flush()
            best[name] = min(best.get(name, np.inf), float(process.stdout.readline()))
    for process in workers.values():
        process.communicate()
    count = len(list((folder / "train").iterdir()))
    return {name: count / seconds for name, seconds in best.items()}


def quality(folder: Path, name: str, exact: Any) -> tuple[float, int]:
    """Median PSNR in dB, and the largest difference in levels, to the exact area average."""
    found = np.load(folder / f"{name.replace('/', ' ')}.npy").astype(float)
    squares = np.mean((found - exact) ** 2, axis=(1, 2, 3))
    with np.errstate(divide="ignore"):
        return float(np.median(10 * np.log10(255**2 / squares))), int(np.abs(found - exact).max())


def print_table(speeds: dict[str, float], folder: Path, side: int) -> None:
    exact = np.load(folder / "catscan area.npy").astype(float)
    print(f"\n{side} x {side} RGB, one core{'pictures/CPU-s':>38}{'x reference':>13}{'PSNR dB':>9}{'max diff':>10}")
    for name, speed in sorted(speeds.items(), key=lambda item: -item[1]):
        line = f"{name:<40}{speed:>16,.0f}{speed / speeds[REFERENCE]:>17.2f}"
        if not name.startswith("floor"):
            decibels, levels = quality(folder, name, exact)
            line += f"{decibels:>9.1f}{levels:>10}"
        print(line)
    print("\ngoals, at 64 x 64 RGB" if side == 64 else "")
    for ours, rivals in GOALS.items() if side == 64 else ():
        for rival, goal in rivals.items():
            if rival in speeds:
                ratio = speeds[ours] / speeds[rival]
                print(f"{ours} / {rival:<40}{ratio:>6.2f}   at least {goal}   {'met' if ratio >= goal else 'MISSED'}")


def preprocess(folder: Path, raw: Path, archive: str, side: int) -> float:
    """CPU-seconds of the whole stage as a process of its own, over ``raw`` or its zip."""
    names = sorted(path.relative_to(folder / "big").as_posix() for path in (folder / "big/train").iterdir())
    rows = "".join(f"{name},train,cat,,0,1,{archive},{name}\n" for name in names)
    (folder / "index.csv").write_text("sample_id,split,label,group,fold,shard,archive,path\n" + rows)
    settings = {"kind": "picture"}
    settings["reader"] = READER | {"size": [side, side], "resize": "area"}
    flags = ["--settings", json.dumps(settings), "--raw", raw, "--index", folder / "index.csv", "--split", "train"]
    script = (
        "import argparse; from catscan.stages import preprocess as p; a = argparse.ArgumentParser(); p.register(a);"
        "p.run(a.parse_args())"
    )
    return cpu_of([sys.executable, "-c", script, *flags, "--shard", "1", "--array", folder / "out.npy"])


def cpu_of(command: list[Any]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def whole_stage(folder: Path, side: int) -> None:
    """From the zip, against unpacking it and reading the files: a process each, three times, the best counts."""
    (folder / "big/train").mkdir(parents=True)
    for path in sorted((folder / "train").iterdir()):
        for copy in range(COPIES):
            os.link(path, folder / "big/train" / f"{path.stem}-{copy}.jpg")
    with zipfile.ZipFile(folder / "big.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted((folder / "big/train").iterdir()):
            archive.write(path, path.relative_to(folder / "big"))
    unpack = f"import zipfile; zipfile.ZipFile({str(folder / 'big.zip')!r}).extractall({str(folder / 'unpacked')!r})"
    zipped, files = [], []
    for _ in range(3):
        zipped.append(preprocess(folder, folder, "big.zip", side))
        extracting = cpu_of([sys.executable, "-c", unpack])
        files.append(extracting + preprocess(folder, folder / "unpacked", "", side))
    count = len(list((folder / "big/train").iterdir()))
    ratio = min(zipped) / min(files)
    print(
        f"\nwhole stage, {count:,} pictures in a deflated zip, with start-up, CPU-s: from the zip {min(zipped):.2f}, ",
        end="",
    )
    print(f"extract and read {min(files):.2f}: {ratio:.2f}   at most 0.9   {'met' if ratio <= 0.9 else 'MISSED'}")


def start_up(speed_area: float, side: int) -> None:
    """What the machine code costs in a new process, and what it gains over a whole run."""
    count = 8
    kernel = "from catscan.kinds.kernels.area_code import compiled; compiled(3)"
    empty = "import numpy, ctypes"
    ways = {"llvmlite": kernel}
    if installed("numba"):
        ways["numba"] = "import numba; numba.njit('void(uint8[:,:,::1],uint8[:,:,::1])', nogil=True)(lambda a, b: None)"
    else:
        print("left out, as numba is not installed: its start-up")
    import cv2
    import simplejpeg

    from catscan.kinds.kernels import area

    file = io.BytesIO()
    from PIL import Image

    Image.effect_noise((404, 359), 60).convert("RGB").save(file, "JPEG")
    pixels = simplejpeg.decode_jpeg(file.getvalue())
    code = area.machine_code(3)
    assert code is not None
    timed = {
        "machine code": lambda: area.by_machine_code(code, pixels, (side, side)),
        "OpenCV's summed-area table": lambda: area.by_opencv(pixels, (side, side)),
        "cv2 INTER_AREA": lambda: cv2.resize(pixels, (side, side), interpolation=cv2.INTER_AREA),
    }
    cost = {}
    for name, call in timed.items():
        best = np.inf
        for _ in range(ROUNDS):
            began = time.process_time()
            for _ in range(100):
                call()
            best = min(best, (time.process_time() - began) / 100)
        cost[name] = best
    print(f"\narea average of 359 x 404 to {side} x {side}, us: ", end="")
    print(", ".join(f"{name} {1e6 * seconds:.0f}" for name, seconds in cost.items()))
    base = min(cpu_of([sys.executable, "-c", empty]) for _ in range(count))
    for name, script in ways.items():
        seconds = min(cpu_of([sys.executable, "-c", f"{empty}; {script}"]) for _ in range(count)) - base
        gained = (cost["cv2 INTER_AREA"] - cost["machine code"]) * ALL_PICTURES
        print(
            f"{name}: {seconds:.2f} CPU-s a process to start; over {ALL_PICTURES:,} pictures in {SHARDS} processes "
            f"it gains {gained:.1f} of {ALL_PICTURES / speed_area + gained:.1f} CPU-s and costs {SHARDS * seconds:.1f}"
        )


def two_threads(folder: Path, side: int) -> None:
    """Wall-clock of one and two threads in one process, taking turns; only idle cores give a true answer."""
    if len(os.sched_getaffinity(0)) < 2:
        print("\nleft out, as there is one core: two threads against one")
        return
    import cv2

    cv2.setNumThreads(1)
    way = catscan_way("area")(side)
    paths = [str(path) for path in sorted((folder / "train").iterdir())] * 2
    best = {1: np.inf, 2: np.inf}
    for _ in range(ROUNDS):
        for threads, so_far in list(best.items()):
            with ThreadPoolExecutor(threads) as pool:
                began = time.perf_counter()
                for _ in pool.map(lambda some: [way(path) for path in some], np.array_split(paths, 50)):
                    pass
                best[threads] = min(so_far, time.perf_counter() - began)
    ratio = best[1] / best[2]
    print(f"\ntwo threads / one, wall-clock, load {os.getloadavg()[0]:.1f} before: {ratio:.2f}   ", end="")
    print(f"at least 1.8   {'met' if ratio >= 1.8 else 'MISSED'}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data = Path(os.environ.get("CATSCAN_DATA") or ROOT.parent / "shared" / "data")
    parser.add_argument("--data", type=Path, default=data)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        worker(args.worker, args.folder, args.size)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with zipfile.ZipFile(args.data / "dogs-vs-cats" / "originals.zip") as archive:
            archive.extractall(folder)
        speeds = side_by_side(folder, args.size)
        print_table(speeds, folder, args.size)
        start_up(speeds["catscan area"], args.size)
        whole_stage(folder, args.size)
        two_threads(folder, args.size)


if __name__ == "__main__":
    main()
