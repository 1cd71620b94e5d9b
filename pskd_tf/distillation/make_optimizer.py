"""The optimiser of every training."""

import keras

from pskd_tf.distillation.training_settings import TrainingSettings


def make_optimizer(settings: TrainingSettings, total_steps: int) -> keras.optimizers.Optimizer:
    """Makes AdamW with warm-up, a cosine to 0 and a moving average of the weights.

    Args:
        settings: Rates and momenta.
        total_steps: Steps of the whole training.

    Returns:
        An unbuilt optimiser; at the end of `fit` it puts the average in place of the weights.
    """
    warmup = max(1, round(settings.warmup_share * total_steps))
    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0,
        decay_steps=max(1, total_steps - warmup),
        warmup_target=settings.peak_learning_rate,
        warmup_steps=warmup,
    )
    optimizer = keras.optimizers.AdamW(
        schedule,
        weight_decay=settings.weight_decay,
        beta_1=0.9,
        beta_2=0.99,
        use_ema=True,
        ema_momentum=settings.ema_momentum,
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer
