"""The one exception whose message is written for the person at the keyboard."""


class UserError(ValueError):
    """Bad input. The message is one line: what was wrong and what to do about it.

    `srgan_tf.main` prints it without a traceback and exits with code 1.
    """
