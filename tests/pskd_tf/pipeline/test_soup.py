"""A soup: what a student of several finished trainings is."""

import keras
import numpy as np
import pytest

from data_prep.protocols import protocol_splits
from pskd_tf.benchmark.cells import CellPlanner
from pskd_tf.method import Method, Soup
from pskd_tf.pipeline.soup import average_trainings
from pskd_tf.pipeline.stage import RunContext, Stage, save_arrays, save_weights
from pskd_tf.pipeline.teach import build_fit_model, training_clips
from pskd_tf.settings import RunSettings

METHOD = Method("soup", "soup", "cross_entropy", ({},), soup=Soup(2))


@pytest.fixture
def soup(prepared) -> Stage:
    (split,) = protocol_splits(prepared.description, prepared.manifest, "cross_subject")
    planner = CellPlanner(RunSettings(), prepared, "cross_subject", [split])
    (cell,) = planner.cells(METHOD, 0, [1], [1])
    return cell.fit


def _mixed(soup: Stage, context: RunContext, apart: float) -> tuple:
    """Two trainings whose weights and figures lie `apart`, the first net, and their soup."""
    clips = training_clips(soup.spec, context)
    keras.utils.set_random_seed(0)
    net = build_fit_model(soup.spec, clips)
    for number, one in enumerate(soup.inputs):
        folder = context.folder(one)
        folder.mkdir(parents=True)
        save_weights(folder / "weights.npz", [own + number * apart for own in net.get_weights()])
        save_arrays(folder / "projections.npz", {"t": np.full((2, 2), number, np.float32)})
        losses = "".join(f"{epoch},{epoch + number}\n" for epoch in (1, 2))
        (folder / "history.csv").write_text(f"epoch,loss\n{losses}", encoding="utf-8")
    model = build_fit_model(soup.spec, clips)
    return (*average_trainings(soup, context, clips, model), model, net)


@pytest.mark.parametrize("apart", [0.0, 0.5])
def test_a_soup_has_the_mean_of_weights_and_figures(soup, prepared, tmp_path, apart):
    """Of equal nets it is the net; BatchNorm has the statistics of the training views."""
    context = RunContext(prepared.folder, tmp_path, tmp_path)
    history, projections, model, net = _mixed(soup, context, apart)
    assert history == [{"loss": 1.5}, {"loss": 2.5}]
    np.testing.assert_array_equal(projections["t"], np.full((2, 2), 0.5))
    for own, mean in zip(net.trainable_variables, model.trainable_variables, strict=True):
        np.testing.assert_allclose(mean, own + apart / 2, atol=1e-6)
    norm = model.get_layer("stem_norm")
    assert float(np.abs(norm.moving_mean).max()) > 0
    assert not np.allclose(norm.moving_variance, 1 + apart / 2, atol=0.05)
