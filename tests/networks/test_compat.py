from __future__ import annotations

import os

import numpy as np
import pytest

from catscan.networks.compat import quiet, tf, tflearn


def test_held_back_lines_are_told_when_the_block_fails(capfd):
    with pytest.raises(ValueError, match="broken"), quiet():
        os.write(2, b"the reason\n")
        raise ValueError("broken")

    assert capfd.readouterr().err == "the reason\n"


def _pictures() -> object:
    return tflearn.input_data([None, 8, 8, 4])


def _scans() -> object:
    return tflearn.input_data([None, 4, 8, 8, 4])


def test_shuffled_samples_leave_batches_that_wait_as_they_are():
    """TFLearn's own shuffling changes them: they are views of the array that it shuffles."""
    flow = tflearn.data_flow.FeedDictFlow({"x": np.arange(100)}, None, batch_size=100, shuffle=True, continuous=True)
    waiting = flow.next_batch_ids()
    before = waiting.copy()
    following = flow.next_batch_ids()

    assert waiting.tolist() == before.tolist()
    assert sorted(following) == sorted(waiting)
    assert following.tolist() != waiting.tolist()


LAYERS = {
    "conv_2d": lambda: tflearn.conv_2d(_pictures(), 4, 3, activation="relu"),
    "conv_3d": lambda: tflearn.conv_3d(_scans(), 4, 3, activation="relu"),
    "max_pool_2d": lambda: tflearn.max_pool_2d(_pictures(), 2),
    "avg_pool_2d": lambda: tflearn.avg_pool_2d(_pictures(), 2),
    "max_pool_3d": lambda: tflearn.max_pool_3d(_scans(), 2, strides=2),
    "avg_pool_3d": lambda: tflearn.avg_pool_3d(_scans(), 2, strides=2),
    "batch_normalization": lambda: tflearn.batch_normalization(tflearn.conv_2d(_pictures(), 4, 3)),
    "dropout": lambda: tflearn.dropout(tflearn.fully_connected(_pictures(), 8), 0.8),
    "residual_block": lambda: tflearn.residual_block(_pictures(), 1, 8),
    "residual_bottleneck": lambda: tflearn.residual_bottleneck(_pictures(), 1, 4, 8),
    "densenet_block": lambda: tflearn.densenet_block(_pictures(), 2, 4),
    "global_avg_pool": lambda: tflearn.global_avg_pool(tflearn.conv_2d(_pictures(), 4, 3)),
}


@pytest.mark.parametrize(
    ("name", "optimizer"), [*((name, "adam") for name in LAYERS), ("batch_normalization", "nesterov")]
)
def test_tflearn_layer_trains_one_step(name, optimizer):
    with tf.Graph().as_default():
        tflearn.config.init_training_mode()
        net = tflearn.fully_connected(LAYERS[name](), 2, activation="softmax")
        tflearn.regression(net, optimizer=optimizer)
        model = tflearn.DNN(net)
        shape = model.inputs[0].shape.as_list()[1:]
        tflearn.is_training(True, session=model.session)
        (train_op,) = model.train_ops
        feed = {model.inputs[0]: np.ones((2, *shape)), model.targets[0]: np.eye(2)}
        _, loss = model.session.run([train_op.train, train_op.loss], feed)
        model.session.close()

    assert np.isfinite(loss)
