"""What Adam holds, under names that no flag changes.

Keras numbers an optimizer's variables. A running average, frozen layers or loss scaling
shift the numbers, and it then leaves the whole state out with a warning.
"""

import h5py
import keras

from srgan_tf.errors import UserError
from srgan_tf.models.srgan import SRGAN

Owned = tuple[keras.optimizers.Optimizer, keras.Model]


def optimizers(model: keras.Model) -> dict[str, Owned]:
    """Each optimizer and the network it trains, by its name in a weights file."""
    if isinstance(model, SRGAN):
        return {
            "g_optimizer": (model.g_optimizer, model.generator),
            "d_optimizer": (model.d_optimizer, model.discriminator),
        }
    return {"optimizer": (model.optimizer, model)}


def name_state(file: h5py.File, model: keras.Model) -> None:
    """Writes the names of the optimizers' variables into a file that Keras saved."""
    for group, owned in optimizers(model).items():
        file[group]["vars"].attrs["names"] = _names(*owned)


def load_state(file: h5py.File, model: keras.Model) -> None:
    """Loads the optimizers of a file. The learning rate is left as the flags have it.

    Averages that the file lacks begin at the weights, which must be loaded before;
    moments of weights that were frozen begin at zero.

    Raises:
        ValueError: If the file lacks something else.
        UserError: If it is of an earlier version, without names, and of other flags.
    """
    for group, (optimizer, network) in optimizers(model).items():
        store = file[group]["vars"]
        wanted = _names(optimizer, network)
        names = list(store.attrs.get("names", wanted))
        if len(names) != len(store):
            raise UserError(
                f"{file.filename} is of an earlier version, which kept no names of "
                "Adam's state: continue with the --precision, --schedule, --ema_decay "
                "and --freeze_batch_norm that the run was made with."
            )
        saved = {name: store[str(i)] for i, name in enumerate(names)}
        moments = any(name.startswith("momentum/") for name in saved)
        for name, variable in zip(wanted, optimizer.variables):
            slot, _, place = name.partition("/")
            if slot == "learning_rate":
                continue
            if name in saved:
                variable.assign(saved[name][()])
            elif slot == "average":
                variable.assign(network.weights[int(place)])
            elif slot in ("momentum", "velocity") and moments:
                variable.assign(keras.ops.zeros_like(variable))
            elif slot != "scaling":
                raise ValueError(f"it lacks Adam's {name}")


def _names(optimizer: keras.optimizers.Optimizer, network: keras.Model) -> list[str]:
    """Such as `iteration` or, of the eighth weight of the network, `momentum/7`."""
    places = {w.path.replace("/", "_"): i for i, w in enumerate(network.weights)}
    inner = getattr(optimizer, "inner_optimizer", None)
    own = len(optimizer.variables) - len(inner.variables) if inner else 0
    names = []
    for i, variable in enumerate(optimizer.variables):
        reference, _, slot = variable.name.rpartition("_")
        if i < own:  # of loss scaling
            names.append(f"scaling/{variable.name}")
        elif reference in places:
            names.append(f"{slot}/{places[reference]}")
        else:
            names.append(variable.name)
    return names
