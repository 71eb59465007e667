"""The command `prepare --beam`: shards made by many workers."""

from collections.abc import Callable, Sequence

import apache_beam as beam

from srgan_tf.beam.pipelines import new_pipeline, run_to_end
from srgan_tf.data.prepare import prepare
from srgan_tf.options import PrepareOptions


def prepare_by_beam(options: PrepareOptions) -> None:
    """As `prepare`, with the same bytes; each worker makes whole shards.

    All workers must see the photos, and the folder to make, under the same paths.

    Raises:
        UserError: As there, or if the pipeline does not come to its end.
    """

    def run(work: Callable[[str], None], names: Sequence[str]) -> None:
        pipeline = new_pipeline(options)
        _ = (
            pipeline
            | "Shards" >> beam.Create(names)
            | "Spread" >> beam.Reshuffle()
            | "Make" >> beam.Map(work)
        )
        run_to_end(pipeline)

    prepare(options, run=run)
