import csv
import functools
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from srgan_tf.data.pairs import training_pairs, whole_pair
from srgan_tf.errors import UserError
from srgan_tf.models import Generator
from srgan_tf.models.pretrained import load_generator
from srgan_tf.pictures.metrics import luma_metrics
from srgan_tf.training import stages
from srgan_tf.training.train import train


def rows(run: str) -> list[dict[str, str]]:
    with (Path(run) / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def weights(run: str) -> list[np.ndarray]:
    return keras.saving.load_model(Path(run) / "generator.keras").get_weights()


@pytest.mark.saved_model
def test_both_stages_leave_a_complete_run_folder(config):
    c = config()
    train(c)
    run = Path(c.run_dir)
    for name in (
        "run.flags",
        "metrics.csv",
        "srresnet.keras",
        "facts.json",
        "generator.keras",
        "generator.weights.h5",
        "discriminator.weights.h5",
        "saved_model/saved_model.pb",
        "checkpoints/pretrain-00000002.weights.h5",
        "checkpoints/gan-00000002.weights.h5",
    ):
        assert (run / name).exists(), name
    sample = Image.open(run / "samples" / "step_gan_00000002.png")
    assert sample.size == (3 * 64, 64)
    assert [(r["stage"], r["step"]) for r in rows(c.run_dir)] == [
        ("pretrain", "1"), ("pretrain", "2"), ("gan", "1"), ("gan", "2"),
    ]  # fmt: skip
    last = rows(c.run_dir)[-1]
    assert float(last["val_psnr"]) > 0
    assert all(last[name] for name in ("content_loss", "d_hr", "d_sr", "d_loss"))


def test_stage_1_lowers_the_loss_and_raises_psnr(config):
    c = config(
        filters=8,
        batch_size=6,
        # Smaller crops are mostly border: PSNR of whole photos is noise then.
        crop_size=48,
        pretrain_steps=100,
        gan_steps=0,
        pretrain_learning_rate=3e-3,
        save_every=50,
        log_every=10,
    )
    train(c)
    logged = rows(c.run_dir)
    assert float(logged[-1]["loss"]) < 0.5 * float(logged[0]["loss"])
    psnr = [float(row["val_psnr"]) for row in logged if row["val_psnr"]]
    assert psnr[-1] > psnr[0] + 1


def test_a_finished_run_says_so_and_stays(config, caplog):
    c = config()
    train(c)
    before = weights(c.run_dir)
    caplog.clear()
    train(c)
    assert "is finished: 2 + 2 steps" in caplog.text
    for old, new in zip(before, weights(c.run_dir)):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("ema_decay", [0.0, 0.5])
def test_in_two_goes_equals_in_one(config, tmp_path, ema_decay):
    whole = config(
        run_dir=str(tmp_path / "whole"),
        pretrain_steps=4,
        gan_steps=4,
        ema_decay=ema_decay,
    )
    train(whole)
    parts = str(tmp_path / "parts")
    for pretrain_steps, gan_steps in ((2, 0), (4, 2), (4, 4)):
        train(
            config(
                run_dir=parts,
                pretrain_steps=pretrain_steps,
                gan_steps=gan_steps,
                ema_decay=ema_decay,
            )
        )
    for one, other in zip(weights(whole.run_dir), weights(parts)):
        np.testing.assert_array_equal(one, other)
    assert rows(whole.run_dir) == rows(parts)


def test_with_ema_the_result_is_the_average_not_the_last_step(config, tmp_path):
    last = config(run_dir=str(tmp_path / "last"), gan_steps=0, pretrain_steps=6)
    mean = config(
        run_dir=str(tmp_path / "mean"), gan_steps=0, pretrain_steps=6, ema_decay=0.9
    )
    for c in (last, mean):
        train(c)
    start = Generator(num_blocks=1, filters=4).get_weights()
    moved = [
        sum(np.abs(w - s).sum() for w, s in zip(weights(c.run_dir), start))
        for c in (last, mean)
    ]
    assert moved[0] != moved[1]


def test_init_starts_from_a_run_or_a_file(config, tmp_path):
    first = config(gan_steps=0)
    train(first)
    for i, source in enumerate(("", "generator.keras", "generator.weights.h5")):
        c = config(
            run_dir=str(tmp_path / f"next{i}"),
            init=str(Path(first.run_dir) / source),
            pretrain_steps=1,
            pretrain_learning_rate=0.0,
            gan_steps=0,
        )
        train(c)
        kernel = weights(c.run_dir)[0]
        np.testing.assert_array_equal(kernel, weights(first.run_dir)[0])


def test_init_discriminator_is_loaded(config, tmp_path):
    first = config()
    train(first)
    saved = str(Path(first.run_dir) / "discriminator.weights.h5")
    train(config(run_dir=str(tmp_path / "next"), init_discriminator=saved))
    with pytest.raises(UserError, match="does not fit a discriminator for crops of 32"):
        train(
            config(
                run_dir=str(tmp_path / "other"), init_discriminator=saved, crop_size=32
            )
        )


def test_a_pooled_discriminator_goes_on_to_crops_of_another_size(config, tmp_path):
    # Stage 2 alone: stage 1 has no discriminator.
    config = functools.partial(config, discriminator="pooled", pretrain_steps=0)
    first = config()
    train(first)
    saved = str(Path(first.run_dir) / "discriminator.weights.h5")
    other = {"run_dir": str(tmp_path / "next"), "init_discriminator": saved}
    train(config(crop_size=32, **other))
    other["run_dir"] = str(tmp_path / "paper")
    with pytest.raises(UserError, match="does not fit a discriminator for"):
        train(config(discriminator="paper", **other))


def test_other_model_flags_in_an_old_folder_are_refused(config):
    train(config(gan_steps=0))
    with pytest.raises(UserError, match="--filters=8"):
        train(config(gan_steps=0, filters=8))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dataset": "/no/such/folder"}, "There is no folder"),
        ({"crop_size": 68}, "None of the 6 photos"),
        ({"content_loss": "vgg99", "vgg_weights": "x.h5"}, "no feature map"),
        ({"content_loss": "l3"}, "^--content_loss: Unknown content loss"),
        ({"pretrain_loss": "l3"}, "^--pretrain_loss: Unknown content loss"),
        ({"content_loss": "vgg22", "vgg_weights": "none.h5"}, "there is no file"),
        ({"init": "none.keras"}, "There is no model none.keras"),
    ],
)
def test_bad_input_stops_before_anything_is_written(config, changes, message):
    c = config(**changes)
    with pytest.raises(UserError, match=message) as error:
        train(c)
    assert "\n" not in str(error.value)
    assert not Path(c.run_dir).exists()


def test_init_of_another_architecture_is_refused(config, tmp_path):
    Generator(num_blocks=2, filters=4).save(tmp_path / "two.keras")
    with pytest.raises(UserError, match="'num_blocks': 2"):
        train(config(init=str(tmp_path / "two.keras")))


def test_init_of_another_scale_goes_on_with_its_trunk(config, tmp_path, caplog):
    Generator(2, num_blocks=1, filters=4).save(tmp_path / "x2.keras")
    first = load_generator(tmp_path / "x2.keras")
    some = {"init": str(tmp_path / "x2.keras"), "scale": 4, "gan_steps": 0}
    still = {"pretrain_learning_rate": 0.0, "freeze_batch_norm": True}
    held = {"pretrain_learning_rate": 1e-2, "freeze_trunk": True}
    taken, learnt = (
        config(run_dir=str(tmp_path / name), pretrain_steps=4, **some, **more)
        for name, more in {"taken": still, "learnt": held}.items()
    )
    train(taken)
    told = "makes x2: its blocks go on, the end of its upsampling begins anew for x4"
    assert told in caplog.text
    result = load_generator(taken.run_dir)
    assert result.scale == 4

    def same(layer):
        return all(map(np.array_equal, layer(result), layer(first)))

    trunk = [
        lambda g: g.head.get_weights(),
        lambda g: g.blocks[0].get_weights(),
        lambda g: g.body.get_weights(),
        lambda g: g.body_bn.get_weights(),
    ]
    assert all(map(same, [*trunk, lambda g: g.upsample[0].get_weights()]))
    # As ICNR has it, in groups of four: the start of nearest-neighbour upsampling.
    kernel = result.upsample[1].conv.kernel.numpy()
    np.testing.assert_array_equal(kernel[..., :4], kernel[..., 4:8])
    train(learnt)
    result = load_generator(learnt.run_dir)
    assert all(map(same, trunk))
    assert not same(lambda g: g.upsample[0].get_weights())


@pytest.mark.parametrize("scale", [2, 8])
def test_other_scales_train(config, scale):
    c = config(scale=scale, crop_size=32, pretrain_steps=1, gan_steps=0)
    train(c)
    picture = Image.open(Path(c.run_dir) / "samples" / "final.png")
    assert picture.size == (3 * 64, 64)


def test_a_full_disk_leaves_the_last_checkpoint_and_the_run_continues(
    config, monkeypatch
):
    usage = shutil.disk_usage("/")._replace(free=20_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    c = config()
    message = r"gan-00000002\.weights\.h5 cannot be written: No space left on device$"
    with pytest.raises(UserError, match=message):
        train(c)
    saved = Path(c.run_dir, "checkpoints")
    assert [path.name for path in saved.iterdir()] == ["pretrain-00000002.weights.h5"]
    monkeypatch.undo()
    train(c)
    assert Path(c.run_dir, "generator.keras").exists()


@pytest.mark.slow
def test_real_photos_and_real_vgg19_features(config, shared_data):
    c = config(
        dataset=str(shared_data / "photos" / "*1.jpg"),
        valid_dataset=str(shared_data / "valid" / "*_1[23].png"),
        crop_size=48,
        batch_size=4,
        content_loss="vgg22,vgg34",
        vgg_weights=str(shared_data / "vgg19" / "vgg19_blocks1-3.h5"),
    )
    train(c)
    assert float(rows(c.run_dir)[-1]["content_loss"]) > 1


@pytest.mark.parametrize(
    ("stage", "terms"),
    [("pretrain", "loss"), ("gan", "adversarial_loss, content_loss, d_loss")],
)
def test_a_loss_that_is_no_number_stops_the_run(config, monkeypatch, stage, terms):
    def with_a_bad_batch(*args, seed, start, **kwargs):
        def spoil(step, pair):
            lr, hr = pair
            bad = (seed % 2 == (stage == "gan")) & (step == 2)
            return lr, tf.where(bad, np.nan, hr)

        pairs = training_pairs(*args, seed=seed, start=start, **kwargs)
        return pairs.enumerate(start).map(spoil)

    monkeypatch.setattr(stages, "training_pairs", with_a_bad_batch)
    c = config(pretrain_steps=4, gan_steps=4, save_every=1)
    message = f"^Not finite at step 3 of the stage {stage}: {terms}. .* step 2 is kept"
    with pytest.raises(UserError, match=message):
        train(c)
    saved = Path(c.run_dir, "checkpoints")
    assert max(saved.glob(f"{stage}-*")).name == f"{stage}-00000002.weights.h5"
    monkeypatch.undo()
    train(c)
    assert all(np.isfinite(array).all() for array in weights(c.run_dir))


@pytest.mark.parametrize("left", [None, 60])
def test_a_photo_that_breaks_is_named_and_the_run_continues(
    config, monkeypatch, photo_folder, left
):
    victim = photo_folder / "3.png"
    whole = victim.read_bytes()

    def breaks(*args, **kwargs):
        victim.unlink()
        if left:
            victim.write_bytes(whole[:left])
        return training_pairs(*args, **kwargs)

    c = config(cache_gib=0.0, pretrain_steps=6, gan_steps=0)
    monkeypatch.setattr(stages, "training_pairs", breaks)
    with pytest.raises(UserError, match=r"3\.png cannot be read .* command continues"):
        train(c)
    monkeypatch.undo()
    victim.write_bytes(whole)
    train(c)
    assert rows(c.run_dir)[-1]["step"] == "6"


def test_weights_that_are_no_numbers_are_not_saved(config):
    too_much = 1e39  # for float32
    c = config(pretrain_learning_rate=too_much, save_every=1, gan_steps=0)
    with pytest.raises(UserError, match=r"^Not finite at step 1 .* weight .*/kernel"):
        train(c)
    assert not list(Path(c.run_dir).rglob("*.h5"))


def test_stage_1_keeps_the_best_generator(config):
    c = config(pretrain_steps=5, pretrain_learning_rate=0.1, save_every=1, gan_steps=0)
    train(c)
    psnr = [float(row["val_psnr"]) for row in rows(c.run_dir)]
    assert psnr[-1] < max(psnr)
    best = load_generator(Path(c.run_dir, "srresnet.keras"))
    measured = luma_metrics(4)[0]
    photo = np.asarray(Image.open(c.valid_dataset.rstrip("*")))
    lr, hr = whole_pair(photo, 4)
    measured.update_state(hr, best(lr))
    assert float(measured.result()) == pytest.approx(max(psnr), abs=1e-3)
    for ours, theirs in zip(weights(c.run_dir), best.get_weights()):
        np.testing.assert_array_equal(ours, theirs)


def test_several_steps_per_execution_change_nothing(config, tmp_path):
    runs = [
        config(
            run_dir=str(tmp_path / str(n)),
            pretrain_steps=7,
            gan_steps=5,
            log_every=2,
            save_every=4,
            steps_per_execution=n,
        )
        for n in (1, 2)
    ]
    for c in runs:
        train(c)
    one, two = (rows(c.run_dir) for c in runs)
    assert [(r["stage"], r["step"]) for r in one] == [
        (r["stage"], r["step"]) for r in two
    ]
    for ours, theirs in zip(*(weights(c.run_dir) for c in runs)):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_jit_compile_gives_the_same_training(config, tmp_path):
    runs = [
        config(
            run_dir=str(tmp_path / str(jit)),
            jit_compile=jit,
            pretrain_steps=0,
            # At more, Adam's first step turns another rounding into another sign.
            gan_learning_rate=1e-4,
        )
        for jit in (False, True)
    ]
    for c in runs:
        train(c)
    plain, jit = (rows(c.run_dir)[-1] for c in runs)
    for name in ("content_loss", "adversarial_loss", "d_loss"):
        assert float(jit[name]) == pytest.approx(float(plain[name]), rel=1e-3)


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_trains_and_continues_exactly(config, tmp_path, precision):
    base = {"precision": precision, "ema_decay": 0.5, "save_every": 1}
    whole = config(run_dir=str(tmp_path / "whole"), **base)
    train(whole)
    parts = str(tmp_path / "parts")
    for gan_steps in (1, 2):
        train(config(run_dir=parts, gan_steps=gan_steps, **base))
    for one, other in zip(weights(whole.run_dir), weights(parts)):
        np.testing.assert_array_equal(one, other)
    assert rows(whole.run_dir) == rows(parts)


def test_the_precision_of_a_run_ends_with_it(config):
    train(config(precision="mixed_bfloat16", pretrain_steps=1, gan_steps=0))
    assert keras.config.dtype_policy().name == "float32"
    with pytest.raises(UserError, match="There is no folder"):
        train(config(precision="mixed_bfloat16", dataset="./none", gan_steps=3))
    assert keras.config.dtype_policy().name == "float32"


def test_clip_norm_bounds_each_step(config, tmp_path):
    # Far below Adam's epsilon of 1e-7, clipped gradients hardly move a weight.
    moved = []
    for clip_norm in (0.0, 1e-12):
        c = config(run_dir=str(tmp_path / str(clip_norm)), clip_norm=clip_norm)
        train(c)
        keras.utils.set_random_seed(c.seed)
        start = Generator(num_blocks=1, filters=4).trainable_variables
        end = load_generator(c.run_dir).trainable_variables
        moved.append(max(np.abs(e - s).max() for s, e in zip(start, end)))
    assert moved[1] < 1e-4 * moved[0]


def test_forbid_checkerboard_holds_averages_and_resumed_runs(config):
    def phases(generator):
        behind = [block.conv for block in generator.upsample[1:]] + [generator.tail]
        sums = [
            [k[i::2, j::2].sum((0, 1)) for i in (0, 1) for j in (0, 1)]
            for k in (layer.kernel.numpy() for layer in behind)
        ]
        assert len(sums) == 2
        return max(np.ptp(each, axis=0).max() for each in sums)

    first = config(ema_decay=0.5)
    train(first)
    assert phases(load_generator(first.run_dir)) > 0.01
    c = config(ema_decay=0.5, gan_steps=4, forbid_checkerboard=True)
    train(c)
    assert phases(load_generator(c.run_dir)) < 1e-5


def test_freeze_batch_norm_leaves_it_as_init_has_it(config, tmp_path):
    first = config()
    train(first)
    c = config(
        run_dir=str(tmp_path / "next"),
        init=first.run_dir,
        freeze_batch_norm=True,
        ema_decay=0.5,
    )
    train(c)
    before, after = load_generator(first.run_dir), load_generator(c.run_dir)
    for old, new in zip(before.batch_norm_layers(), after.batch_norm_layers()):
        for array, same in zip(old.get_weights(), new.get_weights()):
            np.testing.assert_array_equal(array, same)
    assert np.abs(before.tail.kernel - after.tail.kernel).max() > 0
