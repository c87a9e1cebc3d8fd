"""TensorFlow and TFLearn 0.5.0 on a current stack: the only module that imports them first.

Everything else takes ``tf`` and ``tflearn`` from here, so that the shims below are always in place, and TensorFlow's
own noise (oneDNN notices, deprecations, syntax warnings of TFLearn) never reaches a log.
"""

from __future__ import annotations

import gc
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from catscan.common.errors import CatscanError

SUPPORTED = ((2, 21), (2, 22))  # from, and below; TFLearn reaches into tensorflow.python, which has no promise


@contextmanager
def quiet() -> Iterator[None]:
    """Hold back what C++ code and imports write to the standard error stream; tell it only when the block fails."""
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as noise:
        os.dup2(noise.fileno(), 2)
        try:
            yield
        except BaseException:
            sys.stderr.flush()
            noise.seek(0)
            os.write(kept, noise.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)


@contextmanager
def _kept_for_good() -> Iterator[None]:
    """What the block imports is never garbage: not to be looked through meanwhile, later, nor at the process's end.

    That is a quarter of what an import of TensorFlow costs a process.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _import_tensorflow() -> Any:
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    # By itself TensorFlow takes oneDNN's kernels only on processors with AVX-512 for neural networks; with AVX2 alone
    # they train resnet-3d four times and resnet-2d twice as fast as its own.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    # Keras is never used here, and costs as long to import as all the rest; TensorFlow goes on without it.
    keras = sys.modules.get("keras")
    sys.modules.setdefault("keras", None)  # type: ignore[arg-type]
    try:
        import tensorflow
    finally:
        if keras is None:
            del sys.modules["keras"]
    version = tuple(int(part) for part in tensorflow.__version__.split(".")[:2])
    if not SUPPORTED[0] <= version < SUPPORTED[1] and not os.environ.get("CATSCAN_ANY_TENSORFLOW"):
        raise CatscanError(
            "This TensorFlow has not been tested with TFLearn.",
            found=f"TensorFlow {tensorflow.__version__}, not 2.21",
            do="Install the locked versions (./run does); CATSCAN_ANY_TENSORFLOW=1 tries this one all the same.",
        )
    return tensorflow.compat.v1


def _install_shims() -> None:
    """Put back what TFLearn imports and newer packages have dropped."""
    import numpy as np
    from PIL import Image
    from tensorflow.python.util import nest

    if not hasattr(nest, "is_sequence"):
        nest.is_sequence = nest.is_nested
    if not hasattr(Image, "ANTIALIAS"):
        Image.ANTIALIAS = Image.LANCZOS  # type: ignore[attr-defined]
    if not hasattr(np.lib, "pad"):
        np.lib.pad = np.pad  # type: ignore[attr-defined]  # without it TFLearn's fit() waits for ever


def _mend_initializers(tflearn: Any, tf: Any) -> None:
    """The two of TFLearn's initialisers that call tf.contrib, which is gone; its residual blocks use them."""

    def xavier(uniform: bool = True, seed: int | None = None, dtype: Any = tf.float32) -> Any:
        make = tf.glorot_uniform_initializer if uniform else tf.glorot_normal_initializer
        return make(seed=seed, dtype=dtype)

    def variance_scaling(
        factor: float = 2.0,
        mode: str = "FAN_IN",
        uniform: bool = False,
        seed: int | None = None,
        dtype: Any = tf.float32,
    ) -> Any:
        shape = "uniform" if uniform else "truncated_normal"
        return tf.variance_scaling_initializer(factor, mode.lower(), shape, seed=seed, dtype=dtype)

    tflearn.initializations.xavier = xavier
    tflearn.initializations.variance_scaling = variance_scaling


def _mend_shuffling(tflearn: Any) -> None:
    """The order of an epoch: TFLearn shuffles the array that batches still waiting are views of.

    So a fifth of the samples were missed, others seen twice, and which ones was a race of two threads.
    """

    import numpy as np

    def shuffle_samples(self: Any) -> None:
        self.index_array = np.random.permutation(self.index_array)

    tflearn.data_flow.FeedDictFlow.shuffle_samples = shuffle_samples


with _kept_for_good(), quiet(), warnings.catch_warnings():
    warnings.simplefilter("ignore")
    tf = _import_tensorflow()
    _install_shims()
    tf.logging.set_verbosity(tf.logging.ERROR)
    import tflearn

    _mend_initializers(tflearn, tf)
    _mend_shuffling(tflearn)
    tf.logging.set_verbosity(tf.logging.ERROR)
