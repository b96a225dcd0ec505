"""From YAML to a configuration, and from what is wrong in it to a message that names the key."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from ndm.config.schema import (
    DataConfig,
    HeadConfig,
    LossConfig,
    MetricConfig,
    ModelConfig,
    OptimiserConfig,
    TrainConfig,
    TrainerConfig,
)
from ndm.errors import ConfigError

__all__ = ["load_config", "read_config"]

_LARGEST = 1_000_000  # characters of a configuration


def load_config(path: str | Path, overrides: Iterable[str] = ()) -> TrainConfig:
    """Read a configuration from a YAML file.

    Args:
        path: the file.
        overrides: texts like "trainer.epochs=10", which win over the file; values are YAML.

    Returns:
        The configuration; a relative data.path is looked for here, then beside the file.

    Raises:
        ConfigError: the file cannot be read, or its content cannot be used.
    """
    try:
        text = Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}", remedy="give a YAML file") from error
    config = read_config(text, overrides, name=str(path))
    if config.data.path is None:
        return config
    given = Path(config.data.path).expanduser()
    beside = Path(path).parent / given
    place = (given if given.exists() or not beside.exists() else beside).absolute()
    return config.model_copy(update={"data": config.data.model_copy(update={"path": str(place)})})


def read_config(text: str, overrides: Iterable[str] = (), *, name: str = "text") -> TrainConfig:
    """Read a configuration from YAML.

    Args:
        text: YAML.
        overrides: see `load_config`.
        name: how to call it in messages.

    Returns:
        The configuration.

    Raises:
        ConfigError: it cannot be used; the key and what would do are in the message.

    Example:
        >>> read_config("data: {name: moons}", ["trainer.epochs=3"]).trainer.epochs
        3
        >>> read_config("{data: {name: moons}, modle: {layers: 2}}")
        Traceback (most recent call last):
            ...
        ndm.errors.ConfigError: modle: this key is not known; did you mean 'model'?
    """
    content = _parsed(text, name)
    if not isinstance(content, dict):
        raise ConfigError(
            f"{name} holds {type(content).__name__}, not keys and values",
            remedy="begin with `data: {name: moons}`",
        )
    for override in overrides:
        _set(content, override)
    try:
        return TrainConfig.model_validate(content)
    except ValidationError as error:
        problem = _explained(error)
        raise ConfigError(problem.message, key=problem.key, remedy=problem.remedy) from error


class _Loader(yaml.SafeLoader):
    """Plain YAML, in which 1e-3 is a number; keys given twice and aliases are refused."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases (*name) are not taken: write the value out")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen = [key.value for key, _ in node.value]
        twice = [key for k, key in enumerate(seen) if key in seen[:k]]
        if twice:
            line = node.start_mark.line + 1
            raise yaml.YAMLError(f"key {twice[0]!r} is there twice, in the block of line {line}")
        found: dict[Any, Any] = super().construct_mapping(node, deep)
        return found


# YAML 1.1 takes 1e-3 for a text, since it has no point
_FLOAT = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+")
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+0123456789."))


def _parsed(text: str, name: str) -> Any:
    if len(text) > _LARGEST:
        raise ConfigError(f"{name} has {len(text)} characters, more than {_LARGEST}")
    try:
        return yaml.load(text, _Loader)  # it is a SafeLoader
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        first = " ".join(str(error).split())[:300]
        raise ConfigError(f"{name} is no YAML: {first}", remedy="mend the line it names") from error


def _set(content: dict[str, Any], override: str) -> None:
    key, equals, value = override.partition("=")
    steps = [step.strip() for step in key.split(".")]
    if not equals or not all(steps):
        raise ConfigError(f"{override!r} is no override", remedy="write key.key=value")
    place = content
    for step in steps[:-1]:
        below = place.setdefault(step, {})
        if not isinstance(below, dict):
            raise ConfigError(f"{step!r} has no keys below it", key=key)
        place = below
    place[steps[-1]] = _parsed(value, f"the value of {key}")


def _explained(error: ValidationError) -> ConfigError:
    """The first problem, in words; the others are counted."""
    first, others = error.errors()[0], error.error_count() - 1
    # unions put names of their members into the path, which say nothing to a reader
    key = ".".join(
        str(step) for step in first["loc"] if "-" not in str(step) and "[" not in str(step)
    )
    rest = f" (and {others} more)" if others else ""
    if first["type"] == "extra_forbidden":
        known = _keys(first["loc"][:-1])
        near = difflib.get_close_matches(str(first["loc"][-1]), known, n=1)
        remedy = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
        return ConfigError(f"this key is not known{rest}", key=key, remedy=remedy)
    if first["type"] == "missing":
        return ConfigError(f"this key is missing{rest}", key=key, remedy="give it a value")
    shown = repr(first.get("input"))
    shown = shown if len(shown) < 80 else shown[:77] + "..."
    message = first["msg"].removeprefix("Value error, ")
    given = "" if first["type"] == "value_error" else f"{shown} was given: "
    return ConfigError(f"{given}{message}{rest}", key=key)


def _keys(path: tuple[int | str, ...]) -> list[str]:
    """The keys that there are at a place of the configuration."""
    parts: dict[str, type[BaseModel]] = {
        "": TrainConfig,
        "data": DataConfig,
        "model": ModelConfig,
        "model.metric": MetricConfig,
        "model.head": HeadConfig,
        "loss": LossConfig,
        "optimiser": OptimiserConfig,
        "trainer": TrainerConfig,
    }
    found = parts.get(".".join(str(step) for step in path), TrainConfig)
    return list(found.model_fields)
