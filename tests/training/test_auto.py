import keras
import pytest

from srgan_tf.training import auto
from srgan_tf.training.auto import resolve, stand_ins


@pytest.fixture
def offline(monkeypatch):
    def no_network(*args, **kwargs):
        raise Exception("URL fetch failure")

    monkeypatch.setattr(auto, "resolve_auto", lambda data_dir: "bundled")
    monkeypatch.setattr(keras.applications, "VGG19", no_network)


def test_auto_takes_the_stand_ins_offline_and_says_so_loudly(config, offline, caplog):
    resolved = resolve(config(dataset="auto", content_loss="vgg54"), {})
    assert resolved.dataset == "bundled"
    assert resolved.content_loss == "mse"
    assert "--dataset=auto" in caplog.text
    assert "--vgg_weights=auto" in caplog.text
    assert "=" * 79 in caplog.text


def test_auto_needs_no_vgg_for_pixel_losses(config, offline, caplog):
    assert resolve(config(content_loss="mse"), {}).content_loss == "mse"
    assert not caplog.text


def test_auto_needs_no_vgg_for_a_stage_without_steps(config, offline, caplog):
    options = config(dataset="photos", content_loss="vgg54", gan_steps=0)
    resolved = resolve(options, {})
    assert resolved.content_loss == "vgg54" and not caplog.text
    recorded = {name: str(value) for name, value in resolved.as_flags().items()}
    more = config(dataset="photos", content_loss="vgg54", gan_steps=5)
    assert resolve(more, recorded).content_loss == "mse"
    assert "--vgg_weights=auto" in caplog.text


def test_auto_takes_the_papers_choice_where_it_is(config, monkeypatch):
    monkeypatch.setattr(auto, "resolve_auto", lambda data_dir: "div2k")
    monkeypatch.setattr(keras.applications, "VGG19", lambda **kwargs: None)
    resolved = resolve(config(dataset="auto", content_loss="vgg54"), {})
    assert resolved.dataset == "div2k"
    assert resolved.content_loss == "vgg54"
    assert resolved.vgg_weights == "imagenet"


def test_a_continued_run_keeps_what_auto_chose(config, offline):
    first = resolve(config(dataset="auto", content_loss="vgg54"), {})
    recorded = {name: str(value) for name, value in first.as_flags().items()}
    recorded["dataset"] = "somewhere"
    again = resolve(config(dataset="auto", content_loss="vgg54"), recorded)
    assert again.dataset == "somewhere"
    assert again.content_loss == "mse"


def test_named_choices_are_left_alone(config, offline):
    asked = config(vgg_weights="imagenet", content_loss="vgg54")
    assert resolve(asked, {}) == asked


def test_what_goes_with_vgg_goes_where_it_is_not(config, offline):
    """A weight that was meant beside sums of features would drown pixels."""
    asked = config(content_loss="vgg22", adversarial_weight=150.0, keep="phi34")
    resolved = resolve(asked, {})
    assert (resolved.content_loss, resolved.keep) == ("mse", "psnr")
    assert resolved.adversarial_weight == 1e-3
    changes = stand_ins(asked, resolved)
    assert [change.flag for change in changes] == [
        "content_loss", "adversarial_weight", "keep",
    ]  # fmt: skip
    # Asked for in the same words, a continued run is what it was.
    recorded = {name: str(value) for name, value in resolved.as_flags().items()}
    had = {change.flag: change.old for change in changes}
    assert resolve(asked, recorded, had) == resolved
    # A weight of one's own beside MSE stays.
    assert resolve(config(adversarial_weight=0.5), {}).adversarial_weight == 0.5
