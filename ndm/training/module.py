"""What Lightning trains: a model, its loss with terms kept apart, and a watch over what breaks."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, NoReturn, cast

import lightning as L
import torch
from torch import Tensor

from ndm.balance import AutoBalance, warm_up
from ndm.build import build_loss, build_optimiser, task_loss
from ndm.config import TrainConfig
from ndm.errors import ModelError, TrainingError
from ndm.losses import LossTerms
from ndm.model import NDM
from ndm.training.figures import evaluate

__all__ = ["NdmModule"]

_EVERY = 10  # steps between two looks at the gradients, for lambda: auto
_REMEDY = "lower optimiser.lr or loss.lam, or raise model.metric.eps"


class NdmModule(L.LightningModule):
    """A model in training.

    The loss of a step is total = task + lambda geo + ...; each term is logged by itself, and so is
    lambda. After each epoch the figures of `ndm.training.figures` are computed on the validation
    data. What is random (points for curvature, K-FAC's samples) depends on seed and epoch alone, so
    that a run that is resumed goes on as if it had not been stopped.

    Args:
        model: the model.
        config: of the run.
        task: of the data.
        seed: of this run.
        last: where the last good checkpoint will be, for messages.
    """

    def __init__(self, model: NDM, config: TrainConfig, task: str, seed: int, last: Path) -> None:
        super().__init__()
        self.model, self.config, self.task = model, config, task
        self.seed, self.last = seed, last
        self.balance = AutoBalance(config.loss.auto_share)
        self._balanced = self._watched = -1  # the last steps at which these were done
        self._batch: tuple[Tensor, Tensor] | None = None

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """See `ndm.build.build_optimiser`."""
        return build_optimiser(self.config.optimiser, self.model, self.task)

    def terms(self, x: Tensor, y: Tensor) -> LossTerms:
        """The terms of the loss at a batch.

        Args:
            x: (N, n).
            y: targets.

        Returns:
            The terms.
        """
        return build_loss(self.model, x, y, config=self.config.loss, task=self.task)

    def on_train_epoch_start(self) -> None:
        """Set torch's random numbers: what is random is a function of seed and epoch."""
        torch.manual_seed((self.seed << 24) + (self.current_epoch << 8) + self.global_rank)

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """The loss of a batch.

        Args:
            batch: points and targets.
            batch_idx: its number in the epoch.

        Returns:
            The loss.

        Raises:
            TrainingError: a term is not finite.
        """
        x, y = self._batch = batch
        trial = self._watched == self.global_step  # of the natural gradient: it may fail
        try:
            terms = self.terms(x, y)
        except (ModelError, torch.linalg.LinAlgError) as error:
            if trial:
                return torch.stack([p.sum() for p in self.model.parameters()]).sum() * torch.nan
            self._stop(self._why(error))
        if not trial:
            bad = terms.not_finite()
            if bad:
                self._stop(f"the {' and '.join(bad)} term of the loss is not finite")
        lam = self._lambda(terms)
        total = terms.total(lam)
        if not trial:
            values = {f"train/{name}": value.detach() for name, value in terms.items().items()}
            values |= {"train/total": total.detach(), "train/lambda": torch.tensor(float(lam))}
            self.log_dict(values, on_step=False, on_epoch=True, batch_size=len(x), sync_dist=True)
        return total

    def _why(self, error: Exception) -> str:
        """What is wrong where the loss could not even be computed."""
        assert self._batch is not None
        task = task_loss(self.model, *self._batch, self.task)
        if not bool(task.isfinite()):
            return "the task term of the loss is not finite"
        return f"a geometric term of the loss cannot be computed: {error}"

    def _lambda(self, terms: LossTerms) -> float:
        wanted, step = self.config.loss.lam, self.global_step
        if wanted == "auto":
            if step % _EVERY == 0 and self._balanced != step:
                self._balanced = step
                self.balance.update(terms, self.model.parameters())
                if self.trainer.world_size > 1:
                    self._agree()
            wanted = self.balance.value
        return wanted * warm_up(step, self.config.loss.warm_up)

    def _agree(self) -> None:
        """One lambda for all processes: the mean of the logarithms that they found."""
        log = self.balance.state_dict()["log"]
        mine = torch.tensor([log or 0.0, float(log is not None)], device=self.device)
        total, count = self.trainer.strategy.reduce(mine.double(), reduce_op="sum").tolist()
        if count:
            low, high = self.balance.bounds
            mean = total / count
            value = min(max(math.exp(mean), low), high)
            self.balance.load_state_dict({"value": value, "log": mean})

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Look whether gradients are finite, before anything is done with them.

        Args:
            optimizer: not looked at.

        Raises:
            TrainingError: they are not.
        """
        if self._watched == self.global_step:
            return
        self._watched = self.global_step
        slopes = [p.grad for p in self.model.parameters() if p.grad is not None]
        if slopes and not bool(torch.nn.utils.get_total_norm(slopes).isfinite()):
            if all(bool(slope.isfinite().all()) for slope in slopes):
                return  # only their norm is too large for this number type
            names = self._guilty()
            what = f"the {' and '.join(names)} term" if names else "the loss"
            self._stop(f"the gradient of {what} of the loss is not finite, though its value is")

    def _guilty(self) -> list[str]:
        """The terms whose gradients are not finite."""
        assert self._batch is not None
        found = []
        leaves = [p for p in self.model.parameters() if p.requires_grad]
        with torch.enable_grad():
            for name, value in self.terms(*self._batch).items().items():
                if value.requires_grad:
                    slopes = torch.autograd.grad(
                        value, leaves, retain_graph=True, allow_unused=True
                    )
                    if not all(bool(s.isfinite().all()) for s in slopes if s is not None):
                        found.append(name)
        return found

    def on_train_epoch_end(self) -> None:
        """Compute the figures of the validation data; whatever monitors them comes after this.

        Raises:
            TrainingError: the loss of the validation data is not finite, the metric there is no
                longer positive definite in this number type, or it varies less than
                `loss.variation_floor` over these data.
        """
        x, y = cast(Any, self.trainer).datamodule.validation
        try:
            found = evaluate(self.model, x, y, self.task)
        except (ModelError, torch.linalg.LinAlgError) as error:
            self._stop(f"the geometry at the validation data cannot be computed: {error}")
        values = {f"validation/{name}": torch.tensor(value) for name, value in found.items()}
        self.log_dict(values, prog_bar=False, rank_zero_only=False)
        if not torch.isfinite(values["validation/task"]):
            self._stop("the task term of the loss of the validation data is not finite")
        floor = self.config.loss.variation_floor
        varies = found.get("metric_variation", floor)
        if len(x) > 1 and varies < floor:
            self._stop(
                f"the metric has forgotten the data: it varies by {varies:.1e} over the validation "
                f"points, less than loss.variation_floor = {floor:g}",
                "give it a job (loss.fisher, a prototype head), or lower loss.lam",
            )

    def _stop(self, what: str, remedy: str = _REMEDY) -> NoReturn:
        kept = f"the last good checkpoint is {self.last}" if self.last.exists() else "none is kept"
        raise TrainingError(
            f"epoch {self.current_epoch + 1}, step {self.global_step + 1}, seed {self.seed}: "
            f"{what}; {kept}; {remedy}"
        )

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep lambda.

        Args:
            checkpoint: what is saved.
        """
        checkpoint["balance"] = self.balance.state_dict()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take up lambda.

        Args:
            checkpoint: what was saved.
        """
        self.balance.load_state_dict(checkpoint["balance"])
