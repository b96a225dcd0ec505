"""Configurations: what is taken, what is refused, and how that is said."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ndm.config import DataConfig, LossConfig, TrainConfig, load_config, read_config
from ndm.errors import ConfigError

MOONS = "data: {name: moons}\n"


def test_defaults_are_those_of_the_design() -> None:
    config = read_config(MOONS)
    assert config == TrainConfig(data=DataConfig(name="moons"))
    assert (config.model.tie, config.loss.curvature_kind, config.loss.normalise) == (
        "pullback",
        "asinh",
        True,
    )


@given(
    st.floats(1e-12, 1e6),
    st.integers(1, 1000),
    st.sampled_from(["auto", 0.0, 0.5]),
    st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=4, unique=True),
)
def test_what_is_written_is_read_again(
    lr: float, epochs: int, lam: float, seeds: list[int]
) -> None:
    words = [
        f"optimiser.lr={lr!r}",
        f"trainer.epochs={epochs}",
        f"loss.lam={lam}",
        f"seeds={seeds}",
    ]
    config = read_config(MOONS, words)
    assert (config.optimiser.lr, config.trainer.epochs, config.seeds) == (lr, epochs, seeds)
    assert config.loss == LossConfig(lam=lam)
    assert read_config(config.to_yaml()) == config


@pytest.mark.parametrize("text", ["1e-3", "+1E-3", "1.e-3", ".1e-2", "0.001", "10e-4"])
def test_numbers_as_people_write_them(text: str) -> None:
    assert read_config(MOONS + f"optimiser: {{lr: {text}}}").optimiser.lr == 1e-3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds NoneType, not keys and values"),
        ("- 1", "holds list"),
        ("data: [", "is no YAML"),
        ("data: \x00", "is no YAML"),
        ("[" * 5000, "is no YAML"),
        ("data: 2020-99-99", "is no YAML"),
        ("a: &x [1]\nb: *x", "aliases (*name) are not taken"),
        (MOONS + MOONS, "key 'data' is there twice"),
        ("!!python/object/apply:os.system ['false']", "is no YAML"),
        ("seeds: [0]", "data: this key is missing"),
        (MOONS + "modle: {}", "modle: this key is not known; did you mean 'model'?"),
        (MOONS + "model: {metric: {famly: full}}", "did you mean 'family'?"),
        (MOONS + "trainer: {zzz: 1}", "there are epochs, batch_size"),
        (MOONS + "model: null", "model: None was given"),
        (MOONS + "trainer: {epochs: 0}", "trainer.epochs: 0 was given"),
        (MOONS + "trainer: {epochs: 1.5}", "trainer.epochs: 1.5 was given"),
        (MOONS + "trainer: {epochs: '3'}", "trainer.epochs: '3' was given"),
        (MOONS + "trainer: {epochs: true}", "trainer.epochs: True was given"),
        (MOONS + "trainer: {precision: 16}", "32 or 64"),
        (MOONS + "optimiser: {lr: .nan}", "optimiser.lr: nan was given"),
        (MOONS + "optimiser: {lr: .inf}", "optimiser.lr: inf was given"),
        (MOONS + "loss: {lam: -1}", "loss.lam: -1 was given"),
        (MOONS + "loss: {lam: much}", "loss.lam: 'much' was given"),
        (MOONS + "seeds: []", "seeds: [] was given"),
        (MOONS + "seeds: [-1]", "-1 was given"),
        (MOONS + "seeds: [1, 1]", "seeds has a number twice"),
        ("data: {name: file}", "needs data.path"),
        ("data: {name: moons, validation: 0.5, test: 0.5}", "nothing to train on"),
        (MOONS + "model: {metric: null, head: {kind: prototype}}", "needs a metric"),
        (MOONS + "model: {metric: null}\nloss: {fisher: 1}", "fisher needs a metric"),
        (MOONS + "loss: {consistency: 1}", "model.tie: independent"),
        (MOONS + "model: {tie: independent, layers: 1}\nloss: {consistency: 1}", "compares layers"),
        (MOONS + "optimiser: {kind: kfac}\ntrainer: {devices: 2}", "runs in one process"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_key(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_config(text)
    assert said in str(caught.value)
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize(
    "override", ["", "=3", "trainer.epochs", "trainer..epochs=1", "data.name.x=1"]
)
def test_overrides_that_are_none(override: str) -> None:
    with pytest.raises(ConfigError, match=r"override|no keys below"):
        read_config(MOONS, [override])


def test_overrides_win_and_make_what_is_missing() -> None:
    config = read_config(MOONS, ["model.metric.family=conformal", "data.name=circles"])
    assert (config.model.metric.family if config.model.metric else "") == "conformal"
    assert config.data.name == "circles"


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"data: \xff\xfe")
    for path in (tmp_path / "none.yaml", tmp_path, tmp_path / "latin.yaml"):
        with pytest.raises(ConfigError, match="cannot be read"):
            load_config(path)
    (tmp_path / "large.yaml").write_text("#" * 1_000_001)
    with pytest.raises(ConfigError, match="characters"):
        load_config(tmp_path / "large.yaml")


def test_data_are_found_beside_the_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "run.yaml").write_text("data: {name: file, path: mine.csv}")
    (tmp_path / "mine.csv").write_text("a,y\n1,0\n")
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    assert load_config(tmp_path / "run.yaml").data.path == str(tmp_path / "mine.csv")
    (tmp_path / "other" / "mine.csv").write_text("a,y\n1,0\n")
    assert load_config(tmp_path / "run.yaml").data.path == str(tmp_path / "other" / "mine.csv")
