"""A pipeline by the flags of the command line, and how it ended."""

import logging
import os
import shlex
from collections import Counter

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.runner import PipelineState

from srgan_tf.errors import UserError
from srgan_tf.options.groups import Engine

# What Beam's DirectRunner comes to here, which first tries to download another one.
_HERE = "apache_beam.runners.portability.fn_api_runner.fn_runner.FnApiRunner"


def new_pipeline(options: Engine) -> beam.Pipeline:
    """A pipeline on the runner that is wished; if none is, on this machine's cores.

    Raises:
        UserError: If there is no such runner, or it does not take the flags.
    """
    words = shlex.split(options.beam_options or "")
    if options.runner is None:
        workers = f"--direct_num_workers={os.cpu_count() or 1}"
        words = ["--direct_running_mode=multi_processing", workers, *words]
    logging.getLogger("apache_beam").setLevel(logging.ERROR)
    try:
        return beam.Pipeline(options.runner or _HERE, PipelineOptions(words))
    except (ValueError, ImportError, SystemExit) as error:
        raise UserError(
            f"--runner={options.runner} --beam_options={options.beam_options}: Beam "
            f"refuses that ({error})."
        ) from None


def run_to_end(pipeline: beam.Pipeline) -> Counter[str]:
    """Runs a pipeline.

    Returns:
        The sums of its counters; nothing of runners that do not count.

    Raises:
        UserError: If it did not come to its end.
    """
    result = pipeline.run()
    if (state := result.wait_until_finish()) != PipelineState.DONE:
        raise UserError(f"The pipeline ended as {state}: the same command continues.")
    counts: Counter[str] = Counter()
    try:
        found = result.metrics().query()["counters"]
    except NotImplementedError:
        return counts
    for counter in found:
        counts[counter.key.metric.name] += counter.committed or 0
    return counts
