"""`python -m srgan_tf` is the command line."""

from srgan_tf.main import main

if __name__ == "__main__":
    main()
