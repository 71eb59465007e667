"""`upscale` and `prepare` as pipelines of Apache Beam, for machines without number."""
