"""The Jinja2 templates in `templates/`; what they are given is escaped."""

import jinja2

environment = jinja2.Environment(
    loader=jinja2.PackageLoader("srgan_tf.training"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=jinja2.StrictUndefined,
)
