"""A pipeline by the flags of the command line, and how it ended."""

import logging
import os
import shlex
from collections import Counter

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability.api import beam_provision_api_pb2
from apache_beam.runners.portability.fn_api_runner.fn_runner import (
    ExtendedProvisionInfo,
    FnApiRunner,
)
from apache_beam.runners.portability.portable_runner import JobServiceHandle
from apache_beam.runners.runner import PipelineState

from srgan_tf.errors import UserError, reason
from srgan_tf.options.groups import Engine

_HERE = (
    "--direct_running_mode=multi_processing",
    "--default_sdk_harness_log_level=ERROR",
)
_WORKER_GONE = "Channel closed prematurely"


def new_pipeline(options: Engine) -> beam.Pipeline:
    """A pipeline on the runner that is wished; if none is, on this machine's cores.

    Raises:
        UserError: If there is no such runner, or it does not take the flags.
    """
    words = shlex.split(options.beam_options or "")
    if options.runner is None:
        words = [*_HERE, f"--direct_num_workers={os.cpu_count() or 1}", *words]
    logging.getLogger("apache_beam").setLevel(logging.ERROR)
    try:
        flags = PipelineOptions(words)
        return beam.Pipeline(options.runner or _runner_here(flags), flags)
    except (ValueError, ImportError, SystemExit) as error:
        raise UserError(
            f"--runner={options.runner} --beam_options={options.beam_options}: Beam "
            f"refuses that ({reason(error)})."
        ) from None


def _runner_here(flags: PipelineOptions) -> FnApiRunner:
    """What Beam's DirectRunner comes to, after it has tried to download another one."""
    encoded = JobServiceHandle.encode_pipeline_options(flags.get_all_options())
    info = beam_provision_api_pb2.ProvisionInfo(pipeline_options=encoded)
    return FnApiRunner(provision_info=ExtendedProvisionInfo(info))


def run_to_end(pipeline: beam.Pipeline) -> Counter[str]:
    """Runs a pipeline.

    Returns:
        The sums of its counters; nothing of runners that do not count.

    Raises:
        UserError: If it did not come to its end.
    """
    try:
        result = pipeline.run()
        state = result.wait_until_finish()
    except RuntimeError as error:
        if _WORKER_GONE not in str(error):
            raise
        raise UserError(
            "A worker process has ended, killed or out of memory: the same command "
            "continues."
        ) from None
    if state != PipelineState.DONE:
        raise UserError(f"The pipeline ended as {state}: the same command continues.")
    counts: Counter[str] = Counter()
    try:
        found = result.metrics().query()["counters"]
    except NotImplementedError:
        return counts
    for counter in found:
        counts[counter.key.metric.name] += counter.committed or 0
    return counts
